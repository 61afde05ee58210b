"""How a source is read that blocks or has a clock of its own: frames (H, W, 3) uint8 RGB with times in seconds.

Bad luck, decided here once for all of them.  A live source that falls silent is given its `patience`, in which it
tries to come back; then it raises `SourceLost`, so that what was recorded until then can be finished.
No jump of any clock gets into the times, and no gap is longer than five seconds.  The clock used is the monotonic one:
it knows no time zone and no correction, and it stands still while a laptop sleeps (on Linux and macOS; Windows counts
on, and there the longest gap is what a recording keeps of the sleep).
"""

from __future__ import annotations

import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction

from edge.threads import POLL, Handover
from keras_vst.errors import UserError
from keras_vst.video import Source, TimedFrame

WAITING = 2  # frames that may wait between the reading thread and whoever takes them
FAREWELL = 0.5  # seconds that `close` waits for the reading thread; one stuck in a driver ends by itself
TICK = Fraction(1, 90_000)
LONGEST_GAP = Fraction(5)
LATE = 1.0  # seconds by which a paced source may be behind before it stops trying to catch up

Clock = Callable[[], float]


class SourceLost(UserError):
    """A source that worked and then went away; what came of it until then is whole."""


class ThreadedSource(Source):
    """A source that is read in a thread of its own, so that nobody hangs in a driver or a dead line."""

    live = True
    patience: float | None = None  # seconds without a frame before the source is given up; None waits on
    trouble: str = "nothing came"  # why there is none at the moment

    def __init__(self, name: str) -> None:
        """Start reading and wait for the first frame, which tells the true size."""
        self._name = name
        self._closing = threading.Event()
        self._handover, self._waited = Handover(WAITING), 0.0
        self._thread = threading.Thread(target=self._run, name="vst-source", daemon=True)
        self._thread.start()
        try:
            first = self._take()
            if first is None:
                raise UserError(f"{name} ended before its first picture; check what sends it.")
        except BaseException:
            self.close()
            raise
        self._first: TimedFrame | None = first

    @abstractmethod
    def _frames(self, closing: threading.Event) -> Iterator[TimedFrame]:
        """Set `info`, then yield frames until `closing`; runs in the reading thread."""

    def __iter__(self) -> Iterator[TimedFrame]:
        frame, self._first = self._first, None
        while frame is not None and not self._closing.is_set():
            yield frame
            frame = self._take()

    def close(self) -> None:
        """Let whoever waits go, and the thread as soon as it comes back from its reading."""
        self._closing.set()
        self._handover.end(discard=True)
        if self._thread is not threading.current_thread():
            self._thread.join(FAREWELL)

    def _take(self) -> TimedFrame | None:
        """The next frame; None at the end or when closed.  Raises what the thread raised."""
        self._waited = 0.0
        item = next(self._handover.take(self._wait), None)
        if isinstance(item, BaseException):
            raise item
        return item

    def _wait(self) -> None:
        """Called while nothing comes."""
        self._waited += POLL
        if self.patience is not None and self._waited >= self.patience:
            raise SourceLost(
                f"no picture came from {self._name} for {self.patience:g} s ({self.trouble}); "
                "check that it is there and sends."
            )

    def _run(self) -> None:
        try:
            for frame in self._frames(self._closing):
                if not self._handover.put(frame):
                    return
        except BaseException as error:  # crosses over to the thread that takes
            self._handover.put(error)
        self._handover.end()


class SteadyClock:
    """Turns the stamps of a stream, or the moments of arrival, into times that start at 0 and only grow."""

    def __init__(self, now: Clock = time.monotonic) -> None:
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
