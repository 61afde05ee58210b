from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest

from keras_vst.motion import Layer, MotionConfig, SyntheticClip, clip_from_photos

SIZE = (64, 80)
CALM = MotionConfig(light=0.0, noise=0.0)
STILL = MotionConfig(shift=0.0, zoom=0.0, rotation=0.0, objects=0, light=0.0, noise=0.0)


def smooth_photo(seed, height=120, width=150):
    """Broad waves of colour: interpolating twice instead of once changes them by less than a grey level."""
    rows, columns = np.mgrid[:height, :width]
    rng = np.random.default_rng(seed)
    waves = [
        np.sin(rng.uniform(0.02, 0.07) * (columns + rng.uniform(-2, 2) * rows) + phase) for phase in range(3)
    ]
    return np.uint8(127.5 + 110 * np.stack(waves, axis=-1))


def make_clip(seed, config=CALM, num_frames=3, size=SIZE, photo=None):
    photo = smooth_photo(0) if photo is None else photo
    return clip_from_photos(photo, smooth_photo(1), num_frames, size, np.random.default_rng(seed), config)


def shift(dx, dy):
    matrix = np.eye(3)
    matrix[:2, 2] = dx, dy
    return matrix


def fetch(frame, flow):
    """Where the flow says that each pixel was, by OpenCV."""
    columns, rows = np.meshgrid(
        np.arange(frame.shape[1], dtype=np.float32), np.arange(frame.shape[0], dtype=np.float32)
    )
    there = columns + flow[..., 0], rows + flow[..., 1]
    return cv2.remap(frame.astype(np.float32), *there, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


@pytest.fixture
def panning_clip():
    """The camera moves 3 pixels to the right and 1 down a frame; frames can be cut out of the photo by hand."""
    paths = [shift(10 + 3 * time, 20 + time) for time in range(3)]
    silence = [np.zeros((*SIZE, 3), np.float32)] * 3
    return SyntheticClip([Layer(smooth_photo(0), None, paths)], SIZE, [1.0] * 3, silence)


@pytest.fixture
def crossing_clip():
    """A square of 8 x 6 pixels stands at row 5, column 4 and moves 2 pixels right a frame; nothing else moves."""
    picture, alpha = np.full((10, 12, 3), 200, np.uint8), np.zeros((10, 12, 1), np.float32)
    alpha[2:8, 2:10] = 1.0
    square = Layer(picture, alpha, [shift(-2 - 2 * time, -3) for time in range(2)])
    still = Layer(np.zeros((24, 32, 3), np.uint8), None, [np.eye(3)] * 2)
    silence = [np.zeros((24, 32, 3), np.float32)] * 2
    return SyntheticClip([still, square], (24, 32), [1.0, 1.0], silence)


def square_at(left):
    mask = np.zeros((24, 32), bool)
    mask[5:11, left : left + 8] = True
    return mask


def test_a_panning_camera_cuts_frames_out_of_the_photo(panning_clip):
    photo = smooth_photo(0)

    for time in range(3):
        expected = photo[20 + time :, 10 + 3 * time :][: SIZE[0], : SIZE[1]]
        np.testing.assert_array_equal(panning_clip.frame(time), expected)


@pytest.mark.parametrize(("time", "earlier", "dx", "dy"), [(1, 0, 3, 1), (2, 0, 6, 2), (0, 2, -6, -2)])
def test_the_flow_of_a_pan_points_to_where_a_pixel_was(panning_clip, time, earlier, dx, dy):
    flow, visible = panning_clip.flow(time, earlier)

    np.testing.assert_array_equal(flow, np.broadcast_to(np.float32([dx, dy]), (*SIZE, 2)))
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    inside = (rows + dy >= 0) & (rows + dy < SIZE[0]) & (columns + dx >= 0) & (columns + dx < SIZE[1])
    np.testing.assert_array_equal(visible[..., 0], inside)


def test_an_object_is_painted_over_what_is_behind_it(crossing_clip):
    for time, left in enumerate((4, 6)):
        expected = np.where(square_at(left)[..., None], 200, 0)
        np.testing.assert_array_equal(crossing_clip.frame(time), np.broadcast_to(expected, (24, 32, 3)))


def test_an_object_moves_by_itself_and_hides_what_it_covered(crossing_clip):
    flow, visible = crossing_clip.flow(1, 0)

    now, before = square_at(6), square_at(4)
    np.testing.assert_array_equal(flow[..., 0], np.where(now, -2, 0))
    np.testing.assert_array_equal(flow[..., 1], np.zeros((24, 32)))
    np.testing.assert_array_equal(visible[..., 0], ~(before & ~now))


def test_a_soft_edge_belongs_to_nobody(crossing_clip):
    background, square = crossing_clip.layers
    halved = dataclasses.replace(square, path=[shift(-2, -3), shift(-3.5, -3)])
    clip = dataclasses.replace(crossing_clip, layers=[background, halved])

    _, visible = clip.flow(1, 0)

    # Moved by 1.5 pixels the square covers columns 5.5 to 13.5: half of column 5 and of column 13.
    np.testing.assert_array_equal(visible[5:11, [5, 13], 0], np.zeros((6, 2)))
    assert visible[5:11, 8:11].all()


@pytest.mark.parametrize("seed", range(12))
def test_moving_the_earlier_frame_by_the_flow_gives_the_later_one(seed):
    clip = make_clip(seed, dataclasses.replace(CALM, objects=2))

    for time, earlier in ((1, 0), (2, 0)):
        flow, visible = clip.flow(time, earlier)
        error = np.abs(fetch(clip.frame(earlier), flow) - clip.frame(time))[visible[..., 0] == 1]
        assert visible.mean() > 0.3
        assert error.mean() < 0.6, "grey levels; rounding two frames to uint8 alone makes about 0.4"
        assert error.max() < 5.0


def test_the_same_seed_makes_the_same_clip_and_another_another():
    first, again, other = (make_clip(seed, MotionConfig()) for seed in (5, 5, 6))

    for time in range(3):
        np.testing.assert_array_equal(first.frame(time), again.frame(time))
        assert not np.array_equal(first.frame(time), other.frame(time))
    np.testing.assert_array_equal(first.flow(2, 1)[0], again.flow(2, 1)[0])


@pytest.mark.parametrize("seed", range(6))
def test_a_still_clip_has_no_flow_and_hides_nothing(seed):
    clip = make_clip(seed, STILL)

    flow, visible = clip.flow(2, 0)

    assert not flow.any()
    assert visible.all()
    np.testing.assert_array_equal(clip.frame(2), clip.frame(0))


def test_about_a_quarter_of_the_cameras_stand_still():
    clips = [make_clip(seed, MotionConfig(objects=0), num_frames=2, size=(8, 8)) for seed in range(200)]

    still = sum(not clip.flow(1, 0)[0].any() for clip in clips)

    assert 30 <= still <= 70


@pytest.mark.parametrize("seed", range(10))
def test_no_camera_moves_faster_than_it_may(seed):
    config = MotionConfig(shift=4.0, zoom=0.05, rotation=2.0, objects=0)

    flow, _ = make_clip(seed, config, size=(65, 81)).flow(1, 0)

    across, down = flow[32, 41] - flow[32, 40], flow[33, 40] - flow[32, 40]
    linear = np.eye(2) + np.stack([across, down], axis=1)
    scale, turn = np.sqrt(np.linalg.det(linear)), np.degrees(np.arctan2(linear[1, 0], linear[0, 0]))
    assert np.abs(flow[32, 40]).max() <= 4.0
    assert abs(scale - 1) <= 0.05 + 1e-4
    assert abs(turn) <= 2.0 + 1e-2


def test_up_to_as_many_objects_as_asked_for_cross_the_scene():
    counts = {len(make_clip(seed, MotionConfig(objects=2)).layers) - 1 for seed in range(20)}

    assert counts == {0, 1, 2}
    assert len(make_clip(0, STILL).layers) == 1


def test_light_drifts_by_at_most_its_share_a_frame():
    grey = np.full((90, 90, 3), 100, np.uint8)
    for seed in range(8):
        clip = make_clip(seed, dataclasses.replace(STILL, light=0.1), photo=grey)
        levels = [float(clip.frame(time).mean()) for time in range(3)]
        assert levels[0] == pytest.approx(100 * clip.light[0], abs=0.5)
        assert 89.5 <= levels[0] <= 110.5
        assert abs(levels[1] / levels[0] - 1) <= 0.1 + 0.01
        assert levels[2] / levels[1] == pytest.approx(levels[1] / levels[0], abs=0.015)


def test_noise_is_new_in_each_frame_and_as_strong_as_asked():
    grey = np.full((90, 90, 3), 100, np.uint8)
    clip = make_clip(0, dataclasses.replace(STILL, noise=5.0), photo=grey)

    first, second = clip.frame(0).astype(float), clip.frame(1).astype(float)

    assert first.std() == pytest.approx(5.0, rel=0.05)
    assert (second - first).std() == pytest.approx(5.0 * np.sqrt(2), rel=0.05)


def test_a_photo_smaller_than_the_frame_still_fills_it():
    small = np.full((20, 30, 3), 180, np.uint8)

    clip = make_clip(1, dataclasses.replace(CALM, objects=0), photo=small)

    assert all(np.ptp(clip.frame(time)) == 0 for time in range(3))


def test_a_frame_is_clipped_and_not_wrapped_around():
    white = np.full((90, 90, 3), 255, np.uint8)
    clip = dataclasses.replace(make_clip(0, STILL, photo=white), light=[1.1, 0.0, -1.0])

    assert [np.unique(clip.frame(time)).tolist() for time in range(3)] == [[255], [0], [0]]
