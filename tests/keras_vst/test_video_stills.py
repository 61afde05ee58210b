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
LENGTHS = [100, 200, 50, 100, 300]
TIMES = [Fraction(each, 1000) for each in (0, 100, 300, 350, 450)]
needs_animations = pytest.mark.skipif(not hasattr(cv2, "Animation"), reason="OpenCV before 4.11")


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


def test_a_picture_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def forbidden(*_: object) -> None:
        raise PermissionError("Permission denied")

    path = picture(tmp_path / "in.png", colours())
    monkeypatch.setattr(np, "fromfile", forbidden)
    with pytest.raises(UserError, match=r"in\.png cannot be read \(Permission denied\); check the file"):
        open_source(path)


def animate(path: Path, kind: str = "") -> Path:
    animation = cv2.Animation()
    animation.frames = grey_steps(len(LENGTHS))
    animation.durations = np.array(LENGTHS, np.int32)
    made = path.with_suffix(kind) if kind else path
    assert cv2.imwriteanimation(str(made), animation, [cv2.IMWRITE_WEBP_QUALITY, 101])
    return made.replace(path)


@needs_animations
@pytest.mark.parametrize(("name", "kind"), [("in.webp", ""), ("in.png", ""), ("in.apng", ".png")])
def test_all_frames_are_shown_at_their_times(tmp_path: Path, name: str, kind: str):
    path = animate(tmp_path / name, kind)
    with open_source(path) as source:
        frames = list(source)
    assert numbers([frame.pixels for frame in frames]) == [*range(len(LENGTHS))]
    assert [frame.time for frame in frames] == TIMES
    assert not source.info.is_image


@needs_animations
def test_all_frames_of_an_avif_are_shown(tmp_path: Path):
    with open_source(animate(tmp_path / "in.avif")) as source:
        assert numbers([frame.pixels for frame in source]) == [*range(len(LENGTHS))]


@needs_animations
def test_a_part_of_an_animation_can_be_had(tmp_path: Path):
    path = animate(tmp_path / "in.webp")
    with open_source(path, start=Fraction(3, 10), duration=Fraction(1, 10)) as source:
        assert numbers([frame.pixels for frame in source]) == [2, 3]


@needs_animations
def test_a_damaged_animation_is_told(tmp_path: Path):
    path = animate(tmp_path / "in.webp")
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(UserError, match=r"in\.webp is not an animation that can be read"):
        open_source(path)


@needs_animations
def test_an_opencv_that_knows_no_animations_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = animate(tmp_path / "in.webp")
    monkeypatch.delattr(cv2, "imdecodeanimation")
    with pytest.raises(
        UserError, match=r"in\.webp moves, and OpenCV \S+ shows its first frame only; install 4\.11"
    ):
        open_source(path)
