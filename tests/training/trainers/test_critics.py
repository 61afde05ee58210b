from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

from keras_vst.config import ADVERSARIAL_FORMS, DiscriminatorConfig
from keras_vst.models.discriminator import build_discriminator
from tests.harness import gradient, random_array
from training.backend import minimize
from training.trainers import critics

REAL = {"frames": ops.convert_to_tensor(np.full((2, 16, 16, 3), 0.9, np.float32))}
FAKE = {"frames": ops.convert_to_tensor(random_array((2, 16, 16, 3)))}
BLEND = ops.convert_to_tensor(np.float32([0.3, 0.6]))


def discriminator():
    keras.utils.set_random_seed(0)
    return build_discriminator(DiscriminatorConfig(channels=(4, 8), num_scales=2))


@pytest.mark.parametrize("form", ADVERSARIAL_FORMS)
def test_in_each_form_a_discriminator_learns_to_tell_noise_from_flat(form):
    network, optimizer = discriminator(), keras.optimizers.Adam(0.01)
    for _ in range(10):
        critics.norm_weights(network)
        value, means = minimize(
            lambda: critics.tell_apart(network, REAL, FAKE, BLEND, form),
            network.trainable_variables,
            optimizer,
        )

    assert np.isfinite(float(value))
    assert float(means["score_real"]) > float(means["score_fake"])


def test_norming_brings_the_largest_gain_of_a_layer_to_one():
    network = discriminator()
    kernel = network.get_layer("scale_0_conv_1_spectral").layer.kernel
    kernel.assign(kernel * 7)
    for _ in range(30):
        critics.norm_weights(network)

    matrix = np.array(kernel).reshape(-1, kernel.shape[-1])
    assert np.linalg.svd(matrix, compute_uv=False)[0] == pytest.approx(1.0, rel=0.02)


def test_judging_rewrites_no_weights():
    network = discriminator()
    before = [np.array(variable) for variable in network.variables]

    critics.tell_apart(network, REAL, FAKE, BLEND, "wasserstein")

    for old, variable in zip(before, network.variables, strict=True):
        np.testing.assert_array_equal(old, variable)


def test_wasserstein_is_the_difference_of_scores_and_the_penalty_on_slopes_between():
    network = discriminator()
    real, fake = (np.array(pictures["frames"]) for pictures in (REAL, FAKE))
    between = fake + (real - fake) * np.array(BLEND).reshape(2, 1, 1, 1)

    value, means = critics.tell_apart(network, REAL, FAKE, BLEND, "wasserstein")

    def score(frames):
        scores = network({"frames": frames}, training=False).values()
        return sum(ops.sum(ops.mean(one, axis=(1, 2, 3))) for one in scores) / 2

    (slopes,) = gradient(score, between)
    lengths = np.sqrt((slopes**2).sum(axis=(1, 2, 3)))
    expected = float(means["score_fake"]) - float(means["score_real"]) + 10 * np.mean((lengths - 1) ** 2)
    assert float(value) == pytest.approx(expected, rel=1e-4)
