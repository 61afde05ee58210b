"""Capture, network, finish and delivery, each in its own thread, frames (H, W, 3) uint8 RGB handed on.

Live: the newest frame wins, older ones that wait are dropped and counted.  Otherwise every frame comes
through, in order, and a fast thread waits for a slow one.  Whatever ends one of them ends all.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from edge.handover import Handover
from edge.timeline import CAPTURE, SINK, Timeline
from keras_vst.errors import UserError
from keras_vst.video import TimedFrame

Painted = TypeVar("Painted")

WAITING = 3  # frames that may wait before a stage when none is dropped; live it is one
PATIENCE = 0.9  # seconds for a frame in work to be finished after the end; a thread that is stuck is left
SINK_PATIENCE = 6.0  # a sink has to come back before its file can be closed, and promises to within 5 s
POLL = 0.1  # seconds between two looks around; on Windows a wait without an end would not notice Ctrl-C


class Pipeline(Generic[Painted]):
    """Runs a source through `paint` and, where there is one, `finish` into `deliver`, once.

    `interrupt` makes a source that waits for a frame, or a sink that waits for its reader, give up; it is called from
    any thread.
    """

    def __init__(
        self,
        source: Iterable[TimedFrame],
        paint: Callable[[TimedFrame], Any],
        deliver: Callable[[Painted], None],
        *,
        finish: Callable[[Any], Painted] | None = None,
        live: bool = False,
        timeline: Timeline | None = None,
        interrupt: Callable[[], None] | None = None,
    ) -> None:
        """Nothing starts before `run`."""
        self._source, self._paint, self._finish, self._deliver = source, paint, finish, deliver
        self._interrupt = interrupt
        self._idle: Callable[[], None] | None = None
        self._timeline = timeline or Timeline()
        capacity = 1 if live else WAITING
        self._captured: Handover[tuple[TimedFrame, float]] = Handover(capacity, newest_wins=live)
        self._painted: Handover[tuple[Any, float]] = Handover(capacity, newest_wins=live)
        self._finished: Handover[tuple[Painted, float]] = self._painted
        if finish is not None:
            self._finished = Handover(capacity, newest_wins=live)
        self._stopping = threading.Event()  # no further frame is captured
        self._over = threading.Event()  # the last frame was delivered, or something failed
        self._error: BaseException | None = None
        self._lock = threading.Lock()
        self.delivered = 0
        self.latency = 0.0  # seconds from capture to delivery of the last frame

    @property
    def dropped(self) -> int:
        """Frames that gave way to newer ones."""
        return sum(handover.dropped for handover in {self._captured, self._painted, self._finished})

    def run(self, *, deliver_here: bool = False, idle: Callable[[], None] | None = None) -> None:
        """Run until the source ends, `stop` is called or something fails, and raise what failed first.

        `deliver_here` delivers from the calling thread, as windows need it; `idle` is called from the same thread
        while nothing comes.  On return the threads have ended, so that source and sink can be closed.
        """
        self._idle = idle
        threads = {"source": self._thread(self._capture), "network": self._thread(self._work)}
        if self._finish is not None:
            threads["finish"] = self._thread(self._complete)
        if not deliver_here:
            threads["sink"] = self._thread(self._hand_out)
        try:
            for thread in threads.values():
                thread.start()
            if deliver_here:
                self._guarded(self._hand_out)
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
        self._captured.finish()

    def _capture(self) -> None:
        frames = iter(self._source)
        while not self._stopping.is_set():
            with self._timeline.stage(CAPTURE):
                frame = next(frames, None)
            if frame is None or not self._captured.put((frame, time.monotonic())):
                break
        self._captured.finish()

    def _work(self) -> None:
        for frame, since in self._captured:
            if not self._painted.put((self._paint(frame), since)):
                break
        self._painted.finish()

    def _complete(self) -> None:
        assert self._finish is not None
        for painted, since in self._painted:
            if not self._finished.put((self._finish(painted), since)):
                break
        self._finished.finish()

    def _hand_out(self) -> None:
        for painted, since in self._finished.taken(POLL, self._idle):
            with self._timeline.stage(SINK):
                self._deliver(painted)
            self.delivered += 1
            self.latency = time.monotonic() - since
        self._over.set()

    def _thread(self, stage: Callable[[], None]) -> threading.Thread:
        name = f"vst-{stage.__name__.strip('_')}"
        return threading.Thread(target=self._guarded, args=(stage,), name=name, daemon=True)

    def _guarded(self, stage: Callable[[], None]) -> None:
        try:
            stage()
        except BaseException as error:  # crosses over to the thread that called `run`
            with self._lock:
                # A source that was told to end may complain about it; what failed first is what counts.
                told = stage == self._capture and self._stopping.is_set()
                self._error = self._error or (None if told else error)
            self._cancel()

    def _cancel(self) -> None:
        self._stopping.set()
        self._captured.cancel()
        self._painted.cancel()
        self._finished.cancel()
        self._over.set()

    def _join(self, threads: dict[str, threading.Thread]) -> str | None:
        """Wait for the threads; the name of one that is stuck."""
        self._stopping.set()
        if self._interrupt is not None:
            self._interrupt()
        stuck = None
        for name, thread in threads.items():
            if thread.ident is not None:  # Ctrl-C can come before all are started
                thread.join(SINK_PATIENCE if name == "sink" else PATIENCE)
            stuck = name if thread.is_alive() else stuck
        return stuck
