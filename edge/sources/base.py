"""What a source is, and how one that blocks is read: frames (H, W, 3) uint8 RGB with times in seconds.

Bad luck, decided here once for all of them.  A live source that falls silent is given its `patience`, in which it
tries to come back; then it raises `SourceLost`, so that what was recorded until then can be finished.
Damaged frames are left out and counted in `skipped`; the others keep their times, and with them the sound.
"""

from __future__ import annotations

import queue
import threading
from abc import abstractmethod
from collections.abc import Callable, Iterator
from typing import Protocol

from keras_vst.errors import UserError
from keras_vst.video import Source, TimedFrame, VideoInfo

WAITING = 2  # frames that may wait between the reading thread and whoever takes them
POLL = 0.1  # seconds between two looks at whether the source was closed
FAREWELL = 0.5  # seconds that `close` waits for the reading thread; one stuck in a driver ends by itself


class FrameSource(Protocol):
    """Frames in the order they are shown, to be gone through once, from any thread."""

    info: VideoInfo
    live: bool  # frames come when they come, and a late one is worth less than a new one
    skipped: int  # damaged frames left out so far

    def __iter__(self) -> Iterator[TimedFrame]:
        """Yield frames; may block, and ends when closed or exhausted."""
        ...

    def close(self) -> None:
        """Let go of the device, file or line; from any thread, and whoever waits for a frame returns."""
        ...


class SourceLost(UserError):
    """A source that worked and then went away; what came of it until then is whole."""


class PumpedSource(Source):
    """A source that is read in a thread of its own, so that nobody hangs in a driver or a dead line."""

    live: bool = True
    patience: float | None = None  # seconds without a frame before the source is given up; None waits on
    trouble: str = "nothing came"  # why there is none at the moment

    def __init__(self, name: str) -> None:
        """Start reading and wait for the first frame, which tells the true size."""
        self._name = name
        self._pump = Pump(self._frames)
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
        """Yield frames until the source ends or is closed."""
        frame, self._first = self._first, None
        while frame is not None and not self._pump.closing.is_set():
            yield frame
            frame = self._take()

    def close(self) -> None:
        """Stop reading; whoever waits returns at once."""
        self._pump.close()

    def _take(self) -> TimedFrame | None:
        try:
            return self._pump.take(self.patience)
        except TimeoutError:
            raise SourceLost(
                f"no picture came from {self._name} for {self.patience:g} s ({self.trouble}); "
                "check that it is there and sends."
            ) from None


class Pump:
    """Runs a blocking iterator in a thread and hands its items over a short queue."""

    def __init__(self, produce: Callable[[threading.Event], Iterator[TimedFrame]]) -> None:
        """Start the thread."""
        self.closing = threading.Event()
        self._queue: queue.Queue[TimedFrame | BaseException | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._run, args=(produce,), name="vst-source", daemon=True)
        self._thread.start()

    def take(self, patience: float | None) -> TimedFrame | None:
        """The next item; None at the end or when closed.  Raises what the thread raised, or TimeoutError."""
        waited = 0.0
        while not self.closing.is_set():
            try:
                item = self._queue.get(timeout=POLL)
            except queue.Empty:
                waited += POLL
                if patience is not None and waited >= patience:
                    raise TimeoutError from None
                continue
            if isinstance(item, BaseException):
                raise item
            return item
        return None

    def close(self) -> None:
        """Let whoever waits go, and the thread as soon as it comes back from its reading."""
        self.closing.set()
        if self._thread is not threading.current_thread():
            self._thread.join(FAREWELL)

    def _run(self, produce: Callable[[threading.Event], Iterator[TimedFrame]]) -> None:
        items = produce(self.closing)
        try:
            for item in items:
                if not self._put(item):
                    break
            self._put(None)
        except BaseException as error:  # crosses over to the thread that takes
            self._put(error)

    def _put(self, item: TimedFrame | BaseException | None) -> bool:
        while not self.closing.is_set():
            try:
                self._queue.put(item, timeout=POLL)
            except queue.Full:
                continue
            return True
        return False
