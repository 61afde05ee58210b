from __future__ import annotations

import keras
import numpy as np
import pytest

from keras_vst import losses
from tests.harness import gradient, random_array

FORMS = losses.ADVERSARIAL_FORMS
SIZES = {"relu1_2": (8, 4), "relu2_2": (4, 6), "relu3_3": (2, 8), "relu4_3": (1, 8)}


def random_features(seed, batch=2):
    shapes = {name: (batch, side, side, channels) for name, (side, channels) in SIZES.items()}
    return {name: random_array(shape, seed) for name, shape in shapes.items()}


def relative(ours, theirs):
    ours, theirs = np.float64(ours), np.float64(theirs)
    return np.mean((ours - theirs) ** 2) / np.mean(theirs**2)


def gram_by_hand(features):
    exact = np.float64(features)
    return np.einsum("bhwi,bhwj->bij", exact, exact) / (exact.shape[1] * exact.shape[2])


def scaled(features, factor):
    return {name: array * np.float32(factor) for name, array in features.items()}


def test_content_is_zero_for_equal_pictures_and_one_for_an_empty_one():
    original = random_features(0)

    assert float(losses.content(original, original)) == 0.0
    assert float(losses.content(scaled(original, 0), original)) == pytest.approx(1.0, rel=1e-5)


def test_content_is_the_relative_squared_error_of_the_content_layers():
    ours, theirs = random_features(0), random_features(1)

    expected = np.mean([relative(ours[name], theirs[name]) for name in losses.CONTENT_LAYERS])
    assert float(losses.content(ours, theirs)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("factor", [0.3, 100.0])
@pytest.mark.parametrize("name", ["content", "style", "palette"])
def test_content_style_and_palette_do_not_depend_on_the_scale_of_features(name, factor):
    loss = {"content": losses.content, "style": style_of_features, "palette": palette_of_features}[name]
    ours, theirs = random_features(0), random_features(1)

    once, again = loss(ours, theirs), loss(scaled(ours, factor), scaled(theirs, factor))

    # One in a thousand is left for the epsilons that keep a blank target from dividing by zero.
    assert float(again) == pytest.approx(float(once), rel=2e-3)


def style_of_features(ours, theirs):
    return losses.style(losses.grams(ours), losses.grams(theirs))


def palette_of_features(ours, theirs):
    return losses.palette(losses.palettes(ours), losses.palettes(theirs))


def test_style_is_zero_where_every_gram_matrix_is_met_and_one_for_an_empty_picture():
    target = random_features(1)
    turned = {name: array[:, ::-1, ::-1] for name, array in target.items()}

    assert float(style_of_features(turned, target)) == pytest.approx(0.0, abs=1e-10)
    assert float(style_of_features(scaled(target, 0), target)) == pytest.approx(1.0, rel=1e-5)


def test_style_is_the_mean_relative_squared_error_of_gram_matrices():
    ours, theirs = random_features(0), random_features(1)

    expected = np.mean(
        [relative(gram_by_hand(ours[name]), gram_by_hand(theirs[name])) for name in losses.STYLE_LAYERS]
    )
    assert float(style_of_features(ours, theirs)) == pytest.approx(expected, rel=1e-4)


def test_one_painting_serves_a_whole_batch():
    ours, painting = losses.grams(random_features(0)), losses.grams(random_features(1, batch=1))

    repeated = {name: np.repeat(np.asarray(gram), 2, axis=0) for name, gram in painting.items()}
    assert float(losses.style(ours, painting)) == pytest.approx(float(losses.style(ours, repeated)), rel=1e-6)


def test_grams_hold_each_style_layer_and_no_other():
    features = random_features(0)

    grams = losses.grams({**features, "relu1_1": random_array((2, 8, 8, 4))})

    assert tuple(grams) == losses.STYLE_LAYERS
    for name, gram in grams.items():
        np.testing.assert_allclose(gram, gram_by_hand(features[name]), rtol=1e-4)


def test_palette_compares_means_and_deviations_only():
    ours, theirs = random_features(0), random_features(1)
    terms = []
    for name in losses.STYLE_LAYERS:
        pictures = np.float64(ours[name]), np.float64(theirs[name])
        terms.append(relative(*(picture.mean((1, 2)) for picture in pictures)))
        terms.append(relative(*(np.sqrt(picture.var((1, 2)) + 1e-5) for picture in pictures)))

    assert float(palette_of_features(ours, theirs)) == pytest.approx(np.mean(terms), rel=1e-3)
    shuffled = {name: array[:, ::-1] for name, array in theirs.items()}
    assert float(palette_of_features(shuffled, theirs)) == pytest.approx(0.0, abs=1e-10)


def test_temporal_is_zero_when_nothing_is_visible_or_nothing_changed():
    current, warped = random_array((2, 4, 5, 3)), random_array((2, 4, 5, 3), seed=1)

    assert float(losses.temporal(current, warped, np.zeros((2, 4, 5, 1), np.float32))) == 0.0
    assert float(losses.temporal(current, current, np.ones((2, 4, 5, 1), np.float32))) == 0.0


def test_temporal_counts_only_what_is_visible():
    current, warped = random_array((2, 6, 5, 3)), random_array((2, 6, 5, 3), seed=1)
    visible = np.random.default_rng(2).integers(0, 2, (2, 6, 5, 1)).astype(np.float32)

    expected = np.mean((np.float64(current) - warped)[visible[..., 0] == 1] ** 2)
    assert float(losses.temporal(current, warped, visible)) == pytest.approx(expected, rel=1e-5)


def test_temporal_of_one_visible_pixel_by_hand():
    current, warped = np.zeros((2, 1, 4, 4, 3), np.float32)
    visible = np.zeros((1, 4, 4, 1), np.float32)
    visible[0, 1, 2] = 1.0
    current[0, 1, 2] = [0.1, 0.2, 0.3]
    current[0, 0, 0] = 1.0

    assert float(losses.temporal(current, warped, visible)) == pytest.approx(
        (0.01 + 0.04 + 0.09) / 3, rel=1e-5
    )


def test_temporal_moves_no_pixel_that_was_hidden():
    visible = np.zeros((1, 4, 4, 1), np.float32)
    visible[:, :2] = 1.0

    reached, _ = gradient(
        lambda current, warped: losses.temporal(current, warped, visible),
        random_array((1, 4, 4, 3)),
        random_array((1, 4, 4, 3), seed=1),
    )

    assert (reached[:, :2] != 0).all()
    assert (reached[:, 2:] == 0).all()


def test_cycle_is_the_mean_absolute_error():
    ours, original = random_array((2, 4, 4, 3)), random_array((2, 4, 4, 3), seed=1)

    assert float(losses.cycle(original, original)) == 0.0
    assert float(losses.cycle(ours, original)) == pytest.approx(np.mean(np.abs(ours - original)), rel=1e-5)


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


@pytest.mark.parametrize(
    "loss",
    [
        lambda picture, other: losses.cycle(picture, other),
        lambda picture, other: losses.temporal(picture, other, np.ones((1, 8, 8, 1), np.float32)),
        lambda picture, other: losses.smoothness(picture - other),
        lambda picture, other: keras.ops.sum(losses.light_change(picture, other) ** 2),
        lambda picture, other: losses.content({"relu3_3": picture}, {"relu3_3": other}),
        lambda picture, other: style_of_features(*(dict.fromkeys(SIZES, one) for one in (picture, other))),
        lambda picture, other: palette_of_features(*(dict.fromkeys(SIZES, one) for one in (picture, other))),
    ],
    ids=["cycle", "temporal", "smoothness", "light_change", "content", "style", "palette"],
)
def test_each_loss_reaches_every_pixel_of_what_it_is_given(loss):
    gradients = gradient(loss, random_array((1, 8, 8, 3)), random_array((1, 8, 8, 3), seed=1))

    for reached in gradients:
        assert np.isfinite(reached).all()
        assert np.count_nonzero(reached) > 0.95 * reached.size
