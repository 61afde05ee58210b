from __future__ import annotations

import numpy as np
import pytest

from export import tflite
from export.anatomy import Anatomy
from export.calibration import Calibration
from export.footage import scene_footage
from export.gate.parity import frame_psnr, parity
from export.parity import compare, play_student
from export.stepper import open_steps, play
from keras_vst.frames import to_uint8
from tests.export.networks import CONTENT, content, good


@pytest.fixture(scope="module")
def student():
    return good()


@pytest.fixture(scope="module")
def footage():
    return scene_footage(CONTENT, 6)


@pytest.fixture(scope="module")
def styles():
    return np.ones((6, 1), np.float32)


@pytest.fixture(scope="module")
def expected(student, footage, styles):
    return play_student(student, footage.frames, styles)


def judge(file, precision, expected, footage, styles, signature="stylize"):
    clip = play(open_steps("litert", file, signature, footage.size), footage.frames, styles)
    return parity(signature, expected, clip, precision, Anatomy(file))


@pytest.mark.parametrize("signature", ["stylize", "stylize_u8"])
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_good_file_is_equal(expected, footage, styles, precision, signature):
    check = judge(content(precision), precision, expected, footage, styles, signature)
    assert check.passed, check
    assert check.measured["worst"] > 60


def test_an_fp16_file_judged_as_fp32_is_told_apart(expected, footage, styles):
    clip = play(open_steps("litert", content("fp16"), "stylize", footage.size), footage.frames, styles)
    clip = np.clip(clip + np.float32(2e-4), 0, 1)  # random weights round more kindly than trained ones: 74 dB
    check = parity("stylize", expected, clip, "fp32", Anatomy(content("fp16")))
    assert check.failed
    assert "judged as fp32, but its weights are stored as fp16" in check.message
    assert "--precisions fp16" in check.message


def test_another_network_s_file_is_refused(expected, footage, styles):
    check = judge(content(), "fp32", 1 - expected, footage, styles)
    assert check.failed
    assert "made from other weights" in check.message


def test_int8_calibrated_on_real_frames_passes_and_on_noise_fails(student, expected, footage, styles):
    real = Calibration.rollout(student, [footage.frames], size=footage.size)
    assert judge(tflite.convert(student, "int8", None, real), "int8", expected, footage, styles).passed
    dark = tuple(
        {**sample, "frame": sample["frame"] * 0, "state": sample["state"] * 0} for sample in real.samples
    )
    noise = Calibration(dark)
    check = judge(tflite.convert(student, "int8", None, noise), "int8", expected, footage, styles)
    assert check.failed
    assert "calibration" in check.message
    assert "--calibrate" in check.message


def test_a_drift_is_called_a_drift_and_its_layers_are_named(expected):
    rng = np.random.default_rng(0)
    grown = [
        frame + rng.normal(0, 0.004 * (1 + 5 * time), frame.shape) for time, frame in enumerate(expected)
    ]
    check = parity("stylize", expected, np.float32(grown), "int8", None, ("remember", "paint"))
    assert check.failed
    assert check.measured["first"] > 35 > check.measured["last"]
    assert "it drifts" in check.message
    assert "remember, paint cost the most" in check.message


def test_int8_is_not_judged_by_the_frames_between(expected):
    clip = expected.copy()
    clip[2] += 0.1
    assert parity("stylize", expected, clip, "int8", None).passed
    assert parity("stylize", expected, clip, "fp32", None).failed


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


def test_compare_tells_the_worst_frame(student):
    result = compare(student, content("fp32", (48, 64)), num_frames=3, size=(48, 64))
    assert result.psnr > 100
    assert result.frames == 3
