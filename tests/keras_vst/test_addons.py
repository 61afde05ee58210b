"""Ours against tensorflow-addons, whose answers fixtures/make_addons_fixture.py wrote into addons.npz."""

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from keras_vst.layers import instance_norm
from keras_vst.ops import warp

FIXTURE = Path(__file__).parents[1] / "fixtures" / "addons.npz"


@pytest.fixture(scope="module")
def addons():
    with np.load(FIXTURE) as stored:
        return dict(stored)


def test_warp_equals_dense_image_warp(addons):
    ours = -addons["warp_flow"][..., ::-1]  # theirs is (dy, dx), subtracted
    moved = ops.convert_to_numpy(warp(ops.array(addons["warp_images"]), ops.array(ours)))
    np.testing.assert_allclose(moved, addons["warp_out"], atol=1e-6)


def test_instance_norm_equals_instance_normalization(addons):
    layer = instance_norm()
    layer.build(addons["norm_features"].shape)
    layer.set_weights([addons["norm_gamma"], addons["norm_beta"]])
    normed = ops.convert_to_numpy(layer(addons["norm_features"]))
    np.testing.assert_allclose(normed, addons["norm_out"], rtol=1e-5, atol=2e-5)


def test_spectral_normalization_takes_the_same_steps(addons):
    convolution = keras.layers.Conv2D(6, 3, use_bias=False)
    layer = keras.layers.SpectralNormalization(convolution, power_iterations=2)
    layer.build(addons["spectral_frames"].shape)
    layer.kernel.assign(addons["spectral_kernel"])
    layer.vector_u.assign(addons["spectral_vector"])
    for call in (1, 2):
        out = ops.convert_to_numpy(layer(addons["spectral_frames"], training=True))
        np.testing.assert_allclose(out, addons[f"spectral_out_{call}"], rtol=1e-5, atol=1e-6)
        kernel, vector = (variable.numpy() for variable in (layer.kernel, layer.vector_u))
        np.testing.assert_allclose(kernel, addons[f"spectral_kernel_{call}"], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(vector, addons[f"spectral_vector_{call}"], rtol=1e-5, atol=1e-6)


def test_use_ema_equals_moving_average(addons):
    weights = keras.Variable(addons["average_start"])
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9, use_ema=True, ema_momentum=0.9)
    for step, gradient in enumerate(addons["average_gradients"]):
        optimizer.apply([ops.array(gradient)], [weights])
        np.testing.assert_allclose(weights.numpy(), addons["average_weights"][step], atol=1e-6)
    optimizer.finalize_variable_values([weights])
    np.testing.assert_allclose(weights.numpy(), addons["average_means"][-1], atol=1e-6)
    assert np.abs(addons["average_means"][-1] - addons["average_weights"][-1]).max() > 0.1
