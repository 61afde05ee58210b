from __future__ import annotations

import cv2
import numpy as np
import pytest

from keras_vst.errors import UserError
from keras_vst.video import open_source
from tests.conftest import draw_picture, write_picture
from training.data import Keyframes
from training.data.keyframes import read_frame


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


def test_every_pair_is_drawn(tmp_path, pair):
    other = write_picture(tmp_path / "other.png", 1, 60, 60)
    keyframes = Keyframes([pair, (other, other)], side=60)

    equal = [np.array_equal(*keyframes.draw(np.random.default_rng(seed), 60).values()) for seed in range(12)]

    assert set(equal) == {True, False}


def test_a_painting_of_another_size_is_refused_with_both_sizes(tmp_path, pair):
    small = write_picture(tmp_path / "small.png", 1, 60, 80)

    with pytest.raises(UserError, match=r"frame\.png has 160x120 pixels, .*small\.png has 80x60"):
        Keyframes([(pair[0], small)], side=48)


def test_a_frame_smaller_than_the_patches_is_refused(pair):
    with pytest.raises(UserError, match=r"frame\.png has 160x120 pixels, but patches of 128"):
        Keyframes([pair], side=128)


def test_keyframes_need_a_pair():
    with pytest.raises(UserError, match="at least one pair"):
        Keyframes([], side=48)


def test_the_mask_of_a_painting_is_not_looked_at(tmp_path, pair):
    masked = tmp_path / "masked.png"
    bgr = cv2.imread(str(pair[1]))
    cv2.imwrite(str(masked), np.dstack([bgr, np.zeros(bgr.shape[:2], np.uint8)]))

    ((_, painted),) = Keyframes([(pair[0], masked)], side=48).pairs

    np.testing.assert_array_equal(painted, bgr[..., ::-1])


@pytest.mark.parametrize("moment", ["3", "0.12s"])
def test_a_frame_of_a_clip_is_named_by_its_number_or_its_time(short_clip, moment):
    with open_source(short_clip) as source:
        frames = [frame.pixels for frame in source]

    np.testing.assert_array_equal(read_frame(f"{short_clip}@{moment}"), frames[3])


def test_a_frame_after_the_end_of_a_clip_is_refused(short_clip):
    with pytest.raises(UserError, match=r"ends after 8 frames, at 0\.28 s"):
        read_frame(f"{short_clip}@8")


def test_a_frame_that_is_named_wrongly_is_refused(short_clip):
    with pytest.raises(UserError, match=r"CLIP@NUMBER or CLIP@SECONDSs.*@soon"):
        read_frame(f"{short_clip}@soon")
