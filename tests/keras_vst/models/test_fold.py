"""A folded network paints the same with convolutions alone."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from keras_vst.models import fold
from tests.export.networks import good
from tests.harness import random_array


def painted(network, seed=1):
    return np.asarray(network({"frame": random_array((1, 16, 24, 3), seed=seed)}, training=False)["stylized"])


def test_a_folded_network_paints_the_same_with_convolutions_alone():
    student = good()
    folded = fold(student)
    np.testing.assert_allclose(painted(folded), painted(student), atol=1e-5)
    assert not [layer for layer in folded.layers if isinstance(layer, layers.BatchNormalization)]
    norms = [layer for layer in student.layers if isinstance(layer, layers.BatchNormalization)]
    assert folded.count_params() == student.count_params() - sum(3 * norm.gamma.shape[0] for norm in norms)


def test_a_kernel_and_a_bias_are_what_the_formula_says():
    student = good()
    norm, kernel = student.get_layer("stem_norm"), student.get_layer("stem").get_weights()[0]
    gamma, beta, mean, variance = norm.get_weights()
    scale = gamma / np.sqrt(variance + norm.epsilon)
    ours = fold(student).get_layer("stem").get_weights()
    np.testing.assert_allclose(ours[0], kernel * scale, rtol=1e-6)
    np.testing.assert_allclose(ours[1], beta - mean * scale, rtol=1e-5, atol=1e-6)


def test_folding_leaves_the_student_as_it_was_and_folding_twice_changes_nothing():
    student = good()
    before = [weights.copy() for weights in student.get_weights()]
    folded = fold(student)
    for ours, theirs in zip(student.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(painted(fold(folded)), painted(folded))


def small(middle, skip, **norm):
    """A convolution with a bias, something between, a norm, and a way around it."""
    frame = layers.Input((8, 8, 3), name="frame")
    convolved = layers.Conv2D(4, 3, padding="same", bias_initializer="ones", name="stem")(frame)
    normed = layers.BatchNormalization(name="norm", **norm)(middle(convolved))
    stylized = layers.Add()([normed, convolved]) if skip else normed
    network = keras.Model({"frame": frame}, {"stylized": stylized})
    network.get_layer("norm").moving_mean.assign([0.1, 0.2, 0.3, 0.4])
    return network


@pytest.mark.parametrize("middle", [lambda features: features, layers.ReLU()])
def test_a_norm_stays_where_its_convolution_feeds_something_else_as_well(middle):
    network = small(middle, skip=True)
    folded = fold(network)
    assert [layer.name for layer in folded.layers if isinstance(layer, layers.BatchNormalization)] == ["norm"]
    frame = {"frame": random_array((1, 8, 8, 3))}
    np.testing.assert_allclose(folded(frame)["stylized"], network(frame)["stylized"], atol=1e-6)


@pytest.mark.parametrize("norm", [{}, {"scale": False}, {"center": False}])
def test_a_convolution_s_own_bias_and_norms_without_gain_or_shift_are_folded_too(norm):
    alone = small(lambda features: features, skip=False, **norm)
    folded = fold(alone)
    assert "norm" not in [layer.name for layer in folded.layers]
    frame = {"frame": random_array((1, 8, 8, 3))}
    np.testing.assert_allclose(folded(frame)["stylized"], alone(frame)["stylized"], atol=1e-6)
