from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from keras_vst.errors import UserError
from keras_vst.video import TimedFrame, VideoInfo, open_sink, open_source, probe
from tests.keras_vst.clips import flat, grey_steps, names, numbers, with_exif_orientation, write_clip

INFO = VideoInfo(64, 48)


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
    level = 191 if kind == "alpha" else 120  # 120 of 255 opaque, the rest is white
    np.testing.assert_array_equal(read_one(path), flat((level, level, level), 7, 5))


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


@pytest.mark.parametrize("foreign", ["letter.txt", "000000.png", "000002.png"])
def test_a_folder_with_anything_that_we_did_not_write_is_left_alone(tmp_path: Path, foreign: str):
    write_folder(tmp_path / "out", 2)
    cv2.imwrite(str(tmp_path / "photo.png"), colours())
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
