"""What goes through a video: frames (H, W, 3) uint8 RGB, each with its exact time in seconds.

A `Source` yields such frames one at a time; a `Sink` takes them.  Files, cameras, streams, screens, windows and pages
are all derived from these two.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from types import TracebackType

from keras_vst.frames import Pixels


@dataclass(frozen=True)
class VideoInfo:
    """What is known of a video, a picture or a folder of pictures before its frames are read."""

    width: int  # upright, that is after the rotation
    height: int
    fps: Fraction | None = None  # the mean rate; None for a picture or when the file does not say
    frames: int | None = None  # counted by the file, else estimated from duration and rate
    duration: float | None = None  # seconds
    has_audio: bool = False
    rotation: int = 0  # degrees counter-clockwise by which the stored frames are turned: 0, 90, 180, 270
    is_image: bool = False
    time_base: Fraction | None = None  # every frame's time is a whole multiple of it
    pixel_aspect: Fraction = Fraction(1)  # width of a pixel over its height
    origin: str | None = None  # the path or address it was read from


@dataclass(frozen=True, eq=False)
class TimedFrame:
    """One upright frame and when it is shown."""

    pixels: Pixels  # (H, W, 3) RGB
    time: Fraction  # seconds, exactly as the file has it


class Source(ABC):
    """Frames in the order they are shown, to be gone through once, from any thread.  Use it in a `with`.

    Damaged frames are left out and counted in `skipped`; the others keep their times, and with them the sound.
    """

    info: VideoInfo
    live: bool = False  # frames come when they come, and a late one is worth less than a new one
    skipped: int = 0  # damaged frames left out so far
    _closed: bool = False

    @abstractmethod
    def __iter__(self) -> Iterator[TimedFrame]:
        """Yield frames; may block, and ends when closed or exhausted."""

    def close(self) -> None:
        """Let go of the file, device or line; from any thread, and whoever waits for a frame returns."""
        self._closed = True

    def __enter__(self) -> Source:
        """Enter the `with`."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()


class Sink(ABC):
    """Takes frames of one size in the order of their times; a `with` closes it, or aborts on an exception.

    A sink that cannot go on raises a UserError from `write`, within five seconds even where a peer has hung.  Nobody
    calls two methods of one sink at once, except `interrupt`, but each may come from another thread.
    """

    closed_by_user: bool = False  # the window was closed, the reader of the pipe left: time to end
    main_thread: bool = False  # whether `write` and `idle` must come from the main thread

    @abstractmethod
    def write(self, frame: TimedFrame) -> None:
        """Take one frame; its pixels may change afterwards."""

    def close(self) -> None:  # noqa: B027  not every sink has something to finish
        """Finish: what was written is whole then."""

    def abort(self) -> None:
        """Throw away what is not finished; does nothing after `close`."""
        self.close()

    def idle(self) -> None:  # noqa: B027
        """Called from where `write` is, ten times a second while no frame comes."""

    def interrupt(self) -> None:  # noqa: B027
        """Called from any thread when the run is over, for a `write` that may wait longer than five seconds."""

    def __enter__(self) -> Sink:
        """Enter the `with`."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close, or abort when an exception passes."""
        if kind is not None:
            self.abort()
            return
        try:
            self.close()
        except BaseException:
            self.abort()
            raise
