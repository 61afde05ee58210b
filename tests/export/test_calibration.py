from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from export.calibration import NUM_FRAMES, SAMPLED, Calibration
from keras_vst.config import StudentConfig
from keras_vst.errors import UserError
from keras_vst.frames import to_float
from keras_vst.models.student import build_student
from keras_vst.video import TimedFrame
from tests.conftest import draw_picture

SIZE = (16, 24)


def panned(seed, num_frames=6):
    picture = draw_picture(seed, 40, 60)
    return np.stack([picture[index : index + 16, 2 * index : 2 * index + 24] for index in range(num_frames)])


@pytest.fixture(scope="module")
def student():
    config = StudentConfig(num_styles=3, channels=(4, 4, 8), num_blocks=0, state_channels=2)
    return build_student(config, batch_size=1)


@pytest.fixture(scope="module")
def calibration(student):
    return Calibration.rollout(student, [panned(1), panned(2)], size=SIZE)


def test_samples_are_dictionaries_of_what_the_network_takes(student, calibration):
    for sample in calibration.samples:
        assert {name: array.shape for name, array in sample.items()} == {
            "frame": (1, 16, 24, 3),
            "style": (1, 3),
            "state": (1, 4, 6, 2),
        }
        assert all(array.dtype == np.float32 for array in sample.values())


def test_states_are_those_that_the_network_makes_itself(student, calibration):
    clip, state = panned(1), np.zeros((1, 4, 6, 2), np.float32)
    rolled = {}
    for index, pixels in enumerate(clip):
        rolled[index] = state
        inputs = {"frame": to_float(pixels)[None], "style": np.float32([[1, 0, 0]]), "state": state}
        outputs = student(inputs, training=False)
        state = np.asarray(outputs["state"])
    sampled = [index for index in SAMPLED if index < len(clip)]
    for index, sample in zip(sampled, calibration.samples, strict=False):
        np.testing.assert_array_equal(sample["frame"], to_float(clip[index])[None])
        np.testing.assert_allclose(sample["state"], rolled[index], atol=1e-5)
    assert np.abs(rolled[4]).max() > 0
    np.testing.assert_allclose(calibration.loops[0].last, np.asarray(outputs["stylized"]), atol=1e-5)


def test_every_style_is_seen_and_blends_and_less_than_full_strength(calibration):
    seen = {tuple(sample["style"][0]) for sample in calibration.samples}
    assert seen >= {(1, 0, 0), (0, 1, 0), (0, 0, 1), (0.5, 0, 0), (0.5, 0, 0.5), (0, 0, 0)}


def test_every_clip_is_run(student):
    calibration = Calibration.rollout(student, [panned(seed) for seed in range(8)], size=SIZE)
    assert len({loop.frames.tobytes() for loop in calibration.loops}) == 8


def test_black_and_white_are_among_what_comes_in_and_goes_out(calibration):
    at_rest = [sample for sample in calibration.samples if not sample["style"].any()]
    assert at_rest
    assert {at_rest[0]["frame"].min(), at_rest[0]["frame"].max()} == {0.0, 1.0}


def test_frames_of_a_video_of_any_size_are_taken(student):
    video = [TimedFrame(draw_picture(3, 30, 50), Fraction(index, 25)) for index in range(2)]
    calibration = Calibration.rollout(student, [video], size=SIZE)
    assert calibration.samples[0]["frame"].shape == (1, 16, 24, 3)


def test_other_style_vectors_can_be_named(student):
    calibration = Calibration.rollout(student, [panned(1)], styles=[(0, 0.3, 0)], size=SIZE)
    assert [tuple(loop.style[0]) for loop in calibration.loops] == [(0, np.float32(0.3), 0)]


def test_without_clips_the_project_draws_its_own(student):
    calibration = Calibration.rollout(student, styles=[(1, 0, 0)], size=SIZE)
    assert len(calibration.loops) == 3
    assert all(loop.frames.shape == (NUM_FRAMES, *SIZE, 3) for loop in calibration.loops)
    assert all(np.abs(np.diff(loop.frames.astype(int), axis=0)).max() > 0 for loop in calibration.loops)


@pytest.mark.parametrize(("clips", "message"), [([], "at least one clip"), ([[]], "has no frames")])
def test_nothing_to_calibrate_on_is_said(student, clips, message):
    with pytest.raises(UserError, match=message):
        Calibration.rollout(student, clips, size=SIZE)
