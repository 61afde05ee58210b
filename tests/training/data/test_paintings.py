from __future__ import annotations

import numpy as np
import pytest

from keras_vst.config import RECIPES, MotionConfig, with_overrides
from keras_vst.flow import warp
from training.data import ClipCache, PaintedClip, Paintings, painted_clip

SIDE = 32


@pytest.fixture(scope="module")
def clip_collection(tmp_path_factory, short_clip):
    config = with_overrides(RECIPES["smoke"], ["data.style_side=128"])
    cache = ClipCache(tmp_path_factory.mktemp("cache"))
    return painted_clip(cache, short_clip, config, quiet=True)


def outer_errors(sample):
    """How far the outer frames, brought onto the middle one, are from it; before and after."""
    errors = []
    for index, outer in enumerate((0, 2)):
        visible, middle = sample["painting_visible"][index], sample["painting"][1]
        moved = warp(sample["painting"][outer], sample["painting_flow"][index])
        weight = 3 * np.sum(visible)
        errors.append(
            [
                np.sum(visible * np.abs(frame - middle)) / weight
                for frame in (sample["painting"][outer], moved)
            ]
        )
    return np.array(errors)


def test_a_painting_alone_is_one_square(photos):
    sample = Paintings(photos, 48, MotionConfig()).draw(np.random.default_rng(0), SIDE)

    assert list(sample) == ["painting"]
    assert sample["painting"].shape == (1, SIDE, SIDE, 3)
    assert 0 <= sample["painting"].min() < sample["painting"].max() <= 1


def test_a_painting_in_motion_comes_with_the_flow_that_holds_it_still(photos):
    paintings = Paintings(photos, 48, MotionConfig(shift=3, light=0.2, noise=20, objects=3))
    samples = [paintings.draw(np.random.default_rng(seed), SIDE, 3) for seed in range(12)]

    assert samples[0]["painting"].shape == (3, SIDE, SIDE, 3)
    assert samples[0]["painting_flow"].shape == (2, SIDE, SIDE, 2)
    errors = np.mean([outer_errors(sample) for sample in samples], axis=0)
    assert (errors[:, 1] < 0.25 * errors[:, 0]).all()  # neither noise nor light is added to a painting


def test_a_small_painting_is_made_large_enough(photos):
    sample = Paintings(photos, 16, MotionConfig()).draw(np.random.default_rng(0), 200)

    assert sample["painting"].shape == (1, 200, 200, 3)


def test_a_style_clip_is_painted_with_its_own_motion(clip_collection):
    assert isinstance(clip_collection, PaintedClip)
    samples = [clip_collection.draw(np.random.default_rng(seed), SIDE, 3) for seed in range(8)]

    assert samples[0]["painting"].shape == (3, SIDE, SIDE, 3)
    errors = np.mean([outer_errors(sample) for sample in samples], axis=0)
    assert (errors[:, 1] < 0.5 * errors[:, 0]).all()
    for sample in samples:  # what goes left went right before
        before, after = (np.median(flow[..., 0]) for flow in sample["painting_flow"])
        assert before == pytest.approx(-after, abs=0.3)
        assert abs(before) > 0.5


def test_of_a_style_clip_a_single_frame_will_do(clip_collection):
    sample = clip_collection.draw(np.random.default_rng(0), SIDE, 1)

    assert list(sample) == ["painting"]
    assert sample["painting"].shape == (1, SIDE, SIDE, 3)
