"""Files are timed in turn, and what is slow beside fp32 is told."""

from __future__ import annotations

import numpy as np

from export.gate import speed
from export.gate.speed import Timed

TIMINGS = {
    "fp32": {1: Timed(10, 12), 2: Timed(6, 9)},
    "int8": {1: Timed(15, 18), 2: Timed(30, 60)},
    "bad": {1: Timed(25, 30), 2: Timed(13, 20)},
}


def test_speed_is_told_beside_fp32_by_the_better_of_two():
    check = speed.speed("int8", TIMINGS, "fp32", "int8")
    assert check.passed
    assert check.measured == {"ratio": 1.5, "median_1": 15, "p95_1": 18, "median_2": 30, "p95_2": 60}


def test_too_slow_is_a_warning_and_no_failure():
    check = speed.speed("bad", TIMINGS, "fp32", "int8")
    assert not check.failed
    assert check.outcome == "warning"
    assert "2.17 x" in check.message
    assert "XNNPACK" in check.message


def test_what_has_nothing_to_be_compared_with_is_only_told():
    for baseline, precision in (("fp32", None), (None, "int8")):
        check = speed.speed("bad", TIMINGS, baseline, precision)
        assert (check.passed, check.outcome) == (None, "not judged")
        assert check.measured["median_2"] == 13


def test_files_are_timed_in_turn_at_one_and_two_threads_after_a_warm_up():
    calls = []

    def opener(name):
        return lambda threads: lambda frame: calls.append((name, threads))

    timings = speed.measure({"a": opener("a"), "b": opener("b")}, np.zeros((2, 8, 8, 3), np.uint8), 3)
    assert [name for name, _ in calls] == ["a", "b"] * (2 * (speed.WARM_UP + 3))
    assert [threads for _, threads in calls] == [1] * 16 + [2] * 16
    assert set(timings) == {"a", "b"}
    assert 0 <= timings["a"][1].median <= timings["a"][1].p95
