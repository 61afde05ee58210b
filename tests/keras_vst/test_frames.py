from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_vst.frames import fit, to_float, to_uint8, unfit

SIDES = st.integers(1, 70)


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height * 71 + width).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_every_level_survives_the_way_to_floats_and_back():
    levels = np.arange(256, dtype=np.uint8)
    floats = to_float(levels)
    assert floats.dtype == np.float32
    assert floats[0] == 0
    assert floats[255] == 1
    np.testing.assert_allclose(floats, np.arange(256) / 255, atol=1e-7)
    np.testing.assert_array_equal(to_uint8(floats), levels)
    np.testing.assert_array_equal(to_uint8(floats.astype(np.float64)), levels)


def test_to_uint8_rounds_and_clips():
    floats = np.array([-0.5, 0.4 / 255, 0.6 / 255, 254.6 / 255, 7.0], np.float32)
    np.testing.assert_array_equal(to_uint8(floats), [0, 0, 1, 255, 255])


def test_to_float_takes_only_uint8():
    with pytest.raises(ValueError, match=r"must be uint8.*Received: float32"):
        to_float(np.zeros((2, 2, 3), np.float32))  # pyright: ignore[reportArgumentType]


def test_to_uint8_takes_only_floats():
    with pytest.raises(ValueError, match=r"must be floats.*Received: uint8"):
        to_uint8(np.zeros((2, 2, 3), np.uint8))  # pyright: ignore[reportArgumentType]


@given(height=SIDES, width=SIDES, multiple=st.integers(1, 17), margin=st.integers(0, 9))
@settings(deadline=None)
def test_padding_is_undone_bit_for_bit(height: int, width: int, multiple: int, margin: int):
    frame = noise(height, width)
    fitted, fitting = fit(frame, multiple=multiple, margin=margin)
    assert fitted.shape[0] % multiple == fitted.shape[1] % multiple == 0
    assert 2 * margin <= fitted.shape[0] - height < 2 * margin + multiple
    assert 2 * margin <= fitted.shape[1] - width < 2 * margin + multiple
    np.testing.assert_array_equal(unfit(fitted, fitting), frame)


@given(height=SIDES, width=SIDES, margin=st.integers(0, 9))
@settings(deadline=None)
def test_the_border_repeats_the_edge(height: int, width: int, margin: int):
    frame = noise(height, width)
    fitted, _ = fit(frame, margin=margin)
    rows = np.clip(np.arange(fitted.shape[0]) - margin, 0, height - 1)
    columns = np.clip(np.arange(fitted.shape[1]) - margin, 0, width - 1)
    np.testing.assert_array_equal(fitted, frame[rows][:, columns])


@given(
    height=SIDES, width=SIDES, rows=st.integers(20, 90), columns=st.integers(20, 90), margin=st.integers(0, 9)
)
@settings(deadline=None)
def test_a_size_is_met_and_the_original_size_comes_back(
    height: int, width: int, rows: int, columns: int, margin: int
):
    fitted, fitting = fit(noise(height, width), (rows, columns), margin=margin)
    assert fitted.shape == (-(-rows // 8) * 8, -(-columns // 8) * 8, 3)
    assert fitting.content[0] <= rows - 2 * margin
    assert fitting.content[1] <= columns - 2 * margin
    assert unfit(fitted, fitting).shape == (height, width, 3)


@pytest.mark.parametrize(
    ("original", "content", "corner"),
    [((90, 160), (36, 64), (14, 0)), ((160, 90), (64, 36), (0, 14)), ((32, 32), (64, 64), (0, 0))],
)
def test_a_size_keeps_the_aspect_ratio_and_centres(
    original: tuple[int, int], content: tuple[int, int], corner: tuple[int, int]
):
    _, fitting = fit(noise(*original), (64, 64))
    assert fitting.content == content
    assert fitting.corner == corner


def test_shrinking_takes_the_mean_over_the_area():
    frame = noise(64, 96)
    fitted, _ = fit(frame, (32, 48))
    means = frame.astype(float).reshape(32, 2, 48, 2, 3).mean((1, 3))
    np.testing.assert_allclose(fitted, means, atol=0.51)


def test_a_frame_that_already_fits_is_not_copied():
    frame = noise(16, 24)
    fitted, fitting = fit(frame)
    assert fitted is frame
    assert fitting.fitted == (16, 24)


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((1, 4, 4, 3), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_fit_takes_only_one_rgb_frame(frame: np.ndarray):
    with pytest.raises(ValueError, match=r"must be uint8 RGB of shape \(height, width, 3\)"):
        fit(frame)


def test_unfit_refuses_another_size():
    _, fitting = fit(noise(5, 5))
    with pytest.raises(ValueError, match=r"must have the fitted size \(8, 8\). Received: \(16, 8\)"):
        unfit(noise(16, 8), fitting)


@pytest.mark.parametrize(("multiple", "margin"), [(0, 0), (8, -1)])
def test_fit_refuses_a_bad_multiple_or_margin(multiple: int, margin: int):
    with pytest.raises(ValueError, match="`multiple` must be at least 1"):
        fit(noise(5, 5), multiple=multiple, margin=margin)


def test_fit_refuses_a_size_that_the_margin_fills():
    with pytest.raises(ValueError, match="leave at least one pixel inside the margin"):
        fit(noise(5, 5), (16, 16), margin=8)
