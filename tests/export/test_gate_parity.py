from __future__ import annotations

import numpy as np
import pytest

from export import stepper
from export.anatomy import Anatomy
from export.gate.parity import frame_psnr, parity
from keras_vst.frames import to_uint8
from tests.export.networks import content, good, played


@pytest.fixture(scope="module")
def footage_and_clip():
    return played(good(), 6)


@pytest.fixture(scope="module")
def expected(footage_and_clip):
    return footage_and_clip[1]


@pytest.mark.parametrize("signature", ["stylize", "stylize_u8"])
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_good_file_is_equal(footage_and_clip, precision, signature):
    footage, expected = footage_and_clip
    clip = stepper.play("litert", content(precision), signature, footage.frames)
    check = parity(signature, expected, clip, precision, Anatomy(content(precision)))
    assert check.passed, check
    assert check.measured["worst"] > 60


def test_an_fp16_file_judged_as_fp32_is_told_apart(expected):
    clip = np.clip(expected + np.float32(2e-4), 0, 1)
    check = parity("stylize", expected, clip, "fp32", Anatomy(content("fp16")))
    assert check.failed
    assert "judged as fp32, but its weights are stored as fp16" in check.message
    assert "--precisions fp16" in check.message


def test_another_network_s_file_is_refused(expected):
    check = parity("stylize", expected, 1 - expected, "fp32", Anatomy(content()))
    assert check.failed
    assert "made from other weights" in check.message


def off_by(expected, *decibels):
    """Each frame with an error of so many dB."""
    apart = [
        np.full(frame.shape, 10 ** (-dB / 20), np.float32)
        for frame, dB in zip(expected, decibels, strict=True)
    ]
    return expected + np.stack(apart)


def test_int8_is_judged_over_the_whole_clip_and_floats_by_their_worst_frame(expected):
    clip = off_by(expected, 60, 60, 60, 60, 60, 40)
    check = parity("stylize", expected, clip, "int8", None)
    assert check.passed
    assert check.measured["clip"] == pytest.approx(-10 * np.log10((5e-6 + 1e-4) / 6), abs=0.02)
    assert check.measured["worst"] == pytest.approx(40, abs=0.02)
    assert parity("stylize", expected, clip, "fp16", None).failed


def test_int8_below_44_dB_is_refused_with_the_way_out(expected):
    assert parity("stylize", expected, off_by(expected, *[44.1] * 6), "int8", None).passed
    check = parity("stylize", expected, off_by(expected, *[43.9] * 6), "int8", None)
    assert check.failed
    assert "--calibrate" in check.message


def test_a_nan_frame_fails_and_is_named(expected):
    clip = expected.copy()
    clip[3, 0, 0, 0] = np.nan
    for precision in ("fp32", "int8"):
        check = parity("stylize", expected, clip, precision, None)
        assert check.failed
        assert "frame 4 holds NaN" in check.message


def test_rounding_to_bytes_is_no_error_and_more_is(expected):
    rounded = np.stack([to_uint8(frame) for frame in expected])
    assert min(frame_psnr(expected, rounded)) > 120
    between = np.full((1, 8, 8, 3), 127.5 / 255, np.float32)
    for level in (127, 128):
        assert frame_psnr(between, np.full(between.shape, level, np.uint8)) == [float("inf")]
    one_too_much = frame_psnr(between, np.full(between.shape, 129, np.uint8))[0]
    assert one_too_much == pytest.approx(20 * np.log10(255), abs=1e-3)


def test_clips_of_two_sizes_are_a_mistake(expected):
    with pytest.raises(ValueError, match="one shape"):
        frame_psnr(expected, expected[:3])
