from __future__ import annotations

import contextlib
import errno
import os
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
from tests.keras_vst.clips import flat, grey_steps, names, numbers, with_exif_orientation, write_clip

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


@pytest.mark.parametrize("interruption", [RuntimeError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("name", KINDS)
def test_an_interruption_leaves_the_old_target_and_nothing_else(
    tmp_path: Path, name: str, interruption: type[BaseException]
):
    write(f"{tmp_path}/{name}")
    target = tmp_path / name
    before = target.stat().st_mtime_ns
    with pytest.raises(interruption):
        write(f"{tmp_path}/{name}", then=interruption)
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


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path):
    with pytest.raises(UserError, match=r"there is no folder .*nowhere; create it first"):
        open_sink(tmp_path / "nowhere" / "out.mp4", INFO)


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


def test_errors_that_are_not_the_disks_pass():
    with pytest.raises(OSError, match="something else"), disk_errors(Path("out.mp4")):
        raise OSError(errno.EINVAL, "something else")


def write_one(path: Path, *frames: np.ndarray) -> None:
    with open_sink(path, INFO) as sink:
        for pixels in frames:
            sink.write(TimedFrame(pixels, Fraction(0)))


def picture(path: Path, pixels: np.ndarray) -> Path:
    assert cv2.imwrite(str(path), pixels[..., ::-1])
    return path


def colours(height: int = 48, width: int = 64) -> np.ndarray:
    """Red, green, blue and white quarters."""
    pixels = flat((255, 255, 255), width, height)
    pixels[: height // 2, : width // 2] = (255, 0, 0)
    pixels[: height // 2, width // 2 :] = (0, 255, 0)
    pixels[height // 2 :, : width // 2] = (0, 0, 255)
    return pixels


def corners(pixels: np.ndarray) -> np.ndarray:
    return pixels[[8, 8, -8, -8], [8, -8, 8, -8]].astype(int)


def read_one(path: Path) -> np.ndarray:
    with open_source(path) as source:
        (frame,) = source
    assert frame.time == 0
    return frame.pixels


@pytest.mark.parametrize("name", ["in.png", "in.bmp", "in.tiff", "in.webp", "in.jpg", "IN.PNG"])
def test_a_picture_is_a_video_of_one_frame(tmp_path: Path, name: str):
    path = picture(tmp_path / name, colours())
    np.testing.assert_allclose(corners(read_one(path)), corners(colours()), atol=4)
    found = probe(path)
    assert (found.width, found.height, found.frames, found.is_image) == (64, 48, 1, True)
    assert found.fps is None
    assert not found.has_audio


@pytest.mark.parametrize("kind", ["grey", "alpha", "deep"])
def test_grey_transparent_and_deep_pictures_are_read_as_rgb(tmp_path: Path, kind: str):
    path = tmp_path / "in.png"
    stored = {
        "grey": np.full((5, 7), 120, np.uint8),
        "alpha": np.full((5, 7, 4), 120, np.uint8),
        "deep": np.full((5, 7, 3), 120 * 257, np.uint16),
    }[kind]
    assert cv2.imwrite(str(path), stored)
    np.testing.assert_array_equal(read_one(path), flat((120, 120, 120), 7, 5))


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (6, 3), (8, 1), (3, 2)])
def test_the_orientation_of_a_photo_is_applied(tmp_path: Path, orientation: int, turns: int):
    path = tmp_path / "photo.jpg"
    done, content = cv2.imencode(".jpg", colours()[..., ::-1])
    assert done
    path.write_bytes(with_exif_orientation(content.tobytes(), orientation))
    upright = np.rot90(colours(), turns)  # 6: the photo has to be turned clockwise
    shown = read_one(path)
    assert shown.shape == upright.shape
    np.testing.assert_allclose(corners(shown), corners(upright), atol=4)
    assert probe(path).height == upright.shape[0]


def test_a_gif_is_a_short_clip(tmp_path: Path):
    path = write_clip(
        tmp_path / "in.gif", grey_steps(5), codec="gif", pixel_format="gray", tick=Fraction(1, 100)
    )
    with open_source(path) as source:
        frames = list(source)
    assert not source.info.is_image
    assert numbers([frame.pixels for frame in frames]) == [0, 1, 2, 3, 4]
    assert frames[0].time == 0


@pytest.mark.parametrize("name", ["out.png", "out.webp", "out.jpg", "out.jpeg"])
def test_a_picture_is_written_by_its_extension(tmp_path: Path, name: str):
    target = tmp_path / name
    with open_sink(target, INFO) as sink:
        sink.write(TimedFrame(colours(), Fraction(0)))
        assert not target.exists()
    shown = cv2.imread(str(target))
    assert shown is not None
    np.testing.assert_allclose(corners(shown[..., ::-1]), corners(colours()), atol=4)
    assert names(tmp_path) == [name]


def test_a_picture_takes_one_frame(tmp_path: Path):
    with pytest.raises(UserError, match=r"out\.png holds one picture.*\(out\.mp4\) or a folder \(out/\)"):
        write_one(tmp_path / "out.png", colours(), colours())
    assert names(tmp_path) == []


def test_a_picture_too_wide_for_its_format_says_so(tmp_path: Path):
    with pytest.raises(UserError, match=r"\.webp file cannot hold 20000x1 pixels"):
        write_one(tmp_path / "out.webp", flat((1, 2, 3), 20_000, 1))
    assert names(tmp_path) == []


def test_numbered_pictures_are_read_in_the_order_of_their_numbers(tmp_path: Path):
    for index, pixels in enumerate(grey_steps(12)):
        picture(tmp_path / f"shot{index}.png", pixels)
    (tmp_path / "notes.txt").write_text("not a picture")
    picture(tmp_path / ".hidden.png", flat((255, 0, 0)))
    with open_source(tmp_path) as source:
        frames = list(source)
    assert numbers([frame.pixels for frame in frames]) == list(range(12))
    assert [frame.time for frame in frames] == [Fraction(index, 25) for index in range(12)]
    assert (source.info.frames, source.info.fps, source.info.duration) == (12, 25, 0.48)
    assert not source.info.is_image


def test_a_folder_takes_the_size_of_its_first_picture_and_skips_what_is_damaged(tmp_path: Path):
    picture(tmp_path / "1.png", flat((10, 10, 10)))
    (tmp_path / "2.png").write_text("not a picture")
    picture(tmp_path / "3.jpg", flat((30, 30, 30), 200, 100))
    with open_source(tmp_path) as source:
        frames = list(source)
    assert source.skipped == 1
    assert [frame.pixels.shape for frame in frames] == [(48, 64, 3)] * 2
    assert [frame.time for frame in frames] == [0, Fraction(2, 25)]


def test_a_folder_without_pictures_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match="holds no pictures"):
        open_source(tmp_path)


@pytest.mark.parametrize("content", [b"", b"Dear diary"])
def test_what_is_not_a_picture_is_refused(tmp_path: Path, content: bytes):
    path = tmp_path / "in.png"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"in\.png is (empty|not a picture)"):
        open_source(path)


def write_folder(folder: Path, count: int) -> None:
    with open_sink(f"{folder}/", INFO) as sink:
        for index, pixels in enumerate(grey_steps(count)):
            sink.write(TimedFrame(pixels, Fraction(index, 25)))


def test_a_folder_is_filled_with_numbered_pngs(tmp_path: Path):
    write_folder(tmp_path / "out", 3)
    assert names(tmp_path / "out") == ["000000.png", "000001.png", "000002.png"]
    np.testing.assert_array_equal(read_one(tmp_path / "out" / "000002.png"), flat((20, 20, 20)))
    assert names(tmp_path) == ["out"]


def test_a_folder_of_ours_is_exchanged_as_a_whole(tmp_path: Path):
    write_folder(tmp_path / "out", 5)
    write_folder(tmp_path / "out", 2)
    assert names(tmp_path / "out") == ["000000.png", "000001.png"]
    assert names(tmp_path) == ["out"]


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "letter.txt").write_text("keep me")
    with pytest.raises(UserError, match="holds other things than numbered pictures"):
        write_folder(tmp_path / "out", 2)
    assert names(tmp_path / "out") == ["letter.txt"]


def test_a_failed_folder_leaves_the_old_one(tmp_path: Path):
    write_folder(tmp_path / "out", 3)
    sink = open_sink(f"{tmp_path}/out/", INFO)
    sink.write(TimedFrame(colours(), Fraction(0)))
    sink.abort()
    assert len(names(tmp_path / "out")) == 3
    assert names(tmp_path) == ["out"]


def test_a_picture_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def forbidden(*_: object) -> None:
        raise PermissionError("Permission denied")

    path = picture(tmp_path / "in.png", colours())
    monkeypatch.setattr(np, "fromfile", forbidden)
    with pytest.raises(UserError, match=r"in\.png cannot be read \(Permission denied\); check the file"):
        open_source(path)
