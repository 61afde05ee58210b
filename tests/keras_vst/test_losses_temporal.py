from __future__ import annotations

import numpy as np
import pytest

from keras_vst import losses
from tests.harness import gradient, random_array

ALL_SEEN = np.ones((1, 8, 8, 1), np.float32)


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
