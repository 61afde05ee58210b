"""Times of live frames, in seconds: no jump of any clock gets through, and no gap is longer than five seconds.

The clock used is the monotonic one: it knows no time zone and no correction, and it stands still while a laptop sleeps
(on Linux and macOS; Windows counts on, and there the longest gap is what a recording keeps of the sleep).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction

from keras_vst.video import TimedFrame

TICK = Fraction(1, 90_000)
LONGEST_GAP = Fraction(5)
LATE = 1.0  # seconds by which a paced source may be behind before it stops trying to catch up

Clock = Callable[[], float]


class SteadyClock:
    """Turns the stamps of a stream, or the moments of arrival, into times that start at 0 and only grow."""

    def __init__(self, now: Clock = time.monotonic) -> None:
        """Start with the first frame."""
        self._now = now
        self._time: Fraction | None = None
        self._arrival = self._stamp = Fraction(0)

    def time(self, stamp: Fraction | None = None) -> Fraction:
        """The time of a frame that came just now.

        The step from the frame before is the one between the stamps, unless that goes backwards or over a gap of
        more than five seconds (the sender started again); then it is the step between the arrivals.
        """
        arrival = Fraction(round(self._now() / TICK)) * TICK
        if self._time is None:
            self._time = Fraction(0)
        else:
            step = arrival - self._arrival if stamp is None else stamp - self._stamp
            if not 0 < step <= LONGEST_GAP:
                step = max(TICK, min(arrival - self._arrival, LONGEST_GAP))
            self._time += step
        self._arrival = arrival
        self._stamp = arrival if stamp is None else stamp
        return self._time


def pace(
    frames: Iterable[TimedFrame], closing: threading.Event, now: Clock = time.monotonic
) -> Iterator[TimedFrame]:
    """Hold every frame back until its time has come; after a long delay go on from there, without a rush."""
    start: float | None = None
    for frame in frames:
        due = float(frame.time)
        if start is None or now() - start - due > LATE:
            start = now() - due
        if closing.wait(max(0.0, start + due - now())):
            return
        yield frame
