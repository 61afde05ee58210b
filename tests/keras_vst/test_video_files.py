from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from keras_vst.errors import UserError
from keras_vst.files import disk_errors
from keras_vst.video import TimedFrame, VideoInfo, open_sink, open_source, probe
from tests.keras_vst.clips import flat, grey_steps, names, write_clip

INFO = VideoInfo(64, 48, fps=Fraction(25), time_base=Fraction(1, 25))
KINDS = ["out.mp4", "out.webm", "out.gif", "out.png", "out/"]


def write(name: str, frames: int = 1, then: type[BaseException] | None = None) -> None:
    """Write frames of noise, then raise when asked to."""
    generator = np.random.default_rng(0)
    with open_sink(name, INFO) as sink:
        for index in range(frames):
            pixels = generator.integers(0, 256, (240, 320, 3), dtype=np.uint8)
            sink.write(TimedFrame(pixels, Fraction(index, 25)))
        if then is not None:
            raise then


@pytest.mark.parametrize("name", KINDS)
def test_the_target_appears_only_when_it_is_whole(tmp_path: Path, name: str):
    with open_sink(f"{tmp_path}/{name}", INFO) as sink:
        sink.write(TimedFrame(flat((1, 2, 3)), Fraction(0)))
        (part,) = names(tmp_path)
        assert part.startswith(".out.part-")
    assert names(tmp_path) == [name.strip("/")]


@pytest.mark.skipif(os.name != "posix", reason="elsewhere one cannot ask for a process without ending it")
@pytest.mark.parametrize("name", KINDS)
def test_what_a_killed_run_left_goes_with_the_next_of_that_name(tmp_path: Path, name: str):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    half = f".out.part-{ended.pid}{Path(name).suffix}"
    if name.endswith("/"):
        (tmp_path / half).mkdir()
    else:
        (tmp_path / half).write_text("half")
    write(f"{tmp_path}/{name}")
    assert names(tmp_path) == [name.strip("/")]


def test_to_close_twice_or_to_abort_afterwards_changes_nothing(tmp_path: Path):
    sink = open_sink(tmp_path / "out.png", INFO)
    sink.write(TimedFrame(flat((1, 2, 3)), Fraction(0)))
    sink.close()
    sink.close()
    sink.abort()
    assert names(tmp_path) == ["out.png"]
    sink = open_sink(tmp_path / "out.mp4", INFO)
    sink.abort()
    sink.abort()
    assert names(tmp_path) == ["out.png"]


@pytest.mark.parametrize("name", KINDS)
def test_an_interruption_leaves_the_old_target_and_nothing_else(tmp_path: Path, name: str):
    write(f"{tmp_path}/{name}")
    target = tmp_path / name
    before = target.stat().st_mtime_ns
    with pytest.raises(KeyboardInterrupt):
        write(f"{tmp_path}/{name}", then=KeyboardInterrupt)
    assert names(tmp_path) == [target.name]
    assert target.stat().st_mtime_ns == before


@pytest.mark.parametrize("name", KINDS)
def test_a_target_without_frames_is_a_mistake(tmp_path: Path, name: str):
    with pytest.raises(UserError, match="no frame came for"), open_sink(f"{tmp_path}/{name}", INFO):
        pass
    assert names(tmp_path) == []


def test_a_link_stays_a_link_to_the_new_file(tmp_path: Path):
    (tmp_path / "real.bin").write_text("old")
    (tmp_path / "out.mp4").symlink_to("real.bin")
    write(f"{tmp_path}/out.mp4")
    assert (tmp_path / "out.mp4").is_symlink()
    assert probe(tmp_path / "real.bin").frames == 1


@pytest.mark.parametrize("way", ["itself", "symlink", "hard link", "sound"])
def test_the_input_is_never_overwritten(tmp_path: Path, way: str):
    path = write_clip(tmp_path / "in.mp4", grey_steps(2), sound="aac")
    content = path.read_bytes()
    target = path if way in ("itself", "sound") else tmp_path / "out.mp4"
    if way == "symlink":
        target.symlink_to(path)
    elif way == "hard link":
        target.hardlink_to(path)
    info = INFO if way == "sound" else probe(path)
    with pytest.raises(UserError, match="it is the input itself; name another output"):
        open_sink(target, info, sound=path if way == "sound" else None)
    assert path.read_bytes() == content


def test_the_folder_that_is_read_is_never_overwritten(tmp_path: Path):
    write(f"{tmp_path}/in/")
    with open_source(tmp_path / "in") as source, pytest.raises(UserError, match="it is the input itself"):
        open_sink(f"{tmp_path}/in/", source.info)


@pytest.mark.parametrize("name", ["out.avi", "out", "out.MP3"])
def test_an_unknown_extension_lists_the_known_ones(tmp_path: Path, name: str):
    with pytest.raises(
        UserError, match=r"not known here; end the name in one of \.mp4 \.mkv \.mov \.webm \.gif"
    ):
        open_sink(tmp_path / name, INFO)


def test_extensions_may_be_in_capitals(tmp_path: Path):
    write(f"{tmp_path}/OUT.MP4")
    assert probe(tmp_path / "OUT.MP4").frames == 1


def test_a_folder_where_a_file_was_expected_is_refused(tmp_path: Path):
    (tmp_path / "out.mp4").mkdir()
    with pytest.raises(
        UserError, match=r"out\.mp4 is a folder; for numbered pictures in it write .*out\.mp4/"
    ):
        open_sink(tmp_path / "out.mp4", INFO)


def test_a_file_where_a_folder_was_expected_is_refused(tmp_path: Path):
    (tmp_path / "out").touch()
    with pytest.raises(UserError, match="is a file, but a folder was asked for"):
        open_sink(f"{tmp_path}/out/", INFO)


def test_a_device_is_no_target(tmp_path: Path):
    os.mkfifo(tmp_path / "out.mp4")
    with pytest.raises(UserError, match="is neither a file nor a folder"):
        open_sink(tmp_path / "out.mp4", INFO)


def test_a_folder_that_may_not_be_written_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def forbidden(self: Path, data: bytes) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "write_bytes", forbidden)  # root may write anywhere, and tests may run as root
    with pytest.raises(UserError, match=r"cannot write .*out\.mp4: you may not write there"):
        open_sink(tmp_path / "out.mp4", INFO)


@contextlib.contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("name", KINDS)
def test_a_disk_that_takes_no_more_is_a_users_matter_and_leaves_nothing(tmp_path: Path, name: str):
    with (
        pytest.raises(
            UserError, match=r"cannot write .*/out(\.\w+)?: the file would be larger than is allowed"
        ),
        files_limited_to(20_000),
    ):
        write(f"{tmp_path}/{name}", frames=1 if name == "out.png" else 30)
    assert names(tmp_path) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
def test_a_full_disk_is_named():
    with pytest.raises(UserError, match=r"cannot write out\.mp4: the disk is full; free some space"):
        fill()


@disk_errors(Path("out.mp4"))
def fill() -> None:
    with av.open("/dev/full", "w", format="matroska") as container:
        container.add_stream("ffv1", rate=25)
        container.start_encoding()


def write_folder(folder: Path, count: int) -> None:
    with open_sink(f"{folder}/", INFO) as sink:
        for index, pixels in enumerate(grey_steps(count)):
            sink.write(TimedFrame(pixels, Fraction(index, 25)))


def test_a_folder_is_filled_with_numbered_pngs(tmp_path: Path):
    write_folder(tmp_path / "out", 3)
    assert names(tmp_path / "out") == ["000000.png", "000001.png", "000002.png"]
    with open_source(tmp_path / "out" / "000002.png") as source:
        (frame,) = source
    np.testing.assert_array_equal(frame.pixels, flat((20, 20, 20)))
    assert names(tmp_path) == ["out"]


def test_a_folder_of_ours_is_exchanged_as_a_whole(tmp_path: Path):
    write_folder(tmp_path / "out", 5)
    write_folder(tmp_path / "out", 2)
    assert names(tmp_path / "out") == ["000000.png", "000001.png"]
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("foreign", ["letter.txt", "000000.png", "000002.png"])
def test_a_folder_with_anything_that_we_did_not_write_is_left_alone(tmp_path: Path, foreign: str):
    write_folder(tmp_path / "out", 2)
    cv2.imwrite(str(tmp_path / "photo.png"), flat((9, 8, 7)))
    (tmp_path / "photo.png").replace(tmp_path / "out" / foreign)
    before = {entry.name: entry.read_bytes() for entry in (tmp_path / "out").iterdir()}
    with pytest.raises(
        UserError, match=rf"out holds {foreign}, which vst did not write there; name an empty"
    ):
        write_folder(tmp_path / "out", 2)
    assert {entry.name: entry.read_bytes() for entry in (tmp_path / "out").iterdir()} == before


def test_a_failed_folder_leaves_the_old_one(tmp_path: Path):
    write_folder(tmp_path / "out", 3)
    sink = open_sink(f"{tmp_path}/out/", INFO)
    sink.write(TimedFrame(flat((9, 8, 7)), Fraction(0)))
    sink.abort()
    assert len(names(tmp_path / "out")) == 3
    assert names(tmp_path) == ["out"]


def test_a_folder_that_went_away_is_named_though_the_library_does_not(tmp_path: Path):
    with pytest.raises(FileNotFoundError) as raised, disk_errors(tmp_path / "out.mp4"):
        raise FileNotFoundError(errno.ENOENT, "No such file or directory")
    assert raised.value.filename == str(tmp_path / "out.mp4")
