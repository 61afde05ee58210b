"""Whether a file paints what the network paints: equally, steadily, in every runtime, and a picture at all."""

from __future__ import annotations

import numpy as np
import pytest

from export.gate import same
from export.gate.contents import Contents
from export.gate.runtimes import CannotPlay, play
from export.gate.same import agreement, frame_psnr, parity
from export.judged_clips import bundled_clip
from keras_vst.frames import to_float, to_uint8
from tests.export.networks import CONTENT, content, good, played


@pytest.fixture(scope="module")
def clip():
    return bundled_clip(CONTENT, 6)


@pytest.fixture(scope="module")
def expected():
    return played(good(), 6)[1]


@pytest.fixture(scope="module")
def steady(clip):
    return to_float(clip.frames)


@pytest.mark.parametrize("signature", ["stylize", "stylize_u8"])
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_good_file_is_equal(clip, expected, precision, signature):
    made = play("litert", content(precision), signature, clip.frames)
    check = parity(signature, expected, made, precision, Contents(content(precision)))
    assert check.passed, check
    assert check.measured["worst"] > 60


def test_an_fp16_file_judged_as_fp32_is_told_apart(expected):
    clip = np.clip(expected + np.float32(2e-4), 0, 1)
    check = parity("stylize", expected, clip, "fp32", Contents(content("fp16")))
    assert check.failed
    assert "judged as fp32, but its weights are stored as fp16" in check.message
    assert "--precisions fp16" in check.message


def test_another_network_s_file_is_refused(expected):
    check = parity("stylize", expected, 1 - expected, "fp32", Contents(content()))
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


def test_a_file_like_the_network_keeps_its_flicker_and_one_that_shakes_does_not(clip, steady):
    reference = same.flicker(clip, clip.inside(steady))
    assert same.steadiness(reference, reference).passed
    shaken = np.clip(steady + np.where(np.arange(6) % 2, 0.03, -0.03)[:, None, None, None], 0, 1)
    check = same.steadiness(same.flicker(clip, clip.inside(np.float32(shaken))), reference)
    assert check.failed
    assert check.measured["ratio"] > 1.03
    assert "--calibrate" in check.message


def test_flicker_may_grow_by_three_hundredths_or_by_what_nobody_sees():
    assert same.steadiness(0.1029, 0.1).passed
    assert same.steadiness(0.1031, 0.1).failed
    assert same.steadiness(0.0029, 0.002).passed


def test_flicker_is_the_warp_error_by_definition(clip):
    """A clip that is one flat colour a frame: whatever the flow, each pair differs by the step of its colour."""
    levels = np.array([0.1, 0.2, 0.4, 0.5, 0.5, 0.5], np.float32)
    flat = np.broadcast_to(levels[:, None, None, None], clip.content.shape)
    expected = np.sqrt(np.mean(np.diff(levels) ** 2))
    assert same.flicker(clip, flat) == pytest.approx(expected, rel=1e-4)


def test_a_clip_with_a_nan_is_not_judged_for_its_looks(clip, steady):
    broken = clip.inside(steady).copy()
    broken[3, 20, 20] = np.nan
    check = same.steadiness(same.flicker(clip, broken), 0.1)
    assert check.passed is None
    assert "no picture" in check.message


def test_runtimes_agree_within_a_level(steady):
    assert agreement("other", "fp32", steady, lambda: steady + np.float32(1e-4)).passed
    check = agreement("other", "fp32", steady, lambda: np.clip(steady + np.float32(0.02), 0, 1))
    assert check.failed
    assert "its pixels differ" in check.message


def test_int8_may_round_in_its_own_way_but_not_by_much(steady):
    levels = np.stack([to_uint8(frame) for frame in steady]).astype(int)
    odd = np.arange(levels.size).reshape(levels.shape) % 3 == 0
    near = np.clip(levels + np.where(odd, 2, 0), 0, 255).astype(np.uint8)
    assert agreement("other", "int8", steady, lambda: near).passed
    far = np.clip(levels + 4, 0, 255).astype(np.uint8)
    assert agreement("other", "int8", steady, lambda: far).failed


def test_a_runtime_that_dies_or_gives_another_size_is_told(steady):
    def die():
        raise CannotPlay("LiteRT died of it (SIGSEGV)")

    assert "died of it (SIGSEGV)" in agreement("other", "fp32", steady, die).message
    check = agreement("other", "fp32", steady, lambda: steady[:, :8])
    assert check.failed
    assert "worked out when the file was built" in check.message


def set_layer(student, name, **values):
    layer = student.get_layer(name)
    for variable in layer.weights:
        if variable.name in values:
            variable.assign(np.full(variable.shape, values[variable.name], np.float32))


def test_a_good_network_paints_a_picture():
    network = good()
    clip, painted = played(network)
    check = same.picture(clip.inside(painted), network, clip.frames[0])
    assert check.passed
    assert 0 <= check.measured["darkest"] < check.measured["brightest"] <= 1


def test_a_constant_output_names_the_first_layer_that_is_flat():
    student = good()
    set_layer(student, "paint", kernel=0.0, bias=0.3)
    clip, painted = played(student)
    check = same.picture(clip.inside(painted), student, clip.frames[0])
    assert check.failed
    assert "constant: one flat colour" in check.message
    assert "`paint`" in check.message


def test_a_nan_that_arises_on_the_way_names_the_layer():
    student = good()
    set_layer(student, "down_8", kernel=float("inf"))
    clip, painted = played(student)
    check = same.picture(clip.inside(painted), student, clip.frames[0])
    assert check.failed
    assert "frame 1 holds NaN" in check.message
    assert "`down_8`" in check.message


@pytest.mark.parametrize(
    ("clip", "message"),
    [
        (np.zeros((2, 8, 8, 3), np.float32), "every frame is black"),
        (np.ones((2, 8, 8, 3), np.float32), "every frame is white"),
        (
            np.linspace(0, 1, 192, dtype=np.float32).reshape(1, 8, 8, 3).repeat(2, 0),
            "every frame is the same",
        ),
        (np.linspace(-1, 1, 384, dtype=np.float32).reshape(2, 8, 8, 3), "outside"),
        (np.full((2, 8, 8, 3), 90, np.uint8), "one flat colour"),
    ],
)
def test_what_is_no_picture_is_told(clip, message):
    check = same.picture(clip)
    assert check.failed
    assert message in check.message
