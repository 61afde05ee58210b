import cv2
import numpy as np
import pytest

from edge.colour import half_and_half, mix, recolour
from tests.conftest import draw_picture

BEFORE, AFTER = draw_picture(1, 96, 128), draw_picture(2, 96, 128)


def lightness(picture: np.ndarray) -> np.ndarray:
    return picture @ np.array([0.299, 0.587, 0.114])


def test_strength_mixes_and_its_ends_are_exact():
    assert mix(BEFORE, AFTER, 0.0) is BEFORE
    assert mix(BEFORE, AFTER, 1.0) is AFTER
    expected = 0.3 * AFTER.astype(float) + 0.7 * BEFORE
    assert np.abs(mix(BEFORE, AFTER, 0.3) - expected).max() <= 0.51


def test_kept_colours_are_the_frames_and_the_light_is_the_paintings():
    # Soft colours, which no change of light drives out of range.
    before, after = 96 + BEFORE // 4, 96 + AFTER // 4
    kept = recolour(before, after, keep_color=True, detail=0, size=(96, 128))
    assert np.abs(lightness(kept) - lightness(after)).max() < 3
    for channel in (0, 2):
        chroma = kept[..., channel] - lightness(kept)
        assert np.abs(chroma - (before[..., channel] - lightness(before))).max() < 4


def test_detail_is_what_the_small_size_lost():
    frame = np.full((64, 64, 3), 100, np.uint8)
    frame[:, ::2] = 140  # stripes that half the size cannot show
    plain = np.full((64, 64, 3), 120, np.uint8)
    for share in (0.25, 1.0):
        detailed = recolour(frame, plain, keep_color=False, detail=share, size=(32, 32))
        np.testing.assert_allclose(
            detailed - plain.astype(float), share * (frame.astype(float) - 120), atol=1
        )


def test_what_the_network_saw_is_not_added_again():
    blobs = cv2.GaussianBlur(BEFORE, (0, 0), 6)
    plain = np.full_like(blobs, 120)
    added = recolour(blobs, plain, keep_color=False, detail=1.0, size=(96, 128)).astype(int) - 120
    assert np.abs(added).max() <= 2


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 1)])
def test_tiny_pictures_are_coloured_too(size):
    picture = draw_picture(3, *size)
    assert recolour(picture, picture, keep_color=True, detail=0.5, size=size).shape == (*size, 3)


def test_half_and_half_has_a_line_between():
    joined = half_and_half(BEFORE, AFTER)
    np.testing.assert_array_equal(joined[:, :63], BEFORE[:, :63])
    np.testing.assert_array_equal(joined[:, 65:], AFTER[:, 65:])
    assert (joined[:, 63:65] == 255).all()
