from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest

from keras_vst.flow import warp
from keras_vst.motion import MotionConfig, clip_from_photos
from tests.conftest import draw_picture
from training.data.photos import jitter
from training.data.shards import Shard

PAIRS = [(1, 0), (2, 1), (2, 0)]
SIDE = 64


def shard_of(seed, size=(100, 130)):
    """A clip whose flow is exact: a camera over a smooth picture, with things that cross."""
    photo = cv2.GaussianBlur(draw_picture(seed, 160, 200), (0, 0), 2)
    config = MotionConfig(light=0.0, noise=0.0)
    clip = clip_from_photos(photo, photo[::-1], 3, size, np.random.default_rng(seed), config)
    clip = dataclasses.replace(clip, light=[1.0, 1.0, 1.0])
    flow, visible = zip(*(clip.flow(*pair) for pair in PAIRS), strict=True)
    frames = np.stack([clip.frame(time) for time in range(3)])
    return Shard(frames, np.stack(flow).astype(np.float16), np.stack(visible).astype(np.uint8))


def gliding_shard(dx, dy):
    """Every pixel of a frame was at (dx, dy) from there in the frame before; red rises to the right."""
    columns = np.broadcast_to(np.arange(130, dtype=np.float32), (100, 130))
    frames = [np.stack([columns + dx * time, 0 * columns, 0 * columns], -1) for time in range(3)]
    moves = [np.broadcast_to(np.float16((dx * (a - b), dy * (a - b))), (100, 130, 2)) for a, b in PAIRS]
    return Shard(np.stack(frames).astype(np.uint8), np.stack(moves), np.ones((3, 100, 130, 1), np.uint8))


@pytest.mark.parametrize("seed", range(4))
def test_flow_is_cut_mirrored_and_scaled_with_the_frames(seed):
    sample = shard_of(seed).cut(SIDE, np.random.default_rng(seed), colour=0.0)

    for index, (later, earlier) in enumerate(PAIRS):
        visible = sample["visible"][index]
        held = warp(sample["clip"][earlier], sample["flow"][index])
        error = np.sum(visible * np.abs(held - sample["clip"][later])) / np.sum(visible) / 3
        assert visible.mean() > 0.3
        assert error < 0.008


def test_a_mirrored_clip_moves_the_other_way_and_a_scaled_one_by_as_much():
    shard, found = gliding_shard(3.0, -2.0), set()
    for seed in range(12):
        sample = shard.cut(SIDE, np.random.default_rng(seed), colour=0.0)
        red = sample["clip"][0, :, :, 0].mean(axis=0) * 255
        rise = np.polyfit(np.arange(SIDE), red, 1)[0]  # 1 / scale, with a minus where it is mirrored
        flow = sample["flow"][0]
        found.add(bool(rise < 0))
        np.testing.assert_allclose(flow[..., 0], 3.0 / rise, rtol=0.02)
        np.testing.assert_allclose(flow[..., 1], -2.0 / abs(rise), rtol=0.02)
    assert found == {True, False}


def test_what_the_shard_could_not_see_the_sample_cannot_either():
    shard = gliding_shard(0.0, 0.0)
    shard.visible[0, :, ::2] = (
        0  # every second column: no pixel of a shrunk sample is made of seen ones alone
    )

    sample = shard.cut(SIDE, np.random.default_rng(2), colour=0.0)

    assert sample["visible"][0].mean() < 0.6
    assert sample["visible"][1].all()


def test_all_frames_of_a_clip_get_the_same_colours():
    frames = np.repeat(draw_picture(0)[None], 3, axis=0)
    changed = jitter(frames, np.random.default_rng(0), 0.3)

    np.testing.assert_array_equal(changed[0], changed[2])
    assert np.abs(changed.astype(float) - frames).mean() > 3


def test_other_colours_leave_the_light_of_one_frame_over_another_as_it_was():
    dark = draw_picture(1) // 4
    frames = np.stack([dark, 2 * dark])

    changed = jitter(frames, np.random.default_rng(3), 0.2).astype(float)

    assert changed[1].mean() / changed[0].mean() == pytest.approx(2, rel=0.02)


def test_a_shard_smaller_than_the_square_is_refused():
    with pytest.raises(ValueError, match="A square of 128 pixels does not fit into a shard of 130x100"):
        shard_of(0).cut(128, np.random.default_rng(0), 0.0)
