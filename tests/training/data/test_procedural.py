from __future__ import annotations

import numpy as np
import pytest

from training.data.procedural import ProceduralPhotos

SIDE = 120


@pytest.fixture(scope="module")
def made():
    return ProceduralPhotos(0, SIDE)


def test_they_have_the_side_asked_for(made):
    rng = np.random.default_rng(0)

    assert made.draw(rng).shape == (SIDE, 160, 3)
    assert made.draw(rng, 60).shape == (60, 80, 3)
    assert made.draw(rng).dtype == np.uint8


def test_no_two_are_alike_and_none_is_flat(made):
    pictures = [made.draw(np.random.default_rng(seed)).astype(float) for seed in range(16)]

    assert min(picture.std() for picture in pictures) > 10
    apart = [np.abs(a - b).mean() for place, a in enumerate(pictures) for b in pictures[:place]]
    assert min(apart) > 5
    assert np.ptp([picture.mean() for picture in pictures]) > 30


def test_their_spectrum_falls_as_that_of_photos_does(made):
    """Photos: power falls with frequency to the power of -2 to -3."""
    slopes = []
    for seed in range(16):
        grey = made.draw(np.random.default_rng(seed))[:, :SIDE].mean(-1)
        window = np.hanning(SIDE)
        power = np.abs(np.fft.fft2((grey - grey.mean()) * window[:, None] * window)) ** 2
        frequency = np.hypot(*np.meshgrid(*[np.fft.fftfreq(SIDE) * SIDE] * 2)).astype(int)
        radial = np.bincount(frequency.ravel(), power.ravel()) / np.bincount(frequency.ravel())
        band = np.arange(4, 40)
        slopes.append(np.polyfit(np.log(band), np.log(radial[band]), 1)[0])

    assert -3.8 < np.mean(slopes) < -2


def test_the_same_seed_makes_the_same_pictures_and_another_others(made):
    again, other = ProceduralPhotos(0, SIDE), ProceduralPhotos(1, SIDE)

    picture = made.draw(np.random.default_rng(3))

    np.testing.assert_array_equal(picture, again.draw(np.random.default_rng(3)))
    assert not np.array_equal(picture, other.draw(np.random.default_rng(3)))
