import itertools
from fractions import Fraction

import cv2
import numpy as np
import pytest

from edge.compositing import film_grain, half_and_half, mix, recolour, upsample, write_lines
from keras_vst.flow import warp
from tests.conftest import draw_picture
from tests.keras_vst.clips import flat

BEFORE, AFTER = draw_picture(1, 96, 128), draw_picture(2, 96, 128)
SIZE, SMALL = (480, 320), (160, 107)  # (width, height)


def shrunk(picture: np.ndarray, size: tuple[int, int] = SMALL) -> np.ndarray:
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def bilinear(picture: np.ndarray) -> np.ndarray:
    return cv2.resize(picture, SIZE, interpolation=cv2.INTER_LINEAR)


def textured(seed: int) -> np.ndarray:
    """Shapes, and stripes too fine for the small size."""
    picture = draw_picture(seed, SIZE[1], SIZE[0]).astype(int)
    stripes = 24 * np.sign(np.sin(np.arange(SIZE[0]) * 2 * np.pi / 4))[None, :, None]
    return np.clip(picture + stripes, 0, 255).astype(np.uint8)


def error(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.sqrt(np.mean((one.astype(float) - other) ** 2)))


@pytest.mark.parametrize(("slope", "offset"), [(0.6, 60), (1.0, 0), (-0.5, 200)])
def test_what_follows_the_frame_comes_back_nearly_as_if_painted_at_full_size(slope, offset):
    def paint(picture: np.ndarray) -> np.ndarray:
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        return np.repeat(np.clip(grey * slope + offset, 0, 255).astype(np.uint8)[..., None], 3, axis=-1)

    frame = textured(1)
    small, wanted = shrunk(frame), paint(frame)
    ours = error(upsample(paint(small), small, frame), wanted)
    assert ours < 0.55 * error(bilinear(paint(small)), wanted)


def test_strokes_that_the_frame_knows_nothing_of_are_kept():
    """On a grey wall there is nothing to follow: what was painted there comes through as bilinear has it."""
    wall = np.full((SIZE[1], SIZE[0], 3), 128, np.uint8)
    strokes = draw_picture(3, SMALL[1], SMALL[0])
    once, plain = upsample(strokes, shrunk(wall), wall), bilinear(strokes)
    blurred = cv2.GaussianBlur(plain, (0, 0), 9)
    # A fifth of the way to its mean at most.
    assert error(once, plain) < 0.25 * error(blurred, plain)


def test_edges_are_sharper_and_flicker_is_no_higher_than_bilinear():
    """A pan by whole pixels over a painting that follows the frame and trembles of itself."""
    wide, rng = textured(4), np.random.default_rng(5)
    flow = np.zeros((SIZE[1], SIZE[0] - 24, 2), np.float32)
    flow[..., 0] = 3  # what is at x was at x + 3 before
    ours, plain = [], []
    for step in range(6):
        frame = np.ascontiguousarray(wide[:, 3 * step : 3 * step + SIZE[0] - 24])
        small = shrunk(frame, (152, 107))
        tremble = cv2.GaussianBlur(rng.normal(0, 24, small.shape), (0, 0), 1.5)
        painting = np.clip(0.7 * small + 40 + tremble, 0, 255).astype(np.uint8)
        ours.append(upsample(painting, small, frame))
        plain.append(cv2.resize(painting, frame.shape[1::-1], interpolation=cv2.INTER_LINEAR))

    def flicker(pictures: list[np.ndarray]) -> float:
        pairs = itertools.pairwise(pictures)
        return float(np.mean([error(now[:, :-8], warp(np.float32(old), flow)[:, :-8]) for old, now in pairs]))

    def sharpness(picture: np.ndarray) -> float:
        return float(np.abs(cv2.Laplacian(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.CV_32F)).mean())

    assert sharpness(ours[2]) > 1.5 * sharpness(plain[2])
    assert flicker(ours) <= flicker(plain)


@pytest.mark.parametrize("size", [(9, 9), (17, 200), (90, 120)])
def test_any_size_and_views_into_a_larger_picture_will_do(size):
    frame = draw_picture(6, *size)
    small = shrunk(frame, (max(1, size[1] // 3), max(1, size[0] // 3)))
    padded = cv2.copyMakeBorder(small, 3, 5, 2, 6, cv2.BORDER_REPLICATE)
    inside = padded[3:-5, 2:-6]
    np.testing.assert_array_equal(upsample(inside, inside, frame), upsample(small, small, frame))


def test_strength_mixes_and_its_ends_are_exact():
    assert mix(BEFORE, AFTER, 0.0) is BEFORE
    assert mix(BEFORE, AFTER, 1.0) is AFTER
    expected = 0.3 * AFTER.astype(float) + 0.7 * BEFORE
    assert np.abs(mix(BEFORE, AFTER, 0.3) - expected).max() <= 0.51


def test_kept_colours_are_the_frames_and_the_light_is_the_paintings():
    def lightness(picture: np.ndarray) -> np.ndarray:
        return picture @ np.array([0.299, 0.587, 0.114])

    # Soft colours, which no change of light drives out of range.
    before, after = 96 + BEFORE // 4, 96 + AFTER // 4
    kept = recolour(before, after, keep_color=True, detail=0, size=(96, 128))
    assert np.abs(lightness(kept) - lightness(after)).max() < 3
    for channel in (0, 2):
        chroma = kept[..., channel] - lightness(kept)
        assert np.abs(chroma - (before[..., channel] - lightness(before))).max() < 4


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_detail_is_what_the_small_size_lost(share):
    frame = np.full((64, 64, 3), 100, np.uint8)
    frame[:, ::2] = 140  # stripes that half the size cannot show
    plain = np.full((64, 64, 3), 120, np.uint8)
    detailed = recolour(frame, plain, keep_color=False, detail=share, size=(32, 32))
    np.testing.assert_allclose(detailed - plain.astype(float), share * (frame.astype(float) - 120), atol=1)


def test_what_the_network_saw_is_not_added_again():
    blobs = cv2.GaussianBlur(BEFORE, (0, 0), 6)
    plain = np.full_like(blobs, 120)
    added = recolour(blobs, plain, keep_color=False, detail=1.0, size=(96, 128)).astype(int) - 120
    assert np.abs(added).max() <= 2


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 1)])
def test_tiny_pictures_are_coloured_too(size):
    picture = draw_picture(3, *size)
    assert recolour(picture, picture, keep_color=True, detail=0.5, size=size).shape == (*size, 3)


def test_two_halves_have_a_line_between_unless_they_are_tiny():
    joined = half_and_half(BEFORE, AFTER)
    np.testing.assert_array_equal(joined[:, :63], BEFORE[:, :63])
    np.testing.assert_array_equal(joined[:, 65:], AFTER[:, 65:])
    assert (joined[:, 63:65] == 255).all()
    tiny = half_and_half(np.full((2, 5, 3), 1, np.uint8), np.full((2, 5, 3), 9, np.uint8))
    np.testing.assert_array_equal(tiny[..., 0], [[1, 1, 9, 9, 9]] * 2)


def test_lines_are_written_on_a_copy_in_the_corner_and_more_take_more_room():
    picture = draw_picture(1, 240, 320)
    before = picture.copy()
    written = write_lines(picture, ["network 27 ms", "30 fps"])
    np.testing.assert_array_equal(picture, before)
    lowest, rightmost = np.argwhere((written != picture).any(-1)).max(0)
    assert (lowest < 40, rightmost < 160) == (True, True)
    assert (written[:30, :100] > 230).any()  # the letters
    assert written[2, 2].max() <= before[2, 2].max() // 3 + 1  # their ground
    assert np.argwhere((write_lines(picture, ["a"] * 4) != picture).any(-1)).max(0)[0] > lowest + 10


def test_a_picture_too_small_for_the_lines_is_left_alone():
    picture = draw_picture(2, 30, 40)
    np.testing.assert_array_equal(write_lines(picture, ["a", "b", "c"]), picture)
    np.testing.assert_array_equal(write_lines(picture, []), picture)


def test_grain_moves_and_comes_back_the_same():
    grey = flat((128, 128, 128), 160, 90)
    first, again, later = (film_grain(grey, 0.5, Fraction(number, 25)) for number in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert 4 < np.abs(first.astype(int) - later).mean() < 16
    assert np.ptp(first, axis=2).max() == 0
    assert first.mean() == pytest.approx(128, abs=1)


def test_grain_is_weak_in_black_and_white_and_grows_with_what_is_asked():
    def strength(level: int, amount: float) -> float:
        return film_grain(flat((level,) * 3, 160, 90), amount, Fraction(1)).std()

    assert strength(128, 1.0) == pytest.approx(2 * strength(128, 0.5), rel=0.1)
    assert strength(10, 1.0) < 0.5 * strength(128, 1.0)
