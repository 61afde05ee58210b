import errno
import os
import subprocess
import sys

import pytest

from keras_vst import files
from keras_vst.errors import UserError
from keras_vst.files import Part, atomic, disk_errors, hold, sweep, write_whole
from tests.keras_vst.clips import names


class Killed(BaseException):
    """Ends the process here."""


def refuse_rename_onto(monkeypatch, target, error):
    """From now on the rename that puts something at `target` fails."""
    rename = os.replace

    def fail(source, onto):
        if onto == target:
            raise error
        rename(source, onto)

    monkeypatch.setattr(files.os, "replace", fail)


def full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_file_is_written_whole_with_its_folder_and_replaces_another(tmp_path):
    path = tmp_path / "new" / "words.txt"
    write_whole(path, "straße")
    write_whole(path, b"bytes")
    assert path.read_bytes() == b"bytes"
    assert names(path.parent) == ["words.txt"]


def test_while_it_is_written_it_has_a_hidden_name_with_the_same_ending(tmp_path):
    for name, ending in (("a.mp4", ".mp4"), ("a.weights.h5", ".weights.h5"), ("é" * 120 + ".png", ".png")):
        with atomic(tmp_path / name) as part:
            assert part.name.startswith(".")
            assert part.name.endswith(ending)
            assert len(part.name.encode()) < 255
            part.write_text("x")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("no"), OSError("no number")])
def test_what_goes_wrong_passes_and_leaves_what_was_there(tmp_path, error):
    path = tmp_path / "words.txt"
    write_whole(path, "old")

    def stop_half_way():
        with atomic(path) as part:
            part.write_text("half")
            raise error

    with pytest.raises(type(error)):
        stop_half_way()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["words.txt"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_is_one_line_and_leaves_what_was_there(tmp_path, monkeypatch, step):
    path = tmp_path / "words.txt"
    write_whole(path, "old")
    monkeypatch.setattr(files.os, step, full)
    with pytest.raises(UserError, match=r"^cannot write \S+words\.txt: the disk is full; free some space"):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["words.txt"]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.EACCES, ""), "you may not write there"),
        (OSError("file write failed: time = 1, errno = 28, error message = 'No space'"), "the disk is full"),
    ],
)
def test_the_disks_own_errors_are_told_even_in_the_words_of_hdf5(tmp_path, error, told):
    with (
        pytest.raises(UserError, match=f"cannot write out: {told}"),
        disk_errors(tmp_path.relative_to(tmp_path) / "out"),
    ):
        raise error


def test_what_is_in_the_way_is_told(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match=r"something else of that name|a part of that path is a file"):
        write_whole(tmp_path / "file" / "words.txt", "new")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="a folder of that name is in the way"):
        write_whole(tmp_path / "folder", "new")
    assert names(tmp_path) == ["file", "folder"]


def test_the_one_before_is_kept_under_its_own_name(tmp_path):
    path, before = tmp_path / "now.h5", tmp_path / "before.h5"
    for word in ("one", "two", "three"):
        with atomic(path, keep_as=before) as part:
            part.write_text(word)
    assert (path.read_text(), before.read_text()) == ("three", "two")
    assert names(tmp_path) == ["before.h5", "now.h5"]


def test_where_the_second_rename_fails_the_one_before_comes_back(tmp_path, monkeypatch):
    path, before = tmp_path / "now.h5", tmp_path / "before.h5"
    write_whole(path, "one")
    part = Part(path)
    part.part.write_text("two")
    calls, rename = [], os.replace

    def fail_at_second(source, target):
        calls.append(target)
        full() if len(calls) == 2 else rename(source, target)

    monkeypatch.setattr(files.os, "replace", fail_at_second)
    with pytest.raises(UserError, match="the disk is full"):
        part.commit(keep_as=before)
    part.discard()
    assert path.read_text() == "one"
    assert names(tmp_path) == ["now.h5"]


def test_a_kill_between_the_renames_leaves_the_one_before(tmp_path, monkeypatch):
    path, before = tmp_path / "now.h5", tmp_path / "before.h5"
    write_whole(path, "one")
    refuse_rename_onto(monkeypatch, path, Killed())
    part = Part(path)
    part.part.write_text("two")
    with pytest.raises(Killed):
        part.commit(keep_as=before)
    assert before.read_text() == "one"
    sweep(tmp_path)
    assert names(tmp_path) == ["before.h5"]


def fill(folder, word):
    with atomic(folder, folder=True) as made:
        (made / "inner").mkdir()
        (made / "inner" / "word.txt").write_text(word)


def test_a_folder_takes_the_place_of_a_full_one(tmp_path):
    for word in ("one", "two"):
        fill(tmp_path / "style", word)
    assert (tmp_path / "style" / "inner" / "word.txt").read_text() == "two"
    assert names(tmp_path) == ["style"]


def test_a_folder_that_fails_is_gone_and_the_older_one_stays(tmp_path, monkeypatch):
    fill(tmp_path / "style", "one")
    monkeypatch.setattr(files, "_to_disk", full)
    with pytest.raises(UserError, match="the disk is full"):
        fill(tmp_path / "style", "two")
    assert (tmp_path / "style" / "inner" / "word.txt").read_text() == "one"
    assert names(tmp_path) == ["style"]


def test_a_folder_that_a_kill_moved_away_comes_back_with_the_next_one(tmp_path, monkeypatch):
    fill(tmp_path / "style", "one")
    with monkeypatch.context() as patched:
        refuse_rename_onto(patched, tmp_path / "style", Killed())
        with pytest.raises(Killed):
            fill(tmp_path / "style", "two")
    assert not (tmp_path / "style").exists()
    with pytest.raises(ValueError, match="no"), atomic(tmp_path / "style", folder=True):
        raise ValueError("no")
    assert (tmp_path / "style" / "inner" / "word.txt").read_text() == "one"
    assert names(tmp_path) == ["style"]


def test_the_leftovers_of_kills_are_swept_and_nothing_else(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / ".a.part-1.png").write_text("half")
    (tmp_path / ".b.part-2").mkdir()
    (tmp_path / "c.part-3").write_text("somebody's")
    sweep(tmp_path)
    assert names(tmp_path) == ["c.part-3", "deep"]
    assert names(tmp_path / "deep") == []


@pytest.mark.skipif(os.name != "posix", reason="elsewhere one cannot ask for a process without ending it")
@pytest.mark.parametrize("name", ["a.mp4", "style"])
def test_parts_of_the_same_file_go_once_their_process_is_gone(tmp_path, name):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    stem, dot, ending = name.partition(".")
    kept = [f".{stem}.part-1{dot}{ending}", f".b.part-{ended.pid}.mp4", f".{stem}.part-{ended.pid}.txt"]
    for each in kept:
        (tmp_path / each).write_text("somebody's")
    if ending:
        (tmp_path / f".{stem}.part-{ended.pid}.{ending}").write_text("half")
        write_whole(tmp_path / name, "whole")
    else:
        (tmp_path / f".{stem}.part-{ended.pid}").mkdir()
        fill(tmp_path / name, "whole")
    assert names(tmp_path) == sorted([*kept, name])


def test_a_file_has_one_holder_until_that_one_lets_go(tmp_path):
    holder = hold(tmp_path / "lock")
    with pytest.raises(BlockingIOError):
        hold(tmp_path / "lock")
    holder.close()
    hold(tmp_path / "lock").close()
