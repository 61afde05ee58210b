"""The numbers of brushwork: blind to colour and to contrast, awake to direction, size and grain."""

from __future__ import annotations

import cv2
import numpy as np

from keras_vst.texture import at_side, texture
from tests.conftest import draw_picture


def stripes(period: int, angle: float = 0.0, level: int = 60) -> np.ndarray:
    rows, columns = np.mgrid[:128, :192]
    wave = np.sin(2 * np.pi * (columns * np.cos(angle) + rows * np.sin(angle)) / period)
    return np.repeat((128 + level * wave)[..., None], 3, axis=2).astype(np.uint8)


def apart(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(texture(one) - texture(other)).mean())


def test_half_the_contrast_is_nearly_the_same_brush():
    assert apart(stripes(8), stripes(8, level=30)) < 0.2 * apart(stripes(8), stripes(24))


def test_where_strokes_go_is_the_drawings_and_not_the_brushs():
    assert apart(stripes(8), stripes(8, angle=np.pi / 2)) < 0.05


def test_long_strokes_are_told_from_dots():
    dots = np.minimum(stripes(8), stripes(8, angle=np.pi / 2))
    assert (texture(stripes(8))[7::8] > texture(dots)[7::8] + 0.2).any()


def test_colour_does_not_tell():
    picture = draw_picture(3)
    grey = np.repeat(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    assert apart(picture, grey) < 1e-3


def test_one_flat_colour_and_the_smallest_picture_give_numbers_too():
    for picture in (np.full((16, 16, 3), 77, np.uint8), at_side(np.zeros((1, 4000, 3), np.uint8))):
        assert np.isfinite(texture(picture)).all()


def test_a_picture_is_brought_to_the_side_that_training_looks_at():
    assert at_side(np.zeros((300, 1200, 3), np.uint8)).shape == (128, 512, 3)
