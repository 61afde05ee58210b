from __future__ import annotations

import json
import subprocess
import sys

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_vst import ops
from tests.harness import gradient, random_array


def constant_flow(height, width, dx, dy, batch=1):
    return np.broadcast_to(np.float32([dx, dy]), (batch, height, width, 2)).copy()


def warp_by_hand(frame, flow):
    """One pixel after the other: clamp the position to the frame, mix its four neighbours."""
    height, width, _ = frame.shape
    warped = np.empty(frame.shape)
    for y in range(height):
        for x in range(width):
            there_x = min(max(x + float(flow[y, x, 0]), 0.0), width - 1.0)
            there_y = min(max(y + float(flow[y, x, 1]), 0.0), height - 1.0)
            left, top = min(int(there_x), width - 2), min(int(there_y), height - 2)
            right, down = there_x - left, there_y - top
            upper = (1 - right) * frame[top, left] + right * frame[top, left + 1]
            lower = (1 - right) * frame[top + 1, left] + right * frame[top + 1, left + 1]
            warped[y, x] = (1 - down) * upper + down * lower
    return warped


@pytest.mark.parametrize(("dx", "dy"), [(1, 0), (0, 1), (-2, 0), (0, -3), (2, -1), (-1, 3)])
def test_warp_by_whole_pixels_fetches_what_lies_dx_right_and_dy_down(dx, dy):
    frames = random_array((1, 8, 9, 3))

    warped = np.asarray(ops.warp(frames, constant_flow(8, 9, dx, dy)))

    rows, columns = np.clip(np.arange(8) + dy, 0, 7), np.clip(np.arange(9) + dx, 0, 8)
    np.testing.assert_array_equal(warped, frames[:, rows][:, :, columns])


def test_warp_agrees_with_opencv_between_pixels():
    frame = random_array((24, 31, 3))
    # OpenCV before 5 rounds positions to 1/32 pixel; eighths are exact in each version.
    flow = np.random.default_rng(1).integers(-80, 81, (24, 31, 2)).astype(np.float32) / 8
    columns, rows = np.meshgrid(np.arange(31, dtype=np.float32), np.arange(24, dtype=np.float32))
    there = columns + flow[..., 0], rows + flow[..., 1]

    warped = np.asarray(ops.warp(frame[None], flow[None]))[0]

    expected = cv2.remap(frame, *there, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    np.testing.assert_allclose(warped, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("dx", "dy", "edge"),
    [
        (100.5, 0, np.s_[:, -1:]),
        (-100.5, 0, np.s_[:, :1]),
        (0, 1e6, np.s_[-1:]),
        (0, -1e6, np.s_[:1]),
        (-99, 99, np.s_[-1:, :1]),
    ],
)
def test_warp_repeats_the_edge_beyond_the_border(dx, dy, edge):
    frames = random_array((1, 6, 7, 3))

    warped = np.asarray(ops.warp(frames, constant_flow(6, 7, dx, dy)))[0]

    np.testing.assert_array_equal(warped, np.broadcast_to(frames[0][edge], (6, 7, 3)))


def test_warp_hands_the_gradient_back_to_where_the_pixel_came_from():
    frames, weights = random_array((1, 4, 6, 1)), random_array((1, 4, 6, 1), seed=1)
    flow = constant_flow(4, 6, 1.25, 0)

    (reached,) = gradient(lambda tensor: keras.ops.sum(ops.warp(tensor, flow) * weights), frames)

    expected = np.zeros((4, 6))
    for x in range(6):
        there = min(x + 1.25, 5.0)
        for column in range(6):
            expected[:, column] += weights[0, :, x, 0] * max(0.0, 1.0 - abs(there - column))
    np.testing.assert_allclose(reached[0, :, :, 0], expected, atol=1e-6)


def test_warp_hands_the_slope_of_the_picture_to_the_flow():
    ramp = np.broadcast_to(np.arange(8, dtype=np.float32)[None, None, :, None] * 3, (1, 8, 8, 1))

    (reached,) = gradient(lambda flow: keras.ops.sum(ops.warp(ramp, flow)), constant_flow(8, 8, 0.5, 0.5))

    np.testing.assert_allclose(reached[0, :-1, :-1], np.broadcast_to([3.0, 0.0], (7, 7, 2)), atol=1e-5)


def test_warp_takes_any_size_in_one_graph():
    import tensorflow as tf

    spec = [tf.TensorSpec((None, None, None, 3)), tf.TensorSpec((None, None, None, 2))]
    graph = tf.function(ops.warp, input_signature=spec)
    for size in ((1, 4, 5), (2, 7, 3)):
        frames = random_array((*size, 3))
        flow = constant_flow(size[1], size[2], 1, 0, batch=size[0])
        np.testing.assert_array_equal(graph(frames, flow)[:, :, :-1], frames[:, :, 1:])


def test_moments_are_mean_and_second_moment_over_all_pixels_of_a_batch():
    features = 10 * random_array((2, 5, 6, 3)) - 4

    mean, square = ops.moments(features)

    flat = features.astype(np.float64).reshape(60, 3)
    np.testing.assert_allclose(mean, flat.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(square, flat.T @ flat / 60, rtol=1e-5)


def test_moments_are_taken_in_float32_whatever_they_are_of():
    features = random_array((2, 64, 64, 3)) + 100  # 16 bits could not tell one of these sums from the next

    mean, square = ops.moments(keras.ops.cast(features, "bfloat16"))

    assert keras.backend.standardize_dtype(mean.dtype) == "float32"
    assert keras.backend.standardize_dtype(square.dtype) == "float32"
    rounded = np.asarray(keras.ops.cast(keras.ops.cast(features, "bfloat16"), "float32"), np.float64)
    np.testing.assert_allclose(mean, rounded.mean(axis=(0, 1, 2)), rtol=1e-6)


def test_the_way_back_through_moments_is_that_of_their_formula():
    features, weigh = random_array((2, 5, 6, 3)), random_array((3, 3))

    def value(mean, square):
        return tf.reduce_sum(weigh * tf.square(square)) + tf.reduce_sum(tf.exp(mean))

    def formula(pixels):
        flat = tf.reshape(pixels, (-1, 3))
        return tf.reduce_mean(flat, axis=0), tf.einsum("ni,nj->ij", flat, flat) / 60.0

    (ours,), (wanted,) = (
        gradient(lambda pixels, taken=taken: value(*taken(pixels)), features)
        for taken in (ops.moments, formula)
    )
    np.testing.assert_allclose(ours, wanted, rtol=1e-4, atol=1e-7)


# L, a, b of sRGB primaries as other programs tell them (CSS Color 4, culori).
KNOWN = {
    (1, 1, 1): (1, 0, 0),
    (0, 0, 0): (0, 0, 0),
    (1, 0, 0): (0.6279554, 0.2248631, 0.1258463),
    (0, 1, 0): (0.8664396, -0.2338874, 0.1794985),
    (0, 0, 1): (0.4520137, -0.0324570, -0.3115281),
    (0.5, 0.5, 0.5): (0.5981807, 0, 0),
}


@pytest.mark.parametrize("rgb", KNOWN)
def test_oklab_of_known_colours(rgb):
    # Black is held a little above it, so that its cube root has a slope.
    np.testing.assert_allclose(ops.oklab(np.float32(rgb)), KNOWN[rgb], atol=0.025 if not any(rgb) else 1e-4)


def test_oklab_has_a_finite_gradient_everywhere_and_takes_any_shape():
    corners = np.float32(np.stack(np.meshgrid(*[[0, 0.5, 1]] * 3), axis=-1))

    assert ops.oklab(corners).shape == corners.shape
    (slope,) = gradient(lambda rgb: keras.ops.sum(ops.oklab(rgb)), corners)
    assert np.isfinite(slope).all()


def test_luminance_weighs_green_most():
    primaries = np.eye(3, dtype=np.float32).reshape(1, 1, 3, 3)

    np.testing.assert_allclose(ops.luminance(primaries), [[[[0.2126], [0.7152], [0.0722]]]], rtol=1e-6)


def test_repeat_edge_puts_the_outermost_pixels_around():
    frames = np.random.default_rng(0).random((2, 6, 8, 3), np.float32)

    padded = np.asarray(ops.repeat_edge(frames, 3))

    np.testing.assert_array_equal(padded, np.pad(frames, [(0, 0), (3, 3), (3, 3), (0, 0)], mode="edge"))


@pytest.mark.parametrize("margin", [0, 1, 2])
def test_crop_cuts_the_margin_off_each_side(margin):
    frames = random_array((2, 6, 8, 3))

    cropped = ops.crop(frames, margin)

    np.testing.assert_array_equal(cropped, frames[:, margin : 6 - margin, margin : 8 - margin])


def test_on_a_single_device_a_statistic_and_rows_are_what_they_are():
    value = keras.ops.convert_to_tensor(random_array((3, 2)))

    assert ops.across_replicas(value) is value
    assert ops.of_all_replicas(value) is value


ON_TWO_DEVICES = """
import json
import tensorflow as tf
from keras_vst.ops import across_replicas, of_all_replicas

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])

@tf.function
def everywhere():
    def one():
        place = tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, tf.float32)
        value, rows = place * 2 + 1, tf.stack([[place], [place + 10.0]])
        with tf.GradientTape(persistent=True) as tape:
            tape.watch([value, rows])
            squared = across_replicas(value) ** 2
            gathered = of_all_replicas(rows)
            assert gathered.shape == (4, 1), gathered.shape
            cubed = tf.reduce_sum(gathered ** 3)
        return squared, tape.gradient(squared, value), gathered[:, 0], tape.gradient(cubed, rows)[:, 0]
    return strategy.run(one)

print(json.dumps([[each.numpy().tolist() for each in strategy.experimental_local_results(found)]
                  for found in everywhere()]))
"""


@pytest.mark.slow
def test_devices_share_statistics_and_rows_and_their_gradients():
    done = subprocess.run([sys.executable, "-c", ON_TWO_DEVICES], capture_output=True, text=True, check=True)

    squared, slope, rows, slopes = json.loads(done.stdout)
    # The values are 1 and 3; gradients are averaged over devices afterwards, as those of the weights are.
    assert (squared, slope) == ([4, 4], [4, 4])
    assert rows == [[0, 10, 1, 11]] * 2
    expected = [[2 * 3 * row**2 for row in own] for own in ([0, 10], [1, 11])]
    assert slopes == expected
