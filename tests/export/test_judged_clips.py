"""The clips that files are judged on."""

from __future__ import annotations

import numpy as np
import pytest

from export.judged_clips import bundled_clip, users_clip
from keras_vst.frames import to_float
from keras_vst.metrics import warp_error


def test_a_clip_has_a_margin_that_can_be_cut_away_again():
    clip = bundled_clip((32, 44), 3)
    assert clip.size == (48, 64)
    np.testing.assert_array_equal(clip.inside(clip.frames), clip.content)
    flow, visible = clip.flow(1)
    assert flow.shape == (32, 44, 2)
    assert visible.shape == (32, 44, 1)
    assert visible.mean() > 0.5


def test_a_clip_of_one_s_own_is_brought_to_size_and_played_forth_and_back(short_clip):
    clip = users_clip(short_clip, (32, 48), 12)
    assert clip.content.shape == (12, 32, 48, 3)
    np.testing.assert_array_equal(clip.content[8], clip.content[6])
    flow, visible = clip.flow(2)
    inside = visible[4:-4, 4:-4, 0] > 0
    # The picture moves 2 pixels a frame to the left in 96, which is 1 in 48.
    assert inside.mean() > 0.3
    assert np.median(flow[4:-4, 4:-4, 0][inside]) == pytest.approx(1, abs=0.3)
    assert clip.origin == "clip.mp4"


def test_the_bundled_clip_moves_exactly_as_its_flow_says():
    clip = bundled_clip((96, 160), 6)
    frames, errors = to_float(clip.content), []
    for time in range(1, 6):
        flow, visible = clip.flow(time)
        assert np.abs(flow).max() > 0.5
        assert 0.5 < visible.mean() < 1, "something crosses the picture"
        assert np.ptp(flow[visible[..., 0] > 0], axis=0).max() > 1, "with a motion of its own"
        pair = frames[time][None], frames[time - 1][None]
        still = np.zeros_like(flow)[None]
        errors.append([warp_error(*pair, move, visible[None]) for move in (flow[None], still)])
    moved, still = np.mean(errors, axis=0)
    assert moved < 0.5 * still
