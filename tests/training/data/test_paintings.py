from __future__ import annotations

import cv2
import numpy as np
import pytest

from keras_vst.config.overrides import with_overrides
from keras_vst.errors import UserError
from keras_vst.flow import warp
from keras_vst.video import open_source
from tests.conftest import draw_picture, write_picture
from training.data.clips import ClipCache
from training.data.paintings import Keyframes, PaintedClip, Paintings, read_frame
from training.recipes import RECIPES
from training.sources import painted_clip

SIDE = 32


@pytest.fixture(scope="module")
def clip_collection(tmp_path_factory, short_clip):
    config = with_overrides(RECIPES["smoke"], ["data.style_side=128"])
    cache = ClipCache(tmp_path_factory.mktemp("cache"))
    return painted_clip(cache, short_clip, config)


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
    sample = Paintings(photos, 48).draw(np.random.default_rng(0), SIDE)

    assert list(sample) == ["painting"]
    assert sample["painting"].shape == (1, SIDE, SIDE, 3)
    assert 0 <= sample["painting"].min() < sample["painting"].max() <= 1


def test_a_painting_in_motion_comes_with_the_flow_that_holds_it_still(photos):
    paintings = Paintings(photos, 48)
    samples = [paintings.draw(np.random.default_rng(seed), SIDE, 3) for seed in range(12)]

    assert samples[0]["painting"].shape == (3, SIDE, SIDE, 3)
    assert samples[0]["painting_flow"].shape == (2, SIDE, SIDE, 2)
    errors = np.mean([outer_errors(sample) for sample in samples], axis=0)
    assert (errors[:, 1] < 0.25 * errors[:, 0]).all()  # neither noise nor light is added to a painting


def test_a_small_painting_is_made_large_enough(photos):
    sample = Paintings(photos, 16).draw(np.random.default_rng(0), 200)

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


@pytest.fixture
def pair(tmp_path):
    """A frame, and as its painting the negative of it."""
    frame, painted = tmp_path / "frame.png", tmp_path / "painted.png"
    picture = draw_picture(0)
    cv2.imwrite(str(frame), picture[..., ::-1])
    cv2.imwrite(str(painted), 255 - picture[..., ::-1])
    return frame, painted


def test_a_patch_is_cut_out_of_both_alike(pair):
    keyframes = Keyframes([pair], side=48)
    patches = [keyframes.draw(np.random.default_rng(seed), 48) for seed in range(8)]

    for patch in patches:
        assert patch["frame"].shape == patch["target"].shape == (48, 48, 3)
        np.testing.assert_allclose(patch["frame"], 1 - patch["target"], atol=1e-6)
    assert len({patch["frame"].tobytes() for patch in patches}) == 8


def test_a_painting_of_another_size_is_refused_with_both_sizes(tmp_path, pair):
    small = write_picture(tmp_path / "small.png", 1, 60, 80)

    with pytest.raises(UserError, match=r"frame\.png has 160x120 pixels, .*small\.png has 80x60"):
        Keyframes([(pair[0], small)], side=48)


def test_a_frame_smaller_than_the_patches_is_refused(pair):
    with pytest.raises(UserError, match=r"frame\.png has 160x120 pixels, but patches of 128"):
        Keyframes([pair], side=128)


def test_what_is_transparent_in_a_painting_is_white(tmp_path, pair):
    masked = tmp_path / "masked.png"
    bgr = cv2.imread(str(pair[1]))
    cv2.imwrite(str(masked), np.dstack([bgr, np.zeros(bgr.shape[:2], np.uint8)]))

    ((_, painted),) = Keyframes([(pair[0], masked)], side=48).pairs

    assert (painted == 255).all()


def test_a_frame_of_a_clip_is_named_by_its_number(short_clip):
    with open_source(short_clip) as source:
        frames = [frame.pixels for frame in source]

    np.testing.assert_array_equal(read_frame(f"{short_clip}@3"), frames[3])


def test_a_frame_after_the_end_of_a_clip_is_refused(short_clip):
    with pytest.raises(UserError, match=r"ends after 8 frames"):
        read_frame(f"{short_clip}@8")


def test_a_frame_that_is_named_wrongly_is_refused(short_clip):
    with pytest.raises(UserError, match=r"CLIP@NUMBER.*@soon"):
        read_frame(f"{short_clip}@soon")
