from __future__ import annotations

import numpy as np
import pytest

from keras_vst import losses
from tests.harness import gradient, random_array


def test_emphasis_counts_some_places_more_and_is_not_normalized_away():
    current, warped = random_array((2, 6, 5, 3)), random_array((2, 6, 5, 3), seed=1)
    visible = np.random.default_rng(2).integers(0, 2, (2, 6, 5, 1)).astype(np.float32)
    emphasis = 1 + random_array((2, 6, 5, 1), seed=3)

    found = losses.temporal(current, warped, visible, emphasis=emphasis)

    squares = np.float64(visible * emphasis) * (np.float64(current) - warped) ** 2
    assert float(found) == pytest.approx(squares.sum() / (visible.sum() * 3), rel=1e-5)


def test_the_mean_of_what_two_devices_find_is_what_one_finds():
    current, warped = random_array((4, 6, 5, 3)), random_array((4, 6, 5, 3), seed=1)
    visible = np.random.default_rng(2).integers(0, 2, (4, 6, 5, 1)).astype(np.float32)
    visible[:2] *= visible[2:]  # the two halves see unlike much
    whole = float(losses.temporal(current, warped, visible))

    parts = [
        float(losses.temporal(current[half], warped[half], visible[half], seen=visible.sum() / 2))
        for half in (slice(0, 2), slice(2, 4))
    ]

    assert np.mean(parts) == pytest.approx(whole, rel=1e-5)


def test_content_takes_the_energy_of_the_whole_batch_where_it_is_told():
    ours, theirs = random_array((2, 4, 4, 8)), random_array((2, 4, 4, 8), seed=1)
    once = float(losses.content({"relu3_3": ours}, {"relu3_3": theirs}))

    doubled = losses.content({"relu3_3": ours}, {"relu3_3": theirs}, lambda mean: 2 * mean)

    assert float(doubled) == pytest.approx(once / 2, rel=1e-5)


@pytest.mark.parametrize("loss", [losses.identity, losses.supervised])
def test_identity_and_supervised_are_mean_absolute_errors(loss):
    ours, theirs = random_array((2, 4, 4, 3)), random_array((2, 4, 4, 3), seed=1)

    assert float(loss(theirs, theirs)) == 0.0
    assert float(loss(ours, theirs)) == pytest.approx(np.abs(np.float64(ours) - theirs).mean(), rel=1e-5)


def test_stability_is_the_mean_squared_difference():
    ours, again = random_array((2, 4, 4, 3)), random_array((2, 4, 4, 3), seed=1)

    assert float(losses.stability(ours, ours)) == 0.0
    assert float(losses.stability(ours, again)) == pytest.approx(np.square(ours - again).mean(), rel=1e-5)


def test_border_is_the_mean_squared_difference_from_the_inside_of_a_larger_picture():
    framed, inside = random_array((2, 4, 4, 3)), random_array((2, 4, 4, 3), seed=1)

    assert float(losses.border(inside, inside)) == 0.0
    assert float(losses.border(framed, inside)) == pytest.approx(np.square(framed - inside).mean(), rel=1e-5)


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


def test_light_change_is_the_growth_of_luminance():
    before = random_array((1, 4, 4, 3))

    change = losses.light_change(before + np.float32(0.25), before)

    assert change.shape == (1, 4, 4, 1)
    np.testing.assert_allclose(change, np.full((1, 4, 4, 1), 0.25), atol=1e-6)


def test_smoothness_is_zero_for_a_flat_picture_and_total_variation_otherwise():
    frames = random_array((2, 4, 5, 3))

    assert float(losses.smoothness(np.full((1, 4, 4, 3), 0.7, np.float32))) == 0.0
    expected = np.mean(np.diff(frames, axis=1) ** 2) + np.mean(np.diff(frames, axis=2) ** 2)
    assert float(losses.smoothness(frames)) == pytest.approx(expected, rel=1e-5)
