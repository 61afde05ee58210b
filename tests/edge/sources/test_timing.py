"""Clocks that jump, laptops that sleep: decided by arithmetic, so tested with a clock of our own."""

from __future__ import annotations

import threading
from fractions import Fraction

import numpy as np
import pytest

from edge.sources.base import LONGEST_GAP, TICK, SteadyClock, pace
from keras_vst.video import TimedFrame


class Now:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def times(steps: list[tuple[float, float | None]]) -> list[float]:
    """What the clock makes of (seconds since the last arrival, stamp)."""
    now = Now()
    clock = SteadyClock(now)
    result = []
    for wait, stamp in steps:
        now.seconds += wait
        result.append(float(clock.time(None if stamp is None else Fraction(stamp).limit_denominator(1000))))
    return result


def test_stamps_decide_and_not_the_moments_of_arrival() -> None:
    assert times([(0, 7.0), (0.30, 7.04), (0.01, 7.08)]) == pytest.approx([0, 0.04, 0.08])


def test_without_stamps_the_arrivals_decide() -> None:
    assert times([(3, None), (0.04, None), (0.05, None)]) == pytest.approx(
        [0, 0.04, 0.09], abs=2 * float(TICK)
    )


def test_a_clock_that_is_put_back_does_not_turn_time_back() -> None:
    assert times([(0, 50.0), (0.04, 50.04), (0.04, 3.0), (0.04, 3.04)]) == pytest.approx(
        [0, 0.04, 0.08, 0.12], abs=2 * float(TICK)
    )


def test_a_clock_that_leaps_ahead_is_not_followed() -> None:
    assert times([(0, 0.0), (0.04, 1e6), (0.04, 1e6 + 0.04)]) == pytest.approx(
        [0, 0.04, 0.08], abs=2 * float(TICK)
    )


def test_an_hour_of_sleep_becomes_the_longest_gap() -> None:
    assert times([(0, None), (3600, None), (0.04, None)]) == pytest.approx(
        [0, float(LONGEST_GAP), float(LONGEST_GAP) + 0.04], abs=2 * float(TICK)
    )


def test_times_grow_even_when_two_frames_arrive_at_once() -> None:
    first, second, third = times([(0, None), (0, None), (0, None)])
    assert first < second < third < 0.001


class Waits(threading.Event):
    """Writes down how long it was waited for, and lets the clock go on by it."""

    def __init__(self, now: Now) -> None:
        super().__init__()
        self.now = now
        self.waited: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(timeout or 0.0)
        self.now.seconds += timeout or 0.0
        return self.is_set()


def film(count: int) -> list[TimedFrame]:
    return [TimedFrame(np.zeros((2, 2, 3), np.uint8), Fraction(index, 10)) for index in range(count)]


def test_a_paced_film_waits_for_the_time_of_every_frame() -> None:
    now = Now()
    closing = Waits(now)
    assert len(list(pace(film(4), closing, now))) == 4
    assert closing.waited == pytest.approx([0, 0.1, 0.1, 0.1])


def test_after_a_long_sleep_a_paced_film_goes_on_without_a_rush() -> None:
    now = Now()
    closing = Waits(now)
    for index, _ in enumerate(pace(film(4), closing, now)):
        now.seconds += 600 if index == 1 else 0
    assert closing.waited == pytest.approx([0, 0.1, 0, 0.1])


def test_a_paced_film_ends_when_it_is_closed() -> None:
    closing = threading.Event()
    closing.set()
    assert list(pace(film(4), closing)) == []
