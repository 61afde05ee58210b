from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest

from keras_vst.errors import UserError
from tests.conftest import draw_picture, write_picture
from training.data.photos import Photos, PictureMemory, load_picture


def claim(width, height):
    """A PNG of 57 bytes that says it is of this size."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def test_files_that_are_no_pictures_are_skipped_and_named(photos):
    found = Photos(photos, 96)

    assert len(found) == 6
    ((path, reason),) = found.skipped
    assert path.name == "broken.jpg"
    assert "cannot be read as a picture" in reason


def test_a_picture_that_breaks_off_is_passed_over_and_named(photos, tmp_path):
    whole = (photos / "photo_0.png").read_bytes()
    (tmp_path / "whole.png").write_bytes(whole)
    (tmp_path / "broken.png").write_bytes(whole[:100])
    rng = np.random.default_rng(0)

    found = Photos(tmp_path, 96)
    pictures = [found.draw(rng) for _ in range(4)]

    expected = load_picture(tmp_path / "whole.png", 96)
    assert all(np.array_equal(picture, expected) for picture in pictures)
    assert [path.name for path, _ in found.skipped] == ["broken.png"]


def test_a_picture_is_brought_to_the_asked_side(photos):
    assert load_picture(photos / "photo_0.png", 60).shape == (60, 80, 3)
    assert load_picture(photos / "photo_0.png", 80, longer=True).shape == (60, 80, 3)
    assert load_picture(photos / "photo_0.png", 240).shape == (240, 320, 3)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(UserError, match=r"There is no folder .*nowhere"):
        Photos(tmp_path / "nowhere", 96)


def test_a_folder_without_pictures_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("no picture here")
    with pytest.raises(UserError, match="no readable picture"):
        Photos(tmp_path, 96)


def test_a_folder_whose_pictures_are_all_broken_says_why(tmp_path):
    (tmp_path / "bomb.png").write_bytes(claim(60000, 60000))
    (tmp_path / "dot.png").write_bytes(claim(1, 1))

    with pytest.raises(UserError, match=r"bomb\.png has 60000x60000 pixels.*dot\.png has 1x1 pixels"):
        Photos(tmp_path, 96)


def test_a_jpeg_that_breaks_off_in_its_header_is_no_picture(tmp_path):
    cv2.imwrite(str(tmp_path / "whole.jpg"), draw_picture(0))
    (tmp_path / "part.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:30])

    with pytest.raises(UserError, match=r"part\.jpg cannot be read as a picture: it is damaged"):
        load_picture(tmp_path / "part.jpg", 96)


def test_a_large_jpeg_is_decoded_small_and_looks_the_same(tmp_path):
    path = tmp_path / "large.jpg"
    picture = draw_picture(3, 960, 1280)
    cv2.imwrite(str(path), picture[..., ::-1])

    loaded = load_picture(path, 120)

    expected = cv2.resize(picture, (160, 120), interpolation=cv2.INTER_AREA)
    assert loaded.shape == (120, 160, 3)
    assert np.abs(loaded.astype(float) - expected).mean() < 2


def test_sixteen_bits_become_eight(tmp_path):
    deep = draw_picture(1).astype(np.uint16) * 257
    cv2.imwrite(str(tmp_path / "deep.png"), deep[..., ::-1])

    np.testing.assert_array_equal(load_picture(tmp_path / "deep.png", 120), draw_picture(1))


def test_cmyk_becomes_rgb(tmp_path):
    image = pytest.importorskip("PIL.Image")
    image.fromarray(draw_picture(2)).convert("CMYK").save(tmp_path / "print.jpg", quality=95)

    loaded = load_picture(tmp_path / "print.jpg", 120)

    assert np.abs(loaded.astype(float) - draw_picture(2)).mean() < 6


def test_of_an_animation_the_first_frame_is_taken(tmp_path):
    image = pytest.importorskip("PIL.Image")
    first, second = (image.fromarray(draw_picture(seed)) for seed in (4, 5))
    first.save(tmp_path / "moving.webp", save_all=True, append_images=[second], lossless=True)

    np.testing.assert_array_equal(load_picture(tmp_path / "moving.webp", 120), draw_picture(4))


def test_transparency_is_dropped(tmp_path):
    picture = draw_picture(6)
    alpha = np.full((*picture.shape[:2], 1), 10, np.uint8)
    cv2.imwrite(str(tmp_path / "glass.png"), np.concatenate([picture[..., ::-1], alpha], axis=2))

    np.testing.assert_array_equal(load_picture(tmp_path / "glass.png", 120), picture)


def test_a_strip_is_cut_to_four_times_its_shorter_side(tmp_path):
    write_picture(tmp_path / "strip.png", 0, 20, 2000)

    assert load_picture(tmp_path / "strip.png", 40).shape == (40, 160, 3)


def test_a_picture_is_decoded_once_while_there_is_memory_for_it():
    made = []

    def make(number):
        made.append(number)
        return np.full((10, 10, 3), number, np.uint8)

    memory = PictureMemory(limit=700)
    seen = [
        int(memory.get(number, lambda number=number: make(number))[0, 0, 0]) for number in (1, 2, 1, 3, 1, 2)
    ]

    assert seen == [1, 2, 1, 3, 1, 2]
    assert made == [1, 2, 3, 2]
