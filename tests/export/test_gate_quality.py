from __future__ import annotations

import numpy as np
import pytest

from export.anatomy import Anatomy
from export.footage import scene_footage
from export.gate import agreement, cost, quality
from export.gate.cost import Timed
from export.runtimes import CannotPlay
from keras_vst.frames import to_float, to_uint8
from tests.export.networks import CONTENT, content


@pytest.fixture(scope="module")
def footage():
    return scene_footage(CONTENT, 6)


@pytest.fixture(scope="module")
def steady(footage):
    return to_float(footage.frames)


def test_a_file_like_the_network_keeps_its_flicker_and_one_that_shakes_does_not(footage, steady):
    reference = quality.flicker(footage, footage.inside(steady))
    assert quality.steadiness(reference, reference).passed
    shaken = np.clip(steady + np.where(np.arange(6) % 2, 0.03, -0.03)[:, None, None, None], 0, 1)
    check = quality.steadiness(quality.flicker(footage, footage.inside(np.float32(shaken))), reference)
    assert check.failed
    assert check.measured["ratio"] > 1.03
    assert "--calibrate" in check.message


def test_flicker_may_grow_by_three_hundredths_or_by_what_nobody_sees():
    assert quality.steadiness(0.1029, 0.1).passed
    assert quality.steadiness(0.1031, 0.1).failed
    assert quality.steadiness(0.0029, 0.002).passed


def test_flicker_is_the_warp_error_by_definition(footage):
    """A clip that is one flat colour a frame: whatever the flow, each pair differs by the step of its colour."""
    levels = np.array([0.1, 0.2, 0.4, 0.5, 0.5, 0.5], np.float32)
    clip = np.broadcast_to(levels[:, None, None, None], footage.content.shape)
    expected = np.sqrt(np.mean(np.diff(levels) ** 2))
    assert quality.flicker(footage, clip) == pytest.approx(expected, rel=1e-4)


def test_a_clip_with_a_nan_is_not_judged_for_its_looks(footage, steady):
    broken = footage.inside(steady).copy()
    broken[3, 20, 20] = np.nan
    check = quality.steadiness(quality.flicker(footage, broken), 0.1)
    assert check.passed is None
    assert "no picture" in check.message


def test_a_file_of_the_wrong_type_is_too_large():
    parameters = 100_000
    most = cost.most_bytes("tflite", "fp16", parameters)
    assert cost.size(2 * parameters + 30_000, most, parameters, "fp16", None).passed
    check = cost.size(4 * parameters, most, parameters, "fp16", None)
    assert check.failed
    assert "400000 bytes for 100000 parameters at fp16" in check.message
    assert check.measured["per parameter"] == 4


def test_a_file_stored_in_another_precision_than_its_name_says_is_refused():
    anatomy = Anatomy(content("fp16"))
    assert cost.stored(anatomy, "fp16").passed
    check = cost.stored(anatomy, "fp32")
    assert check.failed
    assert "are stored as fp16" in check.message


TIMINGS = {
    "fp32": {1: Timed(10, 12), 2: Timed(6, 9)},
    "int8": {1: Timed(15, 18), 2: Timed(30, 60)},
    "bad": {1: Timed(25, 30), 2: Timed(13, 20)},
}


def test_speed_is_told_beside_fp32_by_the_better_of_two():
    check = cost.speed("int8", TIMINGS, "fp32", "int8")
    assert check.passed
    assert check.measured == {"ratio": 1.5, "median_1": 15, "p95_1": 18, "median_2": 30, "p95_2": 60}


def test_too_slow_is_a_warning_and_no_failure():
    check = cost.speed("bad", TIMINGS, "fp32", "int8")
    assert not check.failed
    assert check.outcome == "warning"
    assert "2.17 x" in check.message
    assert "XNNPACK" in check.message


def test_what_has_nothing_to_be_compared_with_is_only_told():
    for baseline, precision in (("fp32", None), (None, "int8")):
        check = cost.speed("bad", TIMINGS, baseline, precision)
        assert (check.passed, check.outcome) == (None, "not judged")
        assert check.measured["median_2"] == 13


def test_files_are_timed_in_turn_at_one_and_two_threads_after_a_warm_up():
    calls = []

    def opener(name):
        return lambda threads: lambda frame: calls.append((name, threads))

    timings = cost.measure({"a": opener("a"), "b": opener("b")}, np.zeros((2, 8, 8, 3), np.uint8), 3)
    assert [name for name, _ in calls] == ["a", "b"] * (2 * (cost.WARM_UP + 3))
    assert [threads for _, threads in calls] == [1] * 16 + [2] * 16
    assert set(timings) == {"a", "b"}
    assert 0 <= timings["a"][1].median <= timings["a"][1].p95


def test_runtimes_agree_within_a_level(steady):
    assert agreement.agrees("other", "fp32", steady, lambda: steady + np.float32(1e-4)).passed
    check = agreement.agrees("other", "fp32", steady, lambda: np.clip(steady + np.float32(0.02), 0, 1))
    assert check.failed
    assert "its pixels differ" in check.message


def test_int8_may_round_in_its_own_way_but_not_by_much(steady):
    levels = np.stack([to_uint8(frame) for frame in steady]).astype(int)
    odd = np.arange(levels.size).reshape(levels.shape) % 3 == 0
    near = np.clip(levels + np.where(odd, 2, 0), 0, 255).astype(np.uint8)
    assert agreement.agrees("other", "int8", steady, lambda: near).passed
    far = np.clip(levels + 4, 0, 255).astype(np.uint8)
    assert agreement.agrees("other", "int8", steady, lambda: far).failed


def test_a_runtime_that_dies_or_gives_another_size_is_told(steady):
    def die():
        raise CannotPlay("LiteRT died of it (SIGSEGV)")

    assert "died of it (SIGSEGV)" in agreement.agrees("other", "fp32", steady, die).message
    check = agreement.agrees("other", "fp32", steady, lambda: steady[:, :8])
    assert check.failed
    assert "worked out when the file was built" in check.message
