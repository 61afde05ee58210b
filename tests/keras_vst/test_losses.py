from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from keras_vst import losses
from keras_vst.ops import moments
from tests.harness import gradient, random_array

SLICES = np.float32(np.eye(3))  # one axis after the other
ALL_SEEN = np.ones((1, 8, 8, 1), np.float32)


def colours(seed, count=512, spread=(1.0, 1.0, 1.0)):
    return np.random.default_rng(seed).normal(0, spread, (count, 3)).astype(np.float32)


def moments_of(features):
    flat = np.float64(features).reshape(-1, features.shape[-1])
    return np.float32(flat.mean(axis=0)), np.float32(flat.T @ flat / len(flat))


# palette


def test_palette_is_how_far_each_colour_would_have_to_move_along_a_slice():
    ours, theirs = colours(0, 256), colours(1, 256, spread=(2, 1, 0.5)) + np.float32([1, 0, 0])

    apart = np.abs(np.sort(ours, axis=0) - np.sort(theirs, axis=0)).mean()
    assert float(losses.palette(ours, theirs, SLICES)) == pytest.approx(apart, rel=1e-5)
    moved = losses.palette(ours, ours + np.float32([0.3, 0, 0]), SLICES)
    assert float(moved) == pytest.approx(0.1, rel=1e-4)


def test_a_two_coloured_copy_costs_palette_though_mean_and_covariance_of_light_agree():
    painting = colours(0, 4096)
    ramp = np.repeat(painting[:, :1], 3, axis=1)  # every hue is replaced by one, as light as it was

    along = np.float32([[0.577, 0.577], [0.577, -0.577], [0.577, 0]])
    assert float(losses.palette(ramp, painting, along)) > 0.3
    assert float(losses.palette(colours(1, 4096), painting, along)) < 0.1


# field


def oklab_hue(rgb):
    """a and b of OKLab, by the matrices of its author's page rather than those of ops.py."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    cones = linear @ np.array(
        [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
         [0.0883024619, 0.2817188376, 0.6299787005]]
    ).T  # fmt: skip
    matrix = np.array(
        [[1.9779984951, -2.4285922050, 0.4505937099], [0.0259040371, 0.7827717662, -0.8086757660]]
    )
    return np.cbrt(cones) @ matrix.T


def test_field_is_ten_times_the_mean_distance_of_hues_of_8x8_means():
    ours, theirs = 0.8 * random_array((2, 16, 24, 3)) + 0.1, 0.8 * random_array((2, 16, 24, 3), 1) + 0.1
    means = [np.float64(each).reshape(2, 2, 8, 3, 8, 3).mean(axis=(2, 4)) for each in (ours, theirs)]

    expected = 10 * np.abs(oklab_hue(means[0]) - oklab_hue(means[1])).mean()
    assert float(losses.field(ours, theirs)) == pytest.approx(expected, rel=1e-3)


def test_field_does_not_mind_light_and_shade():
    grey = np.full((1, 8, 8, 3), 0.7, np.float32)
    red = grey * np.float32([1, 0.4, 0.3])

    assert float(losses.field(grey, 0.3 * grey)) < 1e-3 < 0.5 < float(losses.field(grey, red))


# style


def test_style_is_zero_where_mean_and_covariance_are_met_wherever_things_are():
    features = random_array((2, 6, 6, 5))

    met = losses.style(moments_of(features), moments_of(features[:, ::-1]))
    assert float(met) == pytest.approx(0.0, abs=1e-8)


def test_style_is_half_the_error_of_means_and_one_and_a_half_times_that_of_centred_covariances():
    ours, theirs = random_array((2, 6, 6, 5)), 1.7 * random_array((1, 9, 6, 5), 1) ** 2
    means, covariances = (
        [how(np.float64(each).reshape(-1, 5)) for each in (ours, theirs)]
        for how in (lambda flat: flat.mean(axis=0), lambda flat: np.cov(flat.T, bias=True))
    )

    of_means = np.sum((means[0] - means[1]) ** 2) / np.sum(means[1] ** 2)
    energy = sum(np.sum(each**2) for each in covariances) / 2
    expected = 0.5 * of_means + 1.5 * np.sum((covariances[0] - covariances[1]) ** 2) / energy
    found = losses.style(moments_of(ours), moments_of(theirs))
    assert float(found) == pytest.approx(expected, rel=1e-3)


def test_too_little_and_too_much_energy_cost_alike():
    texture = random_array((1, 12, 12, 4)) - 0.5
    texture -= texture.mean(axis=(0, 1, 2))  # so that means agree whatever the contrast
    target = moments_of(texture)

    faint, loud = (
        float(losses.style(moments_of(texture * np.float32(factor)), target)) for factor in (0.5, 2)
    )
    assert faint == pytest.approx(loud, rel=1e-3)
    assert float(losses.style(moments_of(0 * texture), target)) == pytest.approx(3.0, rel=1e-3)


# content


def test_content_is_zero_for_equal_forms_and_one_for_unrelated_ones():
    forms = random_array((2, 24, 24, 6))

    assert float(losses.content(forms, forms)) == 0.0
    assert float(losses.content(forms, random_array((2, 24, 24, 6), 1))) == pytest.approx(1.0, abs=0.1)


def test_content_is_half_the_squared_distance_of_normed_features():
    ours, theirs = random_array((2, 6, 5, 4)) ** 2, random_array((2, 6, 5, 4), 1)

    def normed(features):
        exact = np.float64(features)
        deviation = exact.std(axis=(1, 2), keepdims=True)
        usual = deviation.mean(axis=-1, keepdims=True)
        return (exact - exact.mean(axis=(1, 2), keepdims=True)) / (deviation + 0.01 * usual)

    expected = np.mean((normed(ours) - normed(theirs)) ** 2) / 2
    assert float(losses.content(ours, theirs)) == pytest.approx(expected, rel=1e-3)


def test_content_does_not_mind_contrast_nor_that_all_of_a_channel_is_shifted():
    forms = random_array((2, 12, 12, 6))
    contrast, shift = random_array((1, 1, 1, 6), 1) + 0.5, random_array((1, 1, 1, 6), 2)

    assert float(losses.content(0.3 * forms, forms)) < 1e-6
    assert float(losses.content(forms * contrast + shift, forms)) < 1e-3


# grid, and what is a plain difference


def test_grid_is_the_pattern_of_two_pixels_where_the_frame_is_flat_in_units_of_the_variance():
    picture, flat = random_array((2, 6, 8, 3)), np.zeros((2, 6, 8, 1), np.float32)
    flat[:, :4] = 1
    exact = np.float64(picture)
    smooth = exact.reshape(2, 3, 2, 4, 2, 3).mean(axis=(2, 4)).repeat(2, axis=1).repeat(2, axis=2)

    pattern = np.sum(flat * (exact - smooth) ** 2) / (flat.sum() * 3)
    assert float(losses.grid(picture, flat, 0.05)) == pytest.approx(pattern / 0.051, rel=1e-4)
    assert float(losses.grid(np.float32(smooth), flat, 0.05)) < 1e-8
    assert float(losses.grid(picture, 0 * flat, 0.05)) == 0.0


def test_pictures_are_apart_by_their_mean_absolute_difference():
    ours, theirs = random_array((2, 4, 4, 3)), random_array((2, 4, 4, 3), 1)

    assert float(losses.apart(theirs, theirs)) == 0.0
    assert float(losses.apart(ours, theirs)) == pytest.approx(
        np.abs(np.float64(ours) - theirs).mean(), rel=1e-5
    )


TERMS = {
    "palette": lambda ours, theirs: losses.palette(
        *(ops.reshape(each, (-1, 3)) for each in (ours, theirs)), SLICES
    ),
    "field": losses.field,
    "style": lambda ours, theirs: losses.style(moments(ours), moments(theirs)),
    "content": losses.content,
    "temporal": lambda ours, theirs: losses.temporal(ours, theirs, ALL_SEEN, 0.1),
    "grid": lambda ours, _: losses.grid(ours, ALL_SEEN, 0.1),
    "apart": losses.apart,
    "border": losses.border,
}


@pytest.mark.parametrize("name", TERMS)
def test_each_term_has_a_finite_gradient_that_lowers_it(name):
    ours, theirs = 0.8 * random_array((1, 8, 8, 3)) + 0.1, 0.8 * random_array((1, 8, 8, 3), 1) + 0.1

    def loss(picture):
        return TERMS[name](picture, theirs)

    (slope,) = gradient(loss, ours)
    assert np.isfinite(slope).all()
    assert np.count_nonzero(slope) > 0.3 * slope.size
    assert float(loss(ours - 1e-3 * slope / np.abs(slope).max())) < float(loss(ours))


def variance_of(pictures):
    return np.float32(pictures.reshape(-1, 3).var(axis=0).mean())


def test_temporal_is_zero_when_nothing_is_visible_or_nothing_changed():
    current, warped = random_array((1, 8, 8, 3)), random_array((1, 8, 8, 3), 1)

    assert float(losses.temporal(current, warped, 0 * ALL_SEEN, 0.1)) == 0.0
    assert float(losses.temporal(current, current, ALL_SEEN, 0.1)) == 0.0


def test_temporal_is_the_mean_square_of_visible_change_in_units_of_the_variance():
    current, warped = random_array((2, 6, 5, 3)), random_array((2, 6, 5, 3), 1)
    visible = np.random.default_rng(2).integers(0, 2, (2, 6, 5, 1)).astype(np.float32)

    change = np.mean((np.float64(current) - warped)[visible[..., 0] == 1] ** 2)
    found = losses.temporal(current, warped, visible, 0.05)
    assert float(found) == pytest.approx(change / (0.05 + 0.001), rel=1e-5)


def test_half_the_contrast_earns_nothing_in_temporal():
    current, warped = random_array((1, 8, 8, 3)), random_array((1, 8, 8, 3), 1)

    def flicker(contrast):
        ours, before = (np.float32(contrast) * each for each in (current, warped))
        return float(losses.temporal(ours, before, ALL_SEEN, variance_of(ours)))

    assert flicker(0.5) == pytest.approx(flicker(1.0), rel=0.05)
    (slope,) = gradient(
        lambda scale: losses.temporal(scale * current, scale * warped, ALL_SEEN, scale**2 * variance_of(current)),
        np.float32(1.0),
    )  # fmt: skip
    assert 0 <= slope < 0.05 * flicker(1.0)


def test_temporal_moves_no_pixel_that_was_hidden():
    visible = np.float32(np.arange(8)[None, :, None, None] < 4) * ALL_SEEN
    pictures = random_array((1, 8, 8, 3)), random_array((1, 8, 8, 3), 1)

    reached, _ = gradient(lambda current, warped: losses.temporal(current, warped, visible, 0.1), *pictures)

    assert (reached[:, :4] != 0).all()
    assert (reached[:, 4:] == 0).all()


def test_emphasis_counts_some_places_more_and_is_not_normalized_away():
    current, warped = random_array((2, 6, 5, 3)), random_array((2, 6, 5, 3), 1)
    visible = np.random.default_rng(2).integers(0, 2, (2, 6, 5, 1)).astype(np.float32)
    emphasis = 1 + random_array((2, 6, 5, 1), 3)

    squares = np.float64(visible * emphasis) * (np.float64(current) - warped) ** 2
    found = losses.temporal(current, warped, visible, 0.05, emphasis=emphasis)
    assert float(found) == pytest.approx(squares.sum() / (visible.sum() * 3) / 0.051, rel=1e-5)


def test_the_mean_of_what_two_devices_find_is_what_one_finds():
    current, warped = random_array((4, 6, 5, 3)), random_array((4, 6, 5, 3), 1)
    visible = np.random.default_rng(2).integers(0, 2, (4, 6, 5, 1)).astype(np.float32)
    visible[:2] *= visible[2:]  # the two halves see unlike much
    halves = slice(0, 2), slice(2, 4)

    whole = float(losses.temporal(current, warped, visible, 0.1))
    parts = [
        float(losses.temporal(current[half], warped[half], visible[half], 0.1, seen=visible.sum() / 2))
        for half in halves
    ]
    assert np.mean(parts) == pytest.approx(whole, rel=1e-5)


def test_the_adversarial_losses_are_those_of_a_hinge():
    real, fake = 4 * random_array((2, 5, 5, 1)) - 1, 4 * random_array((2, 5, 5, 1), seed=1) - 3

    assert float(losses.generator_adversarial(fake)) == pytest.approx(-fake.mean(), rel=1e-5)
    expected = np.maximum(0, 1 - real).mean() + np.maximum(0, 1 + fake).mean()
    assert float(losses.discriminator_adversarial(real, fake)) == pytest.approx(expected, rel=1e-5)


def test_diversity_is_one_for_equal_pictures_and_falls_as_strokes_part():
    picture = random_array((1, 8, 8, 3))
    alike, parted = picture + np.float32(0.01), picture + np.float32(0.1)

    assert float(losses.diversity(picture, picture)) == 1.0
    assert float(losses.diversity(picture, alike)) == pytest.approx(np.exp(-((0.01 / 0.05) ** 2)), rel=1e-3)
    assert float(losses.diversity(picture, parted)) == pytest.approx(np.exp(-4.0), rel=1e-2)


def test_edges_are_the_steps_between_neighbours_and_nothing_else():
    ours, theirs = (np.random.default_rng(seed).random((2, 6, 7, 3), np.float32) for seed in (0, 1))
    steps = [np.abs(np.diff(ours, axis=axis) - np.diff(theirs, axis=axis)).mean() for axis in (1, 2)]
    assert float(losses.edges(ours, theirs)) == pytest.approx(sum(steps), rel=1e-5)
    assert float(losses.edges(ours, ours + 0.25)) == pytest.approx(0, abs=1e-6)  # tone is not its business
