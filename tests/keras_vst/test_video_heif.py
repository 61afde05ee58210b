"""A picture that is stored in tiles is refused rather than shown by its first tile."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from keras_vst.errors import UserError
from keras_vst.video import open_source
from keras_vst.video.heif import made_of
from tests.keras_vst.clips import grey_steps


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


@pytest.mark.skipif(not hasattr(cv2, "imencodeWithMetadata"), reason="OpenCV before 4.12")
def test_exif_that_cannot_be_read_is_named(tmp_path: Path):
    about = [np.frombuffer(b"MM\0*\0\0\0\x08" + bytes(6), np.uint8)]
    done, content = cv2.imencodeWithMetadata(".avif", grey_steps(5)[4], [cv2.IMAGE_METADATA_EXIF], about)
    assert done
    for name, written in (("told.avif", content.tobytes()), ("plain.avif", None)):
        if written is None:
            write_avif(tmp_path / name)
        else:
            (tmp_path / name).write_bytes(written)
        with open_source(tmp_path / name) as source:
            assert source.notes == (() if written is None else ("its EXIF cannot be read here; left out",))
