"""What goes through a video: frames (H, W, 3) uint8 RGB, each with its exact time in seconds.

A `Source` yields such frames one at a time; a `Sink` takes them and leaves a complete file or none.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]


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
    """Frames in the order they are shown; can be gone through once.  Use it in a `with`."""

    info: VideoInfo
    skipped: int = 0  # damaged frames left out so far

    @abstractmethod
    def __iter__(self) -> Iterator[TimedFrame]:
        """Yield every frame that can be read."""

    def close(self) -> None:  # noqa: B027  a source that read its file at once has nothing to close
        """Let go of the file."""

    def __enter__(self) -> Source:
        """Enter the `with`."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()


class Sink(ABC):
    """Takes frames; the target appears complete when its `with` ends, and not at all on an exception."""

    target: Path

    @abstractmethod
    def write(self, frame: TimedFrame) -> None:
        """Add one frame; all frames of a sink have one size."""

    @abstractmethod
    def commit(self) -> None:
        """Finish the file and move it into place."""

    @abstractmethod
    def discard(self) -> None:
        """Delete whatever was written; the target stays as it was."""

    def __enter__(self) -> Sink:
        """Enter the `with`."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Commit, or discard when an exception passes."""
        if kind is not None:
            self.discard()
            return
        try:
            self.commit()
        except BaseException:
            self.discard()
            raise
