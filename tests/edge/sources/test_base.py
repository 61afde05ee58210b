"""The thread that reads (whoever waits is let go, silence has an end), and clocks that jump, with one of our own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest

from edge.sources.base import LONGEST_GAP, TICK, SourceLost, SteadyClock, ThreadedSource, pace
from keras_vst.errors import UserError
from keras_vst.video import TimedFrame, VideoInfo


def frame(number: int) -> TimedFrame:
    return TimedFrame(np.full((4, 6, 3), number, np.uint8), Fraction(number, 25))


class Scripted(ThreadedSource):
    """Plays a list: a frame by its number, an exception to raise, or None for a silence without end."""

    def __init__(self, *script: int | Exception | None, patience: float | None = None) -> None:
        self._script = script
        self.patience = patience
        self.released = threading.Event()
        super().__init__("camera 7")

    def _frames(self, closing: threading.Event) -> Iterator[TimedFrame]:
        self.info = VideoInfo(6, 4)
        try:
            for item in self._script:
                if isinstance(item, Exception):
                    raise item
                if item is None:
                    closing.wait(30)
                else:
                    yield frame(item)
        finally:
            self.released.set()


def numbers(source: ThreadedSource) -> list[int]:
    return [int(frame.pixels[0, 0, 0]) for frame in source]


def test_all_frames_come_in_order() -> None:
    source = Scripted(*range(20))
    assert numbers(source) == list(range(20))
    source.close()


def test_a_reader_who_waits_is_let_go_within_a_second_of_close() -> None:
    source = Scripted(1, None)
    seen: list[int] = []
    reader = threading.Thread(target=lambda: seen.extend(numbers(source)))
    reader.start()
    time.sleep(0.05)
    start = time.monotonic()
    source.close()
    reader.join(5)
    assert time.monotonic() - start < 1
    assert seen == [1]
    assert source.released.wait(1)


def test_close_frees_the_device_while_nobody_takes_the_frames() -> None:
    source = Scripted(*range(100))
    source.close()
    assert source.released.wait(1)
    assert numbers(source) == []


def test_an_error_of_the_thread_is_raised_where_frames_are_taken() -> None:
    source = Scripted(1, 2, UserError("the cable burns"))
    seen = []
    with pytest.raises(UserError, match="the cable burns"):
        seen.extend(frame.time for frame in source)
    source.close()


def test_an_error_before_the_first_frame_is_raised_at_once() -> None:
    with pytest.raises(UserError, match="no such camera"):
        Scripted(UserError("no such camera"))


def test_a_source_without_a_frame_says_so() -> None:
    with pytest.raises(UserError, match="camera 7 ended before its first picture"):
        Scripted()


def test_silence_longer_than_the_patience_is_a_loss() -> None:
    source = Scripted(1, None, patience=0.2)
    seen = []
    with pytest.raises(SourceLost, match=r"no picture came from camera 7 for 0\.2 s \(nothing came\)"):
        seen.extend(frame.time for frame in source)
    source.close()


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
