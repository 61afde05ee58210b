from __future__ import annotations

import numpy as np
import pytest

from keras_vst import losses
from tests.harness import gradient, random_array

FORMS = losses.ADVERSARIAL_FORMS


def softplus(logits):
    return np.log1p(np.exp(logits))


GENERATOR = {
    "nonsaturating": lambda fake: softplus(-fake).mean(),
    "least_squares": lambda fake: ((fake - 1) ** 2).mean(),
    "hinge": lambda fake: -fake.mean(),
    "wasserstein": lambda fake: -fake.mean(),
}
DISCRIMINATOR = {
    "nonsaturating": lambda real, fake: softplus(-real).mean() + softplus(fake).mean(),
    "least_squares": lambda real, fake: ((real - 1) ** 2).mean() + (fake**2).mean(),
    "hinge": lambda real, fake: np.maximum(0, 1 - real).mean() + np.maximum(0, 1 + fake).mean(),
    "wasserstein": lambda real, fake: fake.mean() - real.mean(),
}


@pytest.mark.parametrize("form", FORMS)
def test_each_adversarial_form_is_its_textbook_formula(form):
    real, fake = 4 * random_array((2, 5, 5, 1)) - 1, 4 * random_array((2, 5, 5, 1), seed=1) - 3

    assert float(losses.generator_adversarial(fake, form)) == pytest.approx(GENERATOR[form](fake), rel=1e-5)
    expected = DISCRIMINATOR[form](real, fake)
    assert float(losses.discriminator_adversarial(real, fake, form)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("form", FORMS)
def test_generator_and_discriminator_pull_a_fake_in_opposite_directions(form):
    logits = np.float32([[0.3], [-0.4]])

    (up,) = gradient(lambda fake: losses.generator_adversarial(fake, form), logits)
    down_real, down_fake = gradient(
        lambda real, fake: losses.discriminator_adversarial(real, fake, form), logits, np.abs(logits)
    )

    assert (up < 0).all(), "a fake that looks more real costs the generator less"
    assert (down_fake > 0).all(), "and the discriminator more"
    assert (down_real < 0).all()


def test_hinge_is_the_form_unless_another_is_named():
    fake = np.float32([-3.0, 0.5])

    assert float(losses.generator_adversarial(fake)) == pytest.approx(1.25)
    assert float(losses.discriminator_adversarial(np.float32([2.0, 0.0]), fake)) == pytest.approx(0.5 + 0.75)


@pytest.mark.parametrize(
    "loss",
    [losses.generator_adversarial, lambda fake, form: losses.discriminator_adversarial(fake, fake, form)],
)
def test_an_unknown_adversarial_form_is_answered_with_the_known_ones(loss):
    with pytest.raises(ValueError, match=r"Received: form='hinges'\. Use one of .*nonsaturating.*hinge"):
        loss(np.zeros((1, 1), np.float32), "hinges")


def test_diversity_is_one_for_equal_pictures_and_falls_as_strokes_part():
    picture = random_array((1, 8, 8, 3))
    alike, parted = picture + np.float32(0.01), picture + np.float32(0.1)

    assert float(losses.diversity(picture, picture)) == 1.0
    assert float(losses.diversity(picture, alike)) == pytest.approx(np.exp(-((0.01 / 0.05) ** 2)), rel=1e-3)
    assert float(losses.diversity(picture, parted)) == pytest.approx(np.exp(-4.0), rel=1e-2)


def test_other_grain_is_no_other_stroke():
    picture = np.full((1, 8, 8, 3), 0.5, np.float32)
    grain = np.indices((8, 8)).sum(axis=0) % 2 * 0.4 - 0.2  # a chessboard is flat in blocks of four

    grainy = picture + grain[None, ..., None].astype(np.float32)

    assert float(losses.diversity(picture, grainy)) == pytest.approx(1.0, abs=1e-5)


def test_diversity_pushes_two_paintings_apart():
    picture = random_array((1, 8, 8, 3))

    (pushed,) = gradient(lambda other: losses.diversity(picture, other), picture + np.float32(0.02))

    assert (pushed < 0).all(), "brighter still would be further away"


def test_the_gradient_penalty_is_zero_for_slopes_of_length_one():
    slopes = random_array((3, 4, 4, 3))
    unit = slopes / np.sqrt((slopes**2).sum(axis=(1, 2, 3), keepdims=True))

    assert float(losses.gradient_penalty(unit)) == pytest.approx(0.0, abs=1e-10)
    assert float(losses.gradient_penalty(3 * unit)) == pytest.approx(4.0, rel=1e-5)
