from pathlib import Path

import numpy as np
import pytest

import keras_vst
from keras_vst.cuts import CutDetector
from keras_vst.scene import CUT
from keras_vst.video import open_source
from tests.conftest import draw_picture

SCENE = Path(keras_vst.__file__).parent / "assets" / "scene.mp4"


def grey(level: int) -> np.ndarray:
    return np.full((90, 160, 3), level, np.uint8)


def test_the_first_frame_is_no_cut_and_neither_is_the_first_after_a_reset():
    detector = CutDetector()
    assert not detector.is_cut(grey(0))
    detector.reset()
    assert not detector.is_cut(grey(255))


@pytest.mark.parametrize(("step", "expected"), [(30, False), (31, True)])
def test_an_even_change_counts_as_what_it_is(step, expected):
    detector = CutDetector()
    detector.is_cut(grey(100))
    assert detector.is_cut(grey(100 + step)) is expected


def test_two_pictures_of_different_light_are_a_cut():
    dark, light = draw_picture(3) // 2, 128 + draw_picture(4) // 2
    detector = CutDetector()
    assert [detector.is_cut(frame) for frame in (dark, dark, light, light, dark)] == [
        False,
        False,
        True,
        False,
        True,
    ]


def test_a_pan_is_no_cut():
    wide = draw_picture(5, 120, 480)
    detector = CutDetector()
    assert not any(detector.is_cut(wide[:, left : left + 160]) for left in range(0, 320, 8))


def test_the_bundled_clip_is_cut_where_its_scene_is():
    detector = CutDetector()
    with open_source(SCENE) as source:
        cuts = [index for index, frame in enumerate(source) if detector.is_cut(frame.pixels)]
    assert cuts == [CUT]


def test_pictures_of_like_light_are_a_cut_too():
    detector = CutDetector()
    assert [detector.is_cut(draw_picture(seed)) for seed in range(20)] == [False] + [True] * 19


def test_the_threshold_can_be_chosen():
    detector = CutDetector(threshold=0.02)
    detector.is_cut(grey(100))
    assert detector.is_cut(grey(106))
