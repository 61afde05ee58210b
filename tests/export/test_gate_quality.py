from __future__ import annotations

import numpy as np
import pytest

from export.anatomy import Anatomy
from export.footage import scene_footage
from export.gate import agreement, cost, quality
from export.gate.cost import Timed
from export.runtimes import CannotPlay
from keras_vst import features
from keras_vst.frames import to_float, to_uint8
from tests.conftest import draw_picture
from tests.export.networks import CONTENT, content

STYLES = np.ones((6, 1), np.float32)
NOBODY = quality.Eyes(why_not="nobody looks")


@pytest.fixture(scope="module")
def footage():
    return scene_footage(CONTENT, 6)


@pytest.fixture(scope="module")
def steady(footage):
    return to_float(footage.frames)


@pytest.fixture
def eyes(any_vgg16):
    model = features.load_vgg16(any_vgg16)
    return quality.Eyes(model, {0: draw_picture(3, 48, 64)})


def test_a_file_like_the_network_keeps_its_flicker_and_one_that_shakes_does_not(footage, steady):
    reference = quality.measure(footage, steady, STYLES, NOBODY)
    assert quality.compare(reference, reference, NOBODY)[0].passed
    shaken = np.clip(steady + np.where(np.arange(6) % 2, 0.03, -0.03)[:, None, None, None], 0, 1)
    check = quality.compare(quality.measure(footage, np.float32(shaken), STYLES, NOBODY), reference, NOBODY)[
        0
    ]
    assert check.gate == "flicker"
    assert check.failed
    assert check.measured["ratio"] > 1.05
    assert "`remember`" in check.message


def test_flicker_is_the_warp_error_by_definition(footage):
    """A clip that is one flat colour a frame: whatever the flow, each pair differs by the step of its colour."""
    levels = np.array([0.1, 0.2, 0.4, 0.5, 0.5, 0.5], np.float32)
    clip = np.broadcast_to(levels[:, None, None, None], footage.content.shape)
    expected = np.sqrt(np.mean(np.diff(levels) ** 2))
    assert quality.flicker(footage, clip, STYLES) == pytest.approx(expected, rel=1e-4)


def test_a_change_of_style_is_no_flicker(footage):
    levels = np.array([0.1, 0.1, 0.1, 0.9, 0.9, 0.9], np.float32)
    clip = np.broadcast_to(levels[:, None, None, None], footage.content.shape)
    in_turn = np.eye(2, dtype=np.float32)[[0, 0, 0, 1, 1, 1]]
    assert quality.flicker(footage, clip, in_turn) == 0


def test_style_and_content_are_judged_where_they_can_be_seen(footage, steady, eyes):
    reference = quality.measure(footage, steady, STYLES, eyes)
    assert set(reference) == {"flicker", "style", "content"}
    worse = {**reference, "style": 2 * reference["style"], "content": reference["content"] + 1}
    checks = {check.gate: check for check in quality.compare(worse, reference, eyes)}
    assert checks["flicker"].passed
    assert checks["style"].failed
    assert "`paint`" in checks["style"].message
    assert checks["content"].failed
    assert "`stem`" in checks["content"].message


def test_what_cannot_be_seen_is_never_counted_as_passed(footage, steady):
    measured = quality.measure(footage, steady, STYLES, NOBODY)
    checks = {check.gate: check for check in quality.compare(measured, measured, NOBODY)}
    assert checks["style"].passed is None
    assert checks["style"].message == "not measured, because nobody looks"


def test_a_clip_with_a_nan_is_not_judged_for_its_looks(footage, steady):
    reference = quality.measure(footage, steady, STYLES, NOBODY)
    broken = steady.copy()
    broken[3, 20, 20] = np.nan
    checks = quality.compare(quality.measure(footage, broken, STYLES, NOBODY), reference, NOBODY)
    assert [check.passed for check in checks] == [None, None, None]
    assert "no picture" in checks[0].message


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


def test_layers_that_stay_float_may_weigh_what_floats_weigh():
    more = cost.most_bytes("tflite", "int8", 1000, kept=100) - cost.most_bytes("tflite", "int8", 1000)
    assert more == pytest.approx(100 * (4.3 - 1.6), abs=1)


def test_speed_is_judged_beside_fp32_by_the_better_of_two(capsys):
    timings = {
        "fp32": {1: Timed(10, 12), 2: Timed(6, 9)},
        "int8": {1: Timed(15, 18), 2: Timed(30, 60)},
        "bad": {1: Timed(25, 30), 2: Timed(13, 20)},
    }
    check = cost.speed("int8", timings, "fp32", "int8")
    assert check.passed
    assert check.measured == {"ratio": 1.5, "median_1": 15, "p95_1": 18, "median_2": 30, "p95_2": 60}
    slow = cost.speed("bad", timings, "fp32", "int8")
    assert slow.failed
    assert "2.17 x" in slow.message
    assert "XNNPACK" in slow.message
    assert cost.speed("bad", timings, "fp32", None).passed is None


def test_files_are_timed_in_turn_at_one_and_two_threads_after_a_warm_up():
    calls, ticks = [], []

    def opener(name):
        def opened(threads):
            def step(frame, style, state):
                calls.append((name, threads, state))
                return frame, len(calls)

            return step

        return opened

    frames = np.zeros((2, 8, 8, 3), np.uint8)
    timings = cost.measure({"a": opener("a"), "b": opener("b")}, frames, 1, 3, lambda: ticks.append(1))
    assert [name for name, _, _ in calls] == ["a", "b"] * (2 * (cost.WARM_UP + 3))
    assert [threads for _, threads, _ in calls] == [1] * 16 + [2] * 16
    assert calls[0][2] is None
    assert calls[2][2] == 1, "the state is handed on"
    assert len(ticks) == 16
    assert set(timings) == {"a", "b"}
    assert 0 <= timings["a"][1].median <= timings["a"][1].p95


def test_runtimes_agree_within_a_level(steady):
    assert agreement.agrees("other", "fp32", steady, lambda: steady + np.float32(1e-4)).passed
    check = agreement.agrees("other", "fp32", steady, lambda: np.clip(steady + np.float32(0.02), 0, 1))
    assert check.failed
    assert "from the first frame on" in check.message


def test_int8_may_round_in_its_own_way_but_not_by_much(steady):
    levels = np.stack([to_uint8(frame) for frame in steady]).astype(int)
    odd = np.arange(levels.size).reshape(levels.shape) % 3 == 0
    near = np.clip(levels + np.where(odd, 2, 0), 0, 255).astype(np.uint8)
    assert agreement.agrees("other", "int8", steady, lambda: near).passed
    far = np.clip(levels + 4 * np.arange(6)[:, None, None, None], 0, 255).astype(np.uint8)
    check = agreement.agrees("other", "int8", steady, lambda: far)
    assert check.failed
    assert "the state that goes astray" in check.message


def test_a_runtime_that_dies_or_gives_another_size_is_told(steady):
    def die():
        raise CannotPlay("LiteRT died of it (SIGSEGV)")

    assert "died of it (SIGSEGV)" in agreement.agrees("other", "fp32", steady, die).message
    check = agreement.agrees("other", "fp32", steady, lambda: steady[:, :8])
    assert check.failed
    assert "worked out when the file was built" in check.message
