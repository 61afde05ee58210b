"""What a picture states is believed: its size, its parts, how it is turned, what a phone wrote into it."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from keras_vst.errors import UserError
from keras_vst.video import open_source, probe
from keras_vst.video.picture_head import made_of, moves, read_head
from tests.keras_vst.clips import flat, grey_steps, needs_metadata, png_of, with_exif, write_clip


def write_avif(path: Path) -> Path:
    try:
        assert cv2.imwrite(str(path), grey_steps(5)[4])
    except cv2.error:
        pytest.skip("this OpenCV writes no AVIF")
    return path


@pytest.mark.parametrize("name", ["in.avif", "in.heic", "IN.JPG"])
@pytest.mark.parametrize(("kind", "parts"), [(b"grid", "tiles"), (b"iovl", "layers")])
def test_a_picture_made_of_others_is_refused(tmp_path: Path, name: str, kind: bytes, parts: str):
    path = write_avif(tmp_path / "plain.avif").replace(tmp_path / name)
    content = path.read_bytes()
    place = content.index(b"av01", content.index(b"infe"))  # what its only item is
    path.write_bytes(content[:place] + kind + content[place + 4 :])
    with pytest.raises(UserError, match=rf"{name} is stored in {parts}, .* convert it to JPEG or PNG first"):
        open_source(path)


def test_a_picture_of_one_piece_is_painted(tmp_path: Path):
    path = write_avif(tmp_path / "in.avif")
    assert made_of(path) is None
    with open_source(path) as source:
        (frame,) = source
    assert round(float(frame.pixels.mean()) / 10) == 4


@pytest.mark.parametrize("length", [0, 4, 20, 60, 120, 200])
def test_a_picture_that_breaks_off_is_no_trouble(tmp_path: Path, length: int):
    path = write_avif(tmp_path / "in.avif")
    path.write_bytes(path.read_bytes()[:length])
    assert made_of(path) is None


@pytest.mark.parametrize(("width", "height"), [(64, 47), (63, 48), (63, 47)])
def test_a_picture_of_odd_size_gains_no_row_and_no_column(tmp_path: Path, width: int, height: int):
    path = write_avif(tmp_path / "in.avif")  # 64x48
    content = bytearray(path.read_bytes())
    place = content.index(b"ispe") + 8
    content[place : place + 8] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    path.write_bytes(content)
    with open_source(path) as source:
        (frame,) = source
    assert frame.pixels.shape == (height, width, 3)
    assert (source.info.width, source.info.height) == (width, height)


@needs_metadata
def test_exif_that_cannot_be_read_is_named(tmp_path: Path):
    path = with_exif(tmp_path / "in.avif", grey_steps(5)[4])
    path.write_bytes(path.read_bytes().replace(b"MM\0*", b"??\0*"))
    write_avif(tmp_path / "plain.avif")
    assert cv2.imwrite(str(tmp_path / "in.tiff"), flat((9, 9, 9), 8, 8))
    content = (tmp_path / "in.tiff").read_bytes()
    place = int.from_bytes(content[4:8], "little")
    last = place + 2 + 12 * (content[place] - 1)  # the last entry becomes one that leads to EXIF
    (tmp_path / "in.tiff").write_bytes(
        content[:last] + struct.pack("<HHII", 34665, 4, 1, 8) + content[last + 12 :]
    )
    told = "its EXIF cannot be read here; left out"
    for name, notes in (("in.avif", (told,)), ("plain.avif", ()), ("in.tiff", (told,))):
        with open_source(tmp_path / name) as source:
            assert source.notes == notes


# Where the red quarter, top left as it is stored, is seen.
SEEN = {1: "tl", 2: "tr", 3: "br", 4: "bl", 5: "tl", 6: "tr", 7: "br", 8: "bl"}


def red_quarter(height: int = 48, width: int = 64) -> np.ndarray:
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2, 0] = 255
    return pixels


def quarter_of(path: Path) -> str:
    with open_source(path) as source:
        frame = next(iter(source)).pixels
    assert (source.info.height, source.info.width) == frame.shape[:2]
    corners = {"tl": frame[4, 4], "tr": frame[4, -5], "bl": frame[-5, 4], "br": frame[-5, -5]}
    (found,) = (name for name, pixel in corners.items() if pixel[0] > 180)
    return found


@needs_metadata
@pytest.mark.parametrize(("turned", "seen"), SEEN.items())
def test_a_picture_that_is_turned_or_mirrored_is_upright(tmp_path: Path, turned: int, seen: str):
    """libavif states for AVIF what EXIF says, as phones do for HEIC."""
    assert quarter_of(with_exif(tmp_path / "in.avif", red_quarter()[..., ::-1], turned)) == seen


@pytest.mark.parametrize(("axes", "seen"), [((-1, 1), "tr"), ((1, -1), "bl"), ((-1, -1), "br")])
def test_a_clip_that_is_mirrored_is_upright(tmp_path: Path, axes: tuple[int, int], seen: str):
    path = write_clip(tmp_path / "in.mp4", [red_quarter()])
    one = (1 << 16).to_bytes(4, "big")
    content = path.read_bytes()
    place = content.index(one + bytes(12) + one, content.index(b"tkhd"))  # the matrix of its track
    matrix = b"".join((axis << 16).to_bytes(4, "big", signed=True) + bytes(12) for axis in axes)[:-12]
    path.write_bytes(content[:place] + matrix + content[place + len(matrix) :])
    assert quarter_of(path) == seen


@pytest.mark.parametrize("name", ["in.webp", "in.png", "in.jpg"])
def test_a_still_picture_is_one(tmp_path: Path, name: str):
    cv2.imwrite(str(tmp_path / name), grey_steps(5)[4])
    assert not moves(tmp_path / name)
    assert probe(tmp_path / name).is_image


@pytest.mark.parametrize("kind", [".png", ".jpg", ".webp", ".bmp", ".gif", ".tiff"])
def test_the_head_tells_the_size(tmp_path: Path, kind: str) -> None:
    assert cv2.imwrite(str(tmp_path / f"in{kind}"), flat((10, 20, 30), 37, 21))
    head = read_head(tmp_path / f"in{kind}")
    assert head is not None
    assert (head.width, head.height, head.has_alpha) == (37, 21, False)


def test_a_bitmap_of_the_first_kind_is_read(tmp_path: Path) -> None:
    rows = bytes((10, 20, 30) * 5 + (0,)) * 3
    head = struct.pack("<2sIHHIIHHHH", b"BM", 26 + len(rows), 0, 0, 26, 12, 5, 3, 1, 24)
    (tmp_path / "in.bmp").write_bytes(head + rows)
    assert read_head(tmp_path / "in.bmp") == (5, 3, False, False)
    with open_source(tmp_path / "in.bmp") as source:
        assert next(iter(source)).pixels.tolist() == [[[30, 20, 10]] * 5] * 3


def test_a_picture_of_more_pixels_than_anybody_paints_is_one_line(tmp_path: Path, capfd) -> None:
    path = tmp_path / "in.png"
    path.write_bytes(png_of(40000, 30000))
    with pytest.raises(UserError, match="has 40000x30000 pixels, more than the 268435456 that are read"):
        open_source(path)
    assert capfd.readouterr().err == ""
