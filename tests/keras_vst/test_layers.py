from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_vst import layers
from tests.harness import check_layer, random_array, sixteen_bits


@pytest.fixture
def other_backend(monkeypatch):
    """Take the path of a backend without the native operations."""
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")


def test_reflect_pad_keeps_what_a_layer_must():
    check_layer(layers.ReflectPad(2), shape=(2, 8, 6, 3))


def test_depth_to_space_keeps_what_a_layer_must():
    check_layer(layers.DepthToSpace(2), shape=(2, 4, 6, 12))


def test_binomial_blur_keeps_what_a_layer_must():
    check_layer(layers.binomial_blur("blur"), shape=(2, 4, 6, 5))


def test_batch_norm_keeps_what_a_layer_must():
    check_layer(layers.BatchNormalization(momentum=0.9), shape=(2, 4, 6, 5))


@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_in_one_operation_is_that_of_keras_way_back_included(training):
    settings = {"momentum": 0.9, "epsilon": 1e-3, "dtype": "mixed_bfloat16"}
    ours, theirs = layers.BatchNormalization(**settings), keras.layers.BatchNormalization(**settings)
    frames, weigh = 3 * random_array((2, 4, 6, 5)) - 1, random_array((2, 4, 6, 5))
    found = []
    for norm in (ours, theirs):
        norm.build(frames.shape)
        norm.set_weights([np.arange(5) + 0.5, np.arange(5) / 10, np.full(5, 0.2), np.full(5, 2.0)])
        with tf.GradientTape() as tape:
            tape.watch(given := tf.constant(frames))
            normed = norm(given, training=training)
            value = tf.reduce_sum(weigh * tf.cast(normed, "float32"))
        back = tape.gradient(value, [given, norm.gamma.value, norm.beta.value])
        found.append([tf.cast(each, "float32") for each in (normed, *back, *norm.get_weights())])

    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-2, atol=2e-3)


@pytest.mark.parametrize("pad", [0, 1, 3])
def test_reflect_pad_mirrors_without_repeating_the_edge(pad):
    frames = random_array((2, 5, 6, 3))

    expected = np.pad(frames, ((0, 0), (pad, pad), (pad, pad), (0, 0)), mode="reflect")
    np.testing.assert_array_equal(layers.ReflectPad(pad)(frames), expected)


def test_channels_unfold_row_by_row_with_their_colours_together():
    channels = np.arange(12, dtype=np.float32).reshape(1, 1, 1, 12)

    np.testing.assert_array_equal(layers.DepthToSpace(2)(channels), channels.reshape(1, 2, 2, 3))


@pytest.mark.parametrize("block", [2, 4])
@pytest.mark.usefixtures("other_backend")
def test_unfolding_without_the_native_operation_is_the_same(block):
    features = random_array((2, 3, 5, 32))

    np.testing.assert_array_equal(layers.DepthToSpace(block)(features), tf.nn.depth_to_space(features, block))


def held_equal(kernel: np.ndarray, bias: np.ndarray) -> keras.layers.Conv2D:
    convolution = keras.layers.Conv2D(bias.size, kernel.shape[:2])
    convolution.build((None, None, None, kernel.shape[2]))
    equal = layers.SubPixelEqual(2)
    convolution.set_weights([equal(kernel), equal(bias)])
    return convolution


def test_kernels_held_equal_paint_flat_features_without_a_grid():
    kernel, bias = random_array((3, 3, 5, 12)) - 0.5, random_array((12,), 1)
    flat = np.tile(random_array((1, 1, 1, 5), 2), (1, 6, 7, 1))

    painted = np.asarray(layers.DepthToSpace(2)(held_equal(kernel, bias)(flat)))[0]

    np.testing.assert_allclose(painted, np.broadcast_to(painted[:1, :1], painted.shape), atol=1e-5)
    # What they paint is the mean of what they would have painted.
    taps = np.einsum("hwio,i->o", kernel, flat[0, 0, 0]) + bias
    np.testing.assert_allclose(painted[0, 0], taps.reshape(4, 3).mean(axis=0), rtol=1e-4)


def test_kernels_held_equal_still_tell_their_four_pixels_apart():
    kernel, equal = random_array((3, 3, 5, 12)), layers.SubPixelEqual(2)

    once = np.asarray(equal(kernel))

    blocks = once.reshape(3, 3, 5, 4, 3)
    assert np.ptp(blocks, axis=3).max() > 0.3
    np.testing.assert_allclose(equal(once), once, atol=1e-6)
    twin = keras.constraints.deserialize(keras.constraints.serialize(equal))
    np.testing.assert_array_equal(twin(kernel), once)


def test_a_convolution_that_starts_sub_pixel_uniform_paints_no_grid():
    start = layers.SubPixelUniform(2, seed=1)
    convolution = keras.layers.Conv2D(12, 3, padding="same", kernel_initializer=start)

    painted = np.asarray(layers.DepthToSpace(2)(convolution(random_array((1, 4, 5, 6)))))

    blocks = painted.reshape(4, 2, 5, 2, 3)
    np.testing.assert_allclose(blocks, np.broadcast_to(blocks[:, :1, :, :1], blocks.shape), atol=1e-6)
    assert painted.std(axis=(0, 1, 2)).min() > 0.01


def test_binomial_blur_weighs_a_pixel_and_its_neighbours():
    dot = np.zeros((1, 5, 5, 2), np.float32)
    dot[0, 2, 2] = [16.0, 32.0]

    blurred = np.asarray(layers.binomial_blur("blur")(dot))[0]

    expected = np.zeros((5, 5, 2))
    expected[1:4, 1:4, 0] = [[1, 2, 1], [2, 4, 2], [1, 2, 1]]
    expected[..., 1] = 2 * expected[..., 0]
    np.testing.assert_array_equal(blurred, expected)


@pytest.mark.parametrize("step", [(1, 0), (0, 1), (1, 1)], ids=["rows", "columns", "checkers"])
def test_binomial_blur_wipes_out_a_two_pixel_grid(step):
    rows, columns = np.mgrid[:6, :8]
    grid = np.float32((-1.0) ** (step[0] * rows + step[1] * columns))[None, :, :, None]

    blurred = np.asarray(layers.binomial_blur("blur")(grid))

    np.testing.assert_allclose(blurred[:, 1:-1, 1:-1], np.zeros((1, 4, 6, 1)), atol=1e-7)


def test_instance_norm_sums_in_float32_whatever_the_policy():
    features = random_array((1, 64, 64, 2)) + 100  # 16 bits could not tell their mean from one 0.5 away

    with sixteen_bits():
        norm = layers.instance_norm()

    normed = np.asarray(norm(features))
    assert normed.dtype == np.float32
    np.testing.assert_allclose(normed.std(axis=(1, 2)), [[1, 1]], atol=0.02)
