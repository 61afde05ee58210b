"""`vst batch` paints what `vst stylize` paints, whoever is killed meanwhile; nothing is lost, half or twice."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from pathlib import Path

import av
import pytest

from edge.batch import processes
from tests.conftest import write_picture
from tests.edge.batch.films import (
    PIECES,
    SECONDS,
    SLOW,
    batch,
    film,
    finished_pieces,
    painters,
    shown,
    wait_for,
)
from tests.keras_vst.clips import grey_steps, names, sound_packets, write_clip

LOSSLESS = ("--codec", "ffv1")


def whole(vst, path: Path, target: Path, negative: Path, *options: object) -> list:
    """What `vst stylize` makes of one clip."""
    assert vst("stylize", path, "-o", target, "--model", negative, *options)[0] == 0
    return shown(target)


def test_many_videos_are_painted_as_one_by_one_and_a_poisoned_one_is_left_out(vst, negative, tmp_path):
    films, out = tmp_path / "films", tmp_path / "out"
    films.mkdir()
    film(films / "a.mkv")
    film(films / "b.mkv", seed=8, codec="libx264", options={"x264-params": "keyint=7:open-gop=1:bframes=2"})
    (films / "poison.mkv").write_bytes((films / "a.mkv").read_bytes()[:300])
    photo = write_picture(tmp_path / "photo.png", seed=3)
    arguments = ("batch", films, photo, "-o", out, "--model", negative, *LOSSLESS, "--workers", 2)
    status, told, err = vst(*arguments, "--json")
    row = json.loads(told)
    poison = str(films / "poison.mkv")
    assert (status, row["videos"], row["painted"], [*row["left_out"]]) == (2, 4, 3, [poison])
    assert err == f"vst: left out: {poison}: {row['left_out'][poison]}\n"
    assert (row["frames"], row["pieces"], row["by"]) == (2 * SECONDS + 1, 2 * PIECES + 1, "2 processes")
    assert names(out) == [".vst-batch", "a.mkv", "b.mkv", "batch.json", "photo.png"]
    for name in ("a.mkv", "b.mkv"):
        assert shown(out / name) == whole(vst, films / name, tmp_path / name, negative, *LOSSLESS)
        assert sound_packets(out / name) == sound_packets(films / name)
    record = json.loads((out / "batch.json").read_text())
    assert [each["input"] for each in record["files"] if each["left_out"]] == [poison]

    before = (out / "a.mkv").stat().st_mtime_ns
    (out / "photo.png").write_bytes(b"somebody wrote over it")
    again = json.loads(vst(*arguments, "--json")[1])
    assert (again["there"], again["painted"], (out / "a.mkv").stat().st_mtime_ns) == (2, 1, before)
    other = json.loads(vst(*arguments, "--json", "--strength", "0.5")[1])
    assert (other["there"], other["painted"]) == (0, 3)


def test_a_decoder_that_hangs_costs_its_own_video_alone(vst, negative, tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "PATIENCE", 5.0)
    os.mkfifo(tmp_path / "hangs.mkv")  # nobody writes into it
    write_clip(tmp_path / "fine.mkv", grey_steps(3))
    films = (tmp_path / "hangs.mkv", tmp_path / "fine.mkv")
    status, told, err = vst("batch", *films, "-o", tmp_path / "out", "--model", negative, "--workers", 2)
    assert (status, told.partition(" (")[0]) == (2, "1 file painted")
    reason = "its decoder hangs: no frame came for 5 s; export it again"
    assert err == f"vst: left out: {films[0]}: {reason}\n"


def test_what_a_file_cannot_hold_is_said_once_for_all_its_pieces(vst, negative, tmp_path):
    path = film(tmp_path / "a.mkv")
    with av.open(str(path)) as source, av.open(str(tmp_path / "b.mkv"), "w") as titled:
        streams = [titled.add_stream_from_template(each) for each in source.streams]
        titled.metadata["mood"] = "calm"
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                titled.mux(packet)
    renamed = (tmp_path / "b.mkv").rename(tmp_path / "b.avi")
    status, _, err = vst("batch", renamed, "-o", tmp_path / "out", "--model", negative, "--workers", 2)
    assert (status, err) == (0, f"vst: {renamed}: .mp4 holds no mood; left out\n")


def test_what_cannot_be_cut_is_painted_as_it_is(vst, negative, tmp_path):
    films = tmp_path / "films"
    films.mkdir()
    film(films / "refresh.mkv", options={"x264-params": "intra-refresh=1:keyint=8:bframes=0"})
    write_clip(films / "leaps.ts", grey_steps(5))
    options = ("--model", negative, "--crf", 0)  # lossless: what x264 rounds is not the same every time
    status, _, err = vst("batch", films, "-o", tmp_path / "out", *options, "--workers", 1)
    assert (status, err) == (0, "")
    for name in ("refresh.mkv", "leaps.ts.mp4"):
        source = films / name.removesuffix(".mp4")
        assert shown(tmp_path / "out" / name) == whole(vst, source, tmp_path / name, negative, "--crf", 0)


@pytest.mark.skipif(os.name != "posix", reason="signals are a matter of POSIX")
def test_a_worker_that_is_killed_costs_its_piece_alone(vst, negative, tmp_path):
    path, out = film(tmp_path / "a.mkv"), tmp_path / "out"
    options = ("--model", negative, *LOSSLESS, *SLOW)
    with batch(path, "-o", out, *options, "--workers", 2, "--json") as process:
        os.kill(wait_for(lambda: painters(out), process)[0], signal.SIGKILL)
        told, err = process.communicate(timeout=200)
    row = json.loads(told)
    assert (process.returncode, err, row["tried_again"], row["frames"]) == (0, "", 1, SECONDS)
    assert shown(out / "a.mkv") == whole(vst, path, tmp_path / "whole.mkv", negative, *LOSSLESS, *SLOW)
    assert sorted(names(out)) == [".vst-batch", "a.mkv", "batch.json"]


@pytest.mark.skipif(os.name != "posix", reason="signals are a matter of POSIX")
def test_a_run_that_is_killed_goes_on_where_it_was(vst, negative, tmp_path):
    path, out = film(tmp_path / "a.mkv"), tmp_path / "out"
    options = ("--model", negative, *LOSSLESS, *SLOW, "--workers", 1, "--json")
    with batch(path, "-o", out, *options) as process:
        (worker,) = wait_for(lambda: finished_pieces(out) and painters(out), process)
        os.kill(worker, signal.SIGSTOP)
        status, _, err = vst("batch", path, "-o", out, *options)
        assert (status, err.count("\n")) == (2, 1)
        assert "another run is painting into" in err
        process.kill()
        os.kill(worker, signal.SIGCONT)
    assert names(out) == [".vst-batch"]  # nothing half
    with batch(path, "-o", out, *options) as second:
        told, err = second.communicate(timeout=200)
    row = json.loads(told)
    assert (second.returncode, err, row["frames"]) == (0, "", SECONDS)
    assert 0 < row["pieces_found"] < PIECES
    assert shown(out / "a.mkv") == whole(vst, path, tmp_path / "whole.mkv", negative, *LOSSLESS, *SLOW)
    assert names(out / ".vst-batch") == ["done", "lock"]
    with pytest.raises(ProcessLookupError):  # the worker has ended with its driver
        os.kill(worker, 0)


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="limits of another process are a matter of Linux"
)
def test_a_full_disk_at_one_worker_leaves_the_work_to_the_other(vst, negative, tmp_path):
    path, out = film(tmp_path / "a.mkv"), tmp_path / "out"
    with batch(path, "-o", out, "--model", negative, *LOSSLESS, *SLOW, "--workers", 2, "--json") as process:
        sick = wait_for(lambda: painters(out), process)[0]
        resource.prlimit(sick, resource.RLIMIT_FSIZE, (2000, 2000))
        told, err = process.communicate(timeout=200)
    row = json.loads(told)
    assert (process.returncode, err, row["frames"]) == (0, "", SECONDS)
    assert row["tried_again"] >= 1
    assert shown(out / "a.mkv") == whole(vst, path, tmp_path / "whole.mkv", negative, *LOSSLESS, *SLOW)


@pytest.mark.skipif(os.name != "posix", reason="signals are a matter of POSIX")
def test_ctrl_c_leaves_finished_pieces_and_nothing_else(negative, tmp_path):
    path, out = film(tmp_path / "a.mkv"), tmp_path / "out"
    with batch(path, "-o", out, "--model", negative, *LOSSLESS, *SLOW, "--workers", 1) as process:
        wait_for(lambda: finished_pieces(out) and painters(out), process)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err == "vst: run the same again to go on.\nvst: stopped; nothing unfinished was left behind.\n"
    records = finished_pieces(out)
    pieces = [name.replace(".json", ".mkv") for name in records]
    assert names(out / ".vst-batch" / "pieces") == sorted([*records, *pieces])


def refused(vst, *arguments: object) -> str:
    status, out, err = vst("batch", *arguments)
    assert (status, out, err.count("\n")) == (2, "", 1)
    return err


def test_what_makes_no_sense_is_refused_before_any_work(vst, negative, tmp_path, monkeypatch):
    one, two = tmp_path / "1", tmp_path / "2"
    for folder in (one, two):
        folder.mkdir()
        film(folder / "a.mkv")
    options = ("--model", negative)
    assert "would both become a.mkv" in refused(vst, one / "a.mkv", two, "-o", tmp_path / "out", *options)
    assert "it is the input itself" in refused(vst, one / "a.mkv", "-o", one, *options)
    assert "no file or folder" in refused(vst, tmp_path / "none.mp4", "-o", tmp_path / "out", *options)
    assert "which style?" in refused(vst, one, "-o", tmp_path / "out")
    (two / "a.mkv").rename(two / "a.txt")
    assert "no picture or clip" in refused(vst, two, "-o", tmp_path / "out", *options)
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "edge.batch.cluster", raising=False)
    needs = refused(vst, one, "-o", tmp_path / "out", *options, "--cluster", "auto")
    assert "pip install 'keras-vst[cluster]'" in needs
    assert names(tmp_path / "out") == [".vst-batch"]
