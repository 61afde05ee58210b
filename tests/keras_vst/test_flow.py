from __future__ import annotations

import cv2
import numpy as np
import pytest

from keras_vst.files import SCENE
from keras_vst.flow import estimate, visibility, warp
from keras_vst.motion import MotionConfig, SyntheticClip, clip_from_photos
from keras_vst.video import open_source


@pytest.fixture(scope="module")
def clip() -> SyntheticClip:
    """A camera over one picture of the bundled film, and pieces of it that cross the scene: its flow is exact."""
    with open_source(SCENE) as source:
        photo = next(iter(source)).pixels
    motion = MotionConfig(objects=2)
    return clip_from_photos(photo, photo, 3, (288, 512), np.random.default_rng(4), motion)


def waves(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A smooth picture that can be evaluated between pixels, float64 in [0, 255], (H, W, 3)."""
    values = [np.sin(x / 5 + y / 9), np.sin(x / 11 - y / 4), np.cos(x / 7) * np.cos(y / 6)]
    return 127.5 + 40 * (np.stack(values, -1) + np.sin((x + y) / 23)[..., None])


def grid(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    return np.meshgrid(np.arange(width, dtype=np.float64), np.arange(height, dtype=np.float64))


def constant(height: int, width: int, dx: float, dy: float) -> np.ndarray:
    return np.broadcast_to(np.array([dx, dy], np.float32), (height, width, 2)).copy()


def texture(seed: int, height: int, width: int) -> np.ndarray:
    """Lumps of 4, 10 and 20 pixels, so that every level of a pyramid has something to see."""
    rng, total = np.random.default_rng(seed), np.zeros((height, width, 3))
    for lump in (4, 10, 20):
        coarse = rng.normal(42, 2.5 * lump, (height // lump + 1, width // lump + 1, 3))
        total += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(total, 0, 255).astype(np.uint8)


def test_a_shift_by_parts_of_a_pixel_is_found():
    x, y = grid(120, 160)
    previous = np.round(waves(x, y)).astype(np.uint8)
    current = np.round(waves(x + 1.6, y - 0.7)).astype(
        np.uint8
    )  # p of current shows p + (1.6, -0.7) of previous
    error = np.linalg.norm(estimate(previous, current) - (1.6, -0.7), axis=-1)[12:-12, 12:-12]
    assert np.median(error) < 0.2
    assert np.percentile(error, 95) < 0.5


def test_flow_points_from_the_current_frame_back_to_the_previous():
    picture = texture(1, 128, 192)
    previous, current = picture[:, 8:-8], np.roll(picture, 6, axis=1)[:, 8:-8]
    flow = estimate(np.ascontiguousarray(previous), np.ascontiguousarray(current))
    assert flow.dtype == np.float32
    assert flow.shape == (128, 176, 2)
    np.testing.assert_allclose(np.median(flow, axis=(0, 1)), [-6, 0], atol=0.15)
    error = np.abs(warp(previous, flow).astype(float) - current)[16:-16, 16:-16]
    assert np.median(error) <= 2


def test_the_true_flow_of_a_clip_is_found_and_where_it_can_be_seen(clip):
    true, visible = clip.flow(1, 0)
    before, now = clip.frame(0), clip.frame(1)
    found = estimate(before, now)
    error = np.linalg.norm(found - true, axis=-1)[visible[..., 0] == 1]
    assert np.linalg.norm(true, axis=-1).mean() > 1
    assert np.median(error) < 0.15
    assert np.mean(error < 1) > 0.9
    seen, really = visibility(found, estimate(now, before)) == 1, visible == 1
    assert np.sum(seen & really) / np.sum(seen | really) > 0.8


def test_what_a_moving_object_uncovers_is_not_visible():
    ground, thing = texture(3, 160, 240), texture(9, 60, 60)
    previous, current = ground.copy(), ground.copy()
    previous[48:108, 80:140] = thing
    current[48:108, 92:152] = thing  # 12 pixels to the right uncover the columns 80 to 91
    seen = visibility(estimate(previous, current), estimate(current, previous))[..., 0]
    assert seen[52:104, 82:90].mean() < 0.15
    assert seen[60:96, 104:140].mean() > 0.9
    assert seen[:36].mean() > 0.95


def test_visibility_follows_its_formulas():
    backward, forward = constant(20, 30, 3, 0), constant(20, 30, -3, 0)
    expected = np.ones((20, 30, 1), np.float32)
    expected[:, 27:] = 0  # 3 more pixels to the right is outside
    np.testing.assert_array_equal(visibility(backward, forward), expected)
    # |3 - 2|^2 = 1 >= 0.01 * (9 + 4) + 0.5: nothing leads home; |3 - 2.5|^2 = 0.25 is within it
    assert visibility(backward, constant(20, 30, -2, 0)).sum() == 0
    assert visibility(backward, constant(20, 30, -2.5, 0)).sum() == expected.sum()


def test_the_rim_between_two_motions_is_not_visible():
    backward = constant(20, 30, 0, 0)
    backward[:, 15:] = 0.5
    seen = visibility(backward, -backward)[..., 0]
    columns = np.flatnonzero((seen == 0).all(0))
    # The central difference is 0.25 at columns 14 and 15, both axes: 0.125 > 0.01 * |w|^2 + 0.002; row 19 and
    # column 29 lie 0.5 outside.
    np.testing.assert_array_equal(columns, [14, 15, 29])


def test_a_frame_and_itself_stand_still_and_are_all_visible():
    frame = texture(4, 96, 128)
    flow = estimate(frame, frame)
    assert np.percentile(np.abs(flow), 99) < 0.05
    assert np.abs(flow).max() < 0.3
    seen = visibility(np.zeros_like(flow), np.zeros_like(flow))
    np.testing.assert_array_equal(seen, np.ones((96, 128, 1), np.float32))


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (7, 3), (31, 33)])
def test_tiny_frames_have_flow_too(size):
    frame = np.random.default_rng(5).integers(0, 256, (*size, 3), dtype=np.uint8)
    flow = estimate(frame, frame)
    assert flow.shape == (*size, 2)
    np.testing.assert_allclose(flow, 0, atol=0.2)
    assert visibility(np.zeros_like(flow), np.zeros_like(flow)).shape == (*size, 1)


def test_warp_takes_each_pixel_from_where_the_flow_points():
    frame = np.random.default_rng(6).random((12, 15, 3)).astype(np.float32)
    moved = warp(frame, constant(12, 15, 2, -1))
    np.testing.assert_allclose(moved[1:, :-2], frame[:-1, 2:], atol=1e-6)
    np.testing.assert_allclose(
        moved[0, :-2], frame[0, 2:], atol=1e-6
    )  # above the picture: the edge, repeated


def test_warp_mixes_the_four_neighbours():
    frame = np.array([[0, 10], [100, 30]], np.float32)
    flow = constant(2, 2, 0, 0)
    flow[0, 0] = 0.25, 0.5
    # (0 * 0.75 + 10 * 0.25) * 0.5 + (100 * 0.75 + 30 * 0.25) * 0.5
    assert warp(frame, flow)[0, 0] == pytest.approx(42.5, abs=0.01)


@pytest.mark.parametrize("shape", [(5, 6), (5, 6, 1), (5, 6, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_warp_keeps_shape_and_type(shape, dtype):
    frame = np.random.default_rng(7).integers(0, 200, shape).astype(dtype)
    moved = warp(frame, constant(5, 6, 0, 0))
    assert moved.dtype == dtype
    np.testing.assert_array_equal(moved, frame)


@pytest.mark.parametrize(
    "wrong", [np.zeros((8, 8, 3), np.float32), np.zeros((8, 8), np.uint8), np.zeros((0, 8, 3), np.uint8)]
)
def test_what_is_not_a_frame_is_refused(wrong):
    frame = np.zeros((8, 8, 3), np.uint8)
    with pytest.raises(ValueError, match=r"`current` must be a uint8 RGB frame"):
        estimate(frame, wrong)


def test_frames_of_two_sizes_are_refused():
    with pytest.raises(ValueError, match=r"must have one size\. Received: \(8, 8, 3\) and \(8, 9, 3\)"):
        estimate(np.zeros((8, 8, 3), np.uint8), np.zeros((8, 9, 3), np.uint8))


def test_flows_of_two_sizes_are_refused():
    with pytest.raises(ValueError, match="belong to one pair"):
        visibility(constant(8, 8, 0, 0), constant(8, 9, 0, 0))
    with pytest.raises(ValueError, match="`frame` and `flow` must have one size"):
        warp(np.zeros((8, 9), np.float32), constant(8, 8, 0, 0))
