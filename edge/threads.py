"""Frames from a source through a painter into a sink, (H, W, 3) uint8 RGB, each stage in a thread of its own.

Live: the newest frame wins, older ones that wait are dropped and counted.  Otherwise every frame comes
through, in order, and a fast stage waits for a slow one.  Whatever ends one of them ends all.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from keras_vst.errors import UserError
from keras_vst.video import TimedFrame

# What is timed, in the order of a frame.  `finish` is what is done to a painted frame beyond unfitting it.
CAPTURE, FIT, FLOW, NETWORK = "capture", "fit", "flow", "network"
UNFIT, FINISH, SINK = "unfit", "finish", "sink"
STAGES = (CAPTURE, FIT, FLOW, NETWORK, UNFIT, FINISH, SINK)
KEPT = 4096  # times of each stage: two minutes of a camera, and no more memory after hours
WAITING = 3  # frames that may wait before a stage when none is dropped; live it is one
PATIENCE = 0.9  # seconds for a frame in work to be finished after the end; a thread that is stuck is left
SINK_PATIENCE = 6.0  # a sink has to come back before its file can be closed, and promises to within 5 s
POLL = 0.1  # seconds between two looks around; on Windows a wait without an end would not notice Ctrl-C


class Timeline:
    """How long each stage of each frame took; stages may be measured in several threads."""

    def __init__(self) -> None:
        self._seconds: dict[str, deque[float]] = {stage: deque(maxlen=KEPT) for stage in STAGES}
        self._begun: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure what runs inside as one occurrence of the stage `name`."""
        seconds = self._seconds[name]
        start = self._begun[name] = time.perf_counter()
        try:
            yield
        finally:
            self._begun.pop(name, None)
        seconds.append(time.perf_counter() - start)

    def waiting(self, name: str) -> float:
        """Seconds that the stage `name` has been at one frame by now; 0 where it is at none."""
        now = time.perf_counter()
        return now - self._begun.get(name, now)

    def clear(self) -> None:
        """Forget everything, for instance after the warm-up."""
        for seconds in self._seconds.values():
            seconds.clear()

    def milliseconds(self, last: int = KEPT) -> dict[str, dict[str, float]]:
        """{"capture": {"median": 3.1, "p95": 4.0}, ...} of the stages that were seen, by the `last` frames."""
        seen = {stage: list(seconds)[-last:] for stage, seconds in self._seconds.items()}
        return {
            stage: {
                "median": round(float(np.median(seconds)) * 1e3, 2),
                "p95": round(float(np.percentile(seconds, 95)) * 1e3, 2),
            }
            for stage, seconds in seen.items()
            if seconds
        }

    def table(self) -> str:
        """One line for each stage that was seen."""
        return "\n".join(
            f"  {stage:8} {times['median']:7.2f} ms, 95 % below {times['p95']:.2f} ms"
            for stage, times in self.milliseconds().items()
        )


class Handover:
    """A short queue from one thread to the next that can be ended from both sides.

    A giver finds it full and waits; or the newest item wins, and the oldest is dropped and counted.
    """

    def __init__(self, capacity: int, *, newest_wins: bool = False) -> None:
        self.dropped = 0
        self._capacity, self._newest_wins = capacity, newest_wins
        self._items: deque[Any] = deque()
        self._ended = False
        self._changed = threading.Condition()

    def put(self, item: Any) -> bool:
        """Give one item; False once it is ended, and then the item is gone."""
        with self._changed:
            while len(self._items) >= self._capacity and not self._ended:
                if self._newest_wins:
                    self._items.popleft()
                    self.dropped += 1
                else:
                    self._changed.wait()
            if not self._ended:
                self._items.append(item)
                self._changed.notify_all()
            return not self._ended

    def take(self, idle: Callable[[], None] | None = None) -> Iterator[Any]:
        """Take items until it is ended and empty; `idle` is called, without the lock, while nothing comes."""
        while True:
            with self._changed:
                came = self._changed.wait_for(lambda: bool(self._items) or self._ended, POLL)
                if came and not self._items:
                    return
                items = [self._items.popleft()] if came else []
                self._changed.notify_all()
            if not came and idle is not None:
                idle()
            yield from items

    def end(self, *, discard: bool = False) -> None:
        """No more will be given; what waits can still be taken, or is thrown away."""
        with self._changed:
            self._ended = True
            if discard:
                self._items.clear()
            self._changed.notify_all()


class Pipeline:
    """Runs a source through `steps`, one thread each, into `deliver`, once.

    `interrupt` makes a source that waits for a frame, or a sink that waits for its reader, give up; it is called from
    any thread.
    """

    def __init__(
        self,
        source: Iterable[TimedFrame],
        steps: Sequence[Callable[[Any], Any]],
        deliver: Callable[[Any], None],
        *,
        live: bool = False,
        at_once: int | None = None,
        timeline: Timeline | None = None,
        interrupt: Callable[[], None] | None = None,
    ) -> None:
        """Nothing starts before `run`; `at_once` frames at most are on their way, of which none may be dropped."""
        self._source, self._steps, self._deliver = source, steps, deliver
        self._timeline, self._interrupt = timeline or Timeline(), interrupt
        capacity = 1 if live else WAITING
        self._handovers = [Handover(capacity, newest_wins=live) for _ in range(len(steps) + 1)]
        self._room = None if at_once is None else threading.Semaphore(at_once)
        self._stopping = threading.Event()  # no further frame is captured
        self._over = threading.Event()  # the last frame was delivered, or something failed
        self._error: BaseException | None = None
        self._lock = threading.Lock()
        self.delivered = 0
        self.latency = 0.0  # seconds from capture to delivery of the last frame

    @property
    def dropped(self) -> int:
        """Frames that gave way to newer ones."""
        return sum(handover.dropped for handover in self._handovers)

    def run(self, *, deliver_here: bool = False, idle: Callable[[], None] | None = None) -> None:
        """Run until the source ends, `stop` is called or something fails, and raise what failed first.

        `deliver_here` delivers from the calling thread, as windows need it; `idle` is called from the same thread
        while nothing comes.  On return the threads have ended, so that source and sink can be closed.
        """
        sink = ("sink", partial(self._hand_out, idle))
        stages = [("source", self._capture)]
        stages += [("painter", partial(self._apply, index)) for index in range(len(self._steps))]
        stages += [] if deliver_here else [sink]
        threads = [
            threading.Thread(target=self._guarded, args=stage, name=f"vst-{stage[0]}", daemon=True)
            for stage in stages
        ]
        try:
            for thread in threads:
                thread.start()
            if deliver_here:
                self._guarded(*sink)
            while not self._over.wait(POLL):
                pass
        except BaseException:  # Ctrl-C
            self._cancel()
            raise
        finally:
            stuck = self._join(threads)
        if self._error is not None:
            raise self._error
        if stuck:
            raise UserError(f"the {stuck} does not come back; it was left behind, check its device or line.")

    def stop(self) -> None:
        """Take no further frame; those on their way still arrive.  From any thread, also a stage's own."""
        self._stopping.set()
        self._handovers[0].end()

    def _capture(self) -> None:
        frames = iter(self._source)
        while not self._stopping.is_set():
            if self._room is not None and not self._room.acquire(timeout=POLL):
                continue
            with self._timeline.stage(CAPTURE):
                frame = next(frames, None)
            if frame is None or not self._handovers[0].put((frame, time.monotonic())):
                break
        self._handovers[0].end()

    def _apply(self, index: int) -> None:
        step, given, taken = self._steps[index], self._handovers[index], self._handovers[index + 1]
        for item, since in given.take():
            if not taken.put((step(item), since)):
                break
        taken.end()

    def _hand_out(self, idle: Callable[[], None] | None) -> None:
        for item, since in self._handovers[-1].take(idle):
            with self._timeline.stage(SINK):
                self._deliver(item)
            self.delivered += 1
            if self._room is not None:
                self._room.release()
            self.latency = time.monotonic() - since
        self._over.set()

    def _guarded(self, name: str, stage: Callable[[], None]) -> None:
        try:
            stage()
        except BaseException as error:  # crosses over to the thread that called `run`
            with self._lock:
                # A source that was told to end may complain about it; what failed first is what counts.
                if not (name == "source" and self._stopping.is_set()):
                    self._error = self._error or error
            self._cancel()

    def _cancel(self) -> None:
        self._stopping.set()
        for handover in self._handovers:
            handover.end(discard=True)
        self._over.set()

    def _join(self, threads: Sequence[threading.Thread]) -> str | None:
        """Wait for the threads; the name of one that is stuck."""
        self._stopping.set()
        if self._interrupt is not None:
            self._interrupt()
        stuck = None
        for thread in threads:
            name = thread.name.removeprefix("vst-")
            if thread.ident is not None:  # Ctrl-C can come before all are started
                thread.join(SINK_PATIENCE if name == "sink" else PATIENCE)
            stuck = name if thread.is_alive() else stuck
        return stuck
