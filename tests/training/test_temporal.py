from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tests.training.toys import make_batch, tiny
from training.temporal import (
    aligned,
    aligned_last,
    check_batch,
    flatness,
    flicker,
    frame_pairs,
    pairs_of,
    real_clips,
)

CONFIG = tiny("painting", "data.frames=3", "loss.temporal_flat=0")


@pytest.fixture
def batch():
    return {name: tf.constant(array) for name, array in make_batch(CONFIG).items()}


def still(batch):
    same = {**batch, "clip": tf.repeat(batch["clip"][:, :1], 3, axis=1)}
    return {**same, "flow": tf.zeros_like(batch["flow"]), "visible": tf.ones_like(batch["visible"])}


def inside(frame):
    margin = CONFIG.data.margin
    return np.float64(frame)[:, margin:-margin, margin:-margin]


def test_flicker_is_the_mean_square_of_what_changes_inside_the_margin_over_the_variance(batch):
    clip, frames = still(batch), [batch["clip"][:, time] for time in range(3)]
    first, second, third = map(inside, frames)

    changes = [np.mean((second - first) ** 2), np.mean((third - second) ** 2)]
    variance = first.reshape(-1, 3).var(axis=0).mean()
    found = float(flicker(clip, frames, CONFIG))
    assert found == pytest.approx(np.mean(changes) / (variance + 0.001), rel=1e-4)


def test_what_moves_with_the_flow_does_not_flicker(batch):
    wide = np.random.default_rng(0).random((2, 32, 40, 3), np.float32)
    frames = [tf.constant(wide[:, :, 3 * time : 3 * time + 32]) for time in range(3)]
    moving = still(batch)
    moving["flow"] = tf.concat([tf.fill((2, 2, 32, 32, 1), 3.0), tf.zeros((2, 2, 32, 32, 1))], axis=-1)

    assert float(flicker(moving, frames, CONFIG)) < 1e-9
    assert float(flicker(still(batch), frames, CONFIG)) > 0.1


def test_motion_that_looks_beyond_the_margin_is_not_judged(batch):
    far = {**still(batch), "flow": tf.fill(batch["flow"].shape, 9.0)}  # the margin is 8
    frames = [batch["clip"][:, time] for time in range(3)]

    assert float(flicker(far, frames, CONFIG)) == 0


def test_flat_places_weigh_more_where_that_is_asked_for(batch):
    config = tiny("painting", "data.frames=3", "loss.temporal_flat=3")
    frames = [batch["clip"][:, time] for time in range(3)]
    clip = still(batch)
    sky = {**clip, "clip": tf.fill(clip["clip"].shape, 0.5)}

    busy, plain = (float(flicker(clip, frames, one)) for one in (config, CONFIG))
    assert busy == pytest.approx(plain, rel=1e-3), "noise is nowhere flat"
    raised = float(flicker(sky, frames, config))
    assert raised == pytest.approx(4 * float(flicker(sky, frames, CONFIG)), rel=1e-5)


def test_flatness_is_a_bell_of_the_local_deviation_of_luminance():
    picture = np.random.default_rng(0).random((1, 16, 20, 3), np.float32) * 0.1
    luma = np.float64(picture) @ [0.2126, 0.7152, 0.0722]

    found = np.array(flatness(picture))

    assert found.shape == (1, 8, 12, 1)
    for row, column in ((0, 0), (3, 7), (7, 11)):
        deviation = luma[0, row : row + 9, column : column + 9].std()
        assert found[0, row, column, 0] == pytest.approx(np.exp(-((deviation / 0.03) ** 2)), abs=1e-4)


def test_three_frames_of_a_steady_pan_are_alike_once_aligned():
    wide = np.random.default_rng(0).random((1, 12, 20, 3), np.float32)
    frames = [wide[:, :, 2 * time : 2 * time + 12] for time in range(3)]
    flow = np.zeros((1, 2, 12, 12, 2), np.float32)
    flow[:, 0, ..., 0], flow[:, 1, ..., 0] = 2, -2  # the middle frame was 2 further right, and will be 2 left

    before, middle, after = np.split(np.array(aligned(frames, flow)), 3, axis=-1)

    np.testing.assert_allclose(before[:, :, 2:-2], middle[:, :, 2:-2], atol=1e-6)
    np.testing.assert_allclose(after[:, :, 2:-2], middle[:, :, 2:-2], atol=1e-6)


def test_a_stylized_clip_is_aligned_onto_its_last_but_one_frame():
    config = tiny("clip")
    batch, margin = make_batch(config), config.data.margin
    batch["flow"] *= 0
    frames = [batch["clip"][:, time] for time in range(3)]

    found = aligned_last(batch, frames, config)

    inner = [frame[:, margin:-margin, margin:-margin] for frame in frames]
    np.testing.assert_allclose(found, np.concatenate(inner, axis=-1), atol=1e-6)


@pytest.mark.parametrize("name", ["flow", "clip"])
def test_a_batch_made_for_other_pairs_is_refused(batch, name):
    with pytest.raises(ValueError, match=r"needs 3 frames and flow for the pairs \[\(1, 0\), \(2, 1\)\]"):
        check_batch({**batch, name: batch[name][:, :1]}, CONFIG)


def test_a_batch_without_an_inside_is_refused(batch):
    with pytest.raises(ValueError, match=r"Nothing is left inside a margin of 8"):
        check_batch({**batch, "clip": batch["clip"][:, :, :16, :16]}, CONFIG)


def test_pairs_are_neighbours_and_for_a_discriminator_of_motion_the_way_back_as_well():
    assert frame_pairs(2) == [(1, 0)]
    assert frame_pairs(4) == [(1, 0), (2, 1), (3, 2)]
    assert pairs_of(tiny("painting", "data.frames=3")) == [(1, 0), (2, 1)]
    assert pairs_of(tiny("clip")) == [(1, 0), (2, 1), (1, 2)]


def test_real_clips_come_in_at_their_share_of_the_run():
    config = tiny("film", "schedule.steps=10", "schedule.clips_from=0.6")
    assert [real_clips(config, step) for step in (0, 5, 6, 9, 100)] == [False, False, True, True, True]
