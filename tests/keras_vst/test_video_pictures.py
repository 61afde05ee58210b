"""What a picture has beside its colours: transparency, which is kept or laid on white, EXIF, and a stated size."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from keras_vst.video import open_sink, open_source
from keras_vst.video.pictures import orientation
from tests.keras_vst.clips import flat, needs_metadata, with_exif, write_clip

WRITTEN = (".png", ".jpg", ".webp")


def hidden(alpha: int = 0) -> np.ndarray:
    """Red on the left; on the right a green that `alpha` hides, as BGRA."""
    pixels = np.zeros((16, 24, 4), np.uint8)
    pixels[:, :12] = (0, 0, 255, 255)
    pixels[:, 12:] = (0, 255, 0, alpha)
    return pixels


def copy(path: Path, target: Path) -> tuple[str, ...]:
    with open_source(path) as source:
        with open_sink(f"{target}/" if not target.suffix else target, source.info) as sink:
            for frame in source:
                sink.write(frame)
        return (*source.notes, *sink.notes)


def stored(path: Path) -> np.ndarray:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))


@pytest.mark.parametrize("kind", [".png", ".webp"])
def test_transparency_is_kept_and_hidden_colours_do_not_show(tmp_path: Path, kind: str) -> None:
    assert cv2.imwrite(str(tmp_path / f"in{kind}"), hidden())
    assert copy(tmp_path / f"in{kind}", tmp_path / f"out{kind}") == ()
    made = stored(tmp_path / f"out{kind}")
    assert (made[..., 3] == hidden()[..., 3]).all()
    with open_source(tmp_path / f"in{kind}") as source:
        (frame,) = source
    assert (frame.pixels[:, 13:] == 255).all()


def test_the_transparency_of_an_avif_is_kept_in_the_way_it_is_turned(tmp_path: Path) -> None:
    if not cv2.haveImageWriter("in.avif"):
        pytest.skip("this OpenCV writes no AVIF")
    with_exif(tmp_path / "in.avif", hidden(), turned=6)  # the left is above then
    assert copy(tmp_path / "in.avif", tmp_path / "out.png") == ()
    made = stored(tmp_path / "out.png")
    assert made.shape == (24, 16, 4)
    assert (made[:12, :, 3] == 255).all()
    assert (made[12:, :, 3] <= 2).all()
    assert (made[14:, :, :3] >= 252).all()


def test_half_transparent_is_half_on_white(tmp_path: Path) -> None:
    assert cv2.imwrite(str(tmp_path / "in.png"), hidden(alpha=102))
    with open_source(tmp_path / "in.png") as source:
        (frame,) = source
    assert frame.pixels[0, 20].tolist() == [153, 255, 153]
    assert frame.alpha is not None
    assert frame.alpha[0, 20] == 102


@pytest.mark.parametrize("name", ["out.jpg", "out.mp4", "out.webm"])
def test_where_there_is_no_transparency_it_lies_on_white_and_that_is_said(tmp_path: Path, name: str) -> None:
    assert cv2.imwrite(str(tmp_path / "in.png"), hidden())
    assert copy(tmp_path / "in.png", tmp_path / name) == ("what is transparent is shown on white",)
    with open_source(tmp_path / name) as source:
        (frame, *_) = source
    assert frame.pixels[8, 20].min() > 245


def test_a_folder_keeps_the_transparency_of_an_animation(tmp_path: Path) -> None:
    if not hasattr(cv2, "imwriteanimation"):
        pytest.skip("this OpenCV writes no animations")
    film = cv2.Animation()
    film.frames, film.durations = [hidden(), hidden(102)], [100, 100]
    assert cv2.imwriteanimation(str(tmp_path / "in.webp"), film, [cv2.IMWRITE_WEBP_QUALITY, 101])
    copy(tmp_path / "in.webp", tmp_path / "out")
    assert [stored(tmp_path / "out" / f"00000{index}.png")[0, 20, 3] for index in (0, 1)] == [0, 102]


def test_a_gif_shows_white_where_it_is_transparent(tmp_path: Path) -> None:
    if not hasattr(cv2, "imwriteanimation"):
        pytest.skip("this OpenCV writes no animations")
    film = cv2.Animation()
    film.frames, film.durations = [hidden(), hidden()], [100, 100]
    assert cv2.imwriteanimation(str(tmp_path / "in.gif"), film)
    with open_source(tmp_path / "in.gif") as source:
        first = next(iter(source))
    assert first.pixels[8, 20].min() > 245
    assert first.pixels[8, 2].tolist()[0] > 200


@needs_metadata
@pytest.mark.parametrize("went", WRITTEN)
@pytest.mark.parametrize("came", [*WRITTEN, ".avif"])
def test_exif_goes_along_upright_and_without_its_miniature(tmp_path: Path, came: str, went: str) -> None:
    path = with_exif(tmp_path / f"in{came}", np.zeros((10, 20, 3), np.uint8), turned=6)
    assert copy(path, tmp_path / f"out{went}") == ()
    _, kinds, told = cv2.imdecodeWithMetadata(
        np.fromfile(tmp_path / f"out{went}", np.uint8), cv2.IMREAD_COLOR
    )
    found = bytes(np.asarray(told[list(kinds).index(cv2.IMAGE_METADATA_EXIF)], np.uint8))
    assert orientation(found) == 1
    assert b"me\0" in found
    assert struct.unpack_from(">I", found, 34) == (0,)
    with open_source(tmp_path / f"out{went}") as source:
        assert (source.info.width, source.info.height) == (10, 20)


@needs_metadata
def test_a_clip_takes_no_exif_and_that_is_said(tmp_path: Path) -> None:
    path = with_exif(tmp_path / "in.jpg", np.zeros((16, 24, 3), np.uint8))
    assert copy(path, tmp_path / "out.mp4") == (".mp4 takes no EXIF; left out",)


@needs_metadata
@pytest.mark.parametrize("turned", range(1, 9))
def test_transparency_is_turned_as_the_colours_are(tmp_path: Path, turned: int) -> None:
    pixels = np.zeros((4, 6, 4), np.uint8)
    pixels[..., 3] = 255
    pixels[0, :2] = (255, 255, 255, 254)  # the only white is where it is not quite opaque
    with open_source(with_exif(tmp_path / "in.png", pixels, turned)) as source:
        (frame,) = source
    assert frame.alpha is not None
    np.testing.assert_array_equal(frame.alpha == 254, frame.pixels[..., 0] > 128)


def test_an_odd_size_gains_a_pixel_where_players_need_it_and_that_is_said(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "in.webm", [flat((200, 40, 90), 33, 17)], codec="libvpx-vp9")
    note = "33x17 is stored as 34x18: most players show H.264 and H.265 of even sides only"
    assert copy(path, tmp_path / "out.mp4") == (note,)
    assert copy(path, tmp_path / "out.webm") == ()
    with open_source(tmp_path / "out.mp4") as source:
        (frame,) = source
    assert frame.pixels.shape == (18, 34, 3)
    assert np.abs(frame.pixels.astype(int) - (200, 40, 90)).max() <= 6
    assert frame.time == Fraction(0)
