"""Pictures of every kind, and what only pretends to be one."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from keras_vst.errors import UserError
from keras_vst.preview import LARGEST, LONGEST, read_painting, read_sent, style_name
from tests.conftest import draw_picture, write_picture
from tests.keras_vst.clips import png_of


def encoded(suffix: str, height: int = 40, width: int = 64) -> bytes:
    return cv2.imencode(suffix, draw_picture(1, height, width)[..., ::-1])[1].tobytes()


def test_a_picture_that_claims_to_be_huge_is_refused_before_it_is_decoded(tmp_path):
    (tmp_path / "bomb.png").write_bytes(png_of(60000, 60000))
    with pytest.raises(UserError, match=f"60000x60000 pixels; at most {LARGEST // 10**6} million"):
        read_painting(tmp_path / "bomb.png")


def test_a_large_picture_is_made_smaller(tmp_path):
    cv2.imwrite(str(tmp_path / "large.jpg"), np.zeros((500, 3000, 3), np.uint8))
    assert read_painting(tmp_path / "large.jpg").shape == (341, LONGEST, 3)


def test_a_tiny_one_is_refused(tmp_path):
    write_picture(tmp_path / "tiny.png", 1, 40, 12)
    with pytest.raises(UserError, match=r"tiny.png has 12x40 pixels, too few"):
        read_painting(tmp_path / "tiny.png")


def test_a_grey_one_is_read_as_three_colours(tmp_path):
    cv2.imwrite(str(tmp_path / "grey.png"), draw_picture(1)[..., 0])
    assert read_painting(tmp_path / "grey.png").shape == (120, 160, 3)


def test_what_is_transparent_is_white(tmp_path):
    picture = np.zeros((40, 40, 4), np.uint8)
    picture[:20] = 10, 20, 30, 255
    picture[30:] = 0, 0, 0, 128
    cv2.imwrite(str(tmp_path / "clear.png"), picture)
    read = read_painting(tmp_path / "clear.png")
    assert read[0, 0].tolist() == [30, 20, 10]
    assert read[25, 0].tolist() == [255, 255, 255]
    assert read[35, 0].tolist() == [127, 127, 127]


def test_of_what_moves_the_first_frame_is_taken(tmp_path):
    animation = cv2.Animation()
    animation.frames = [np.full((32, 32, 3), level, np.uint8) for level in (40, 200)]
    animation.durations = [100, 100]
    assert cv2.imwriteanimation(str(tmp_path / "moving.webp"), animation)
    assert abs(int(read_painting(tmp_path / "moving.webp").mean()) - 40) < 4


@pytest.mark.parametrize("content", [b"", b"not a picture", encoded(".png")[:60], encoded(".jpg")[:50]])
def test_what_is_damaged_is_one_line(tmp_path, content):
    (tmp_path / "bad.png").write_bytes(content)
    with pytest.raises(UserError, match=r"bad.png") as caught:
        read_painting(tmp_path / "bad.png")
    assert "\n" not in str(caught.value)


def test_a_folder_and_nothing_are_told(tmp_path):
    with pytest.raises(UserError, match="is a folder"):
        read_painting(tmp_path)
    with pytest.raises(UserError, match="there is no file"):
        read_painting(tmp_path / "none.png")


def test_what_a_page_sends_is_read_by_what_it_is():
    assert read_sent(encoded(".png"), "really-a-png.jpg").shape == (40, 64, 3)


@pytest.mark.parametrize("content", [b"<svg/>", b"", b"%PDF-1.7", encoded(".tiff")])
def test_a_page_may_send_only_what_browsers_show(content):
    with pytest.raises(UserError, match="x is no PNG, JPEG, WebP, GIF or BMP"):
        read_sent(content, "x")


def test_what_is_wrong_with_it_is_told_under_the_name_it_was_sent_with():
    with pytest.raises(UserError, match=r"^mine.png is not a picture") as caught:
        read_sent(encoded(".png")[:80], "mine.png")
    assert "/tmp" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("my painting (1).jpg", "my-painting-1"),
        ("a/Été.png", "Été"),
        ("---.png", "painting"),
    ],
)
def test_a_style_is_called_after_its_file(path, name):
    assert style_name(Path(path)) == name
