"""What goes through a video: frames (H, W, 3) uint8 RGB, each with its exact time in seconds.

A `Source` yields such frames one at a time; a `Sink` takes them.  Files, cameras, streams, screens, windows and pages
are all derived from these two; a `FileSink` has a target that is there when all is written, or not at all.
"""

from __future__ import annotations

import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from keras_vst.errors import UserError
from keras_vst.files import Part, disk_errors
from keras_vst.frames import Pixels
from keras_vst.video.feeding import Feed
from keras_vst.video.provenance import Provenance, wrote


@dataclass(frozen=True)
class VideoInfo:
    """What is known of a video, a picture or a folder of pictures before its frames are read."""

    width: int  # upright, that is after the rotation
    height: int
    fps: Fraction | None = None  # the mean rate; None for a picture or when the file does not say
    frames: int | None = None  # counted by the file, else estimated from duration and rate
    duration: float | None = None  # seconds
    has_audio: bool = False
    has_words: bool = False  # subtitles, chapters or a title
    rotation: int = 0  # degrees counter-clockwise by which the stored frames are turned: 0, 90, 180, 270
    is_image: bool = False
    time_base: Fraction | None = None  # every frame's time is a whole multiple of it
    clock_may_leap: bool = False  # as in MPEG-TS, whose length is guessed from its first and last times
    pixel_aspect: Fraction = Fraction(1)  # width of a pixel over its height
    origin: str | None = None  # the path or address it was read from
    exif: bytes = b""  # of a picture: what the camera wrote


@dataclass(frozen=True, eq=False)
class TimedFrame:
    """One upright frame and when it is shown."""

    pixels: Pixels  # (H, W, 3) RGB
    time: Fraction  # seconds, exactly as the file has it
    alpha: Pixels | None = None  # (H, W); where it is below 255 the pixels are already laid on white


class Source(ABC):
    """Frames in the order they are shown, to be gone through once, from any thread.  Use it in a `with`.

    Damaged frames are left out and counted in `skipped`; the others keep their times, and with them the sound.
    """

    info: VideoInfo
    live: bool = False  # frames come when they come, and a late one is worth less than a new one
    skipped: int = 0  # damaged frames left out so far
    mended: int = 0  # times that its clock leapt or ran backwards so far
    notes: tuple[str, ...] = ()  # what is not shown as the file has it, a line each
    along: Feed | None = None  # its sound and subtitles, where it can be read only once
    ends_early: bool = False  # once all is read: the file or line broke off before its end
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

    def __exit__(self, *error: object) -> None:
        """Close."""
        self.close()


class Sink(ABC):
    """Takes frames of one size in the order of their times; a `with` closes it, or aborts on an exception.

    A sink that cannot go on raises a UserError from `write`, within five seconds even where a peer has hung.  Nobody
    calls two methods of one sink at once, except `interrupt`, but each may come from another thread.
    """

    skipped: int = 0  # damaged packets of sound left out so far
    notes: tuple[str, ...] = ()  # what of the source it cannot hold, a line each
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

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        """Close, or abort when an exception passes."""
        if kind is not None:
            self.abort()
            return
        try:
            self.close()
        except BaseException:
            self.abort()
            raise


class FileSink(Sink):
    """Writes under a hidden name beside the target; an older target stays until the new one is whole."""

    made_by: Provenance | None = None  # what the file says of itself

    def __init__(self, path: Path, *inputs: str | os.PathLike[str] | None, folder: bool = False) -> None:
        """Check that the target can be written and is none of the inputs."""
        self.target = path.resolve()  # through a link, so that the link stays and both names share the disk
        # The extension is that of the name given; what a link leads to may be called anything.
        self._target = Part(self.target, folder=folder, suffix=path.suffix.lower())
        self._part = self._target.part
        self._count, self._open = 0, True
        if not self.target.parent.is_dir():
            raise UserError(f"cannot write {path}: there is no folder {self.target.parent}; create it first.")
        for source in inputs:
            if source is not None and _same(self.target, source):
                raise UserError(f"cannot write {path}: it is the input itself; name another output.")
        if self.target.exists():
            _check_replaceable(path, folder)
        with disk_errors(path):  # a missing permission shows now and not after an hour of work
            self._target.sweep()
            if folder:
                shutil.rmtree(self._part, ignore_errors=True)
                self._part.mkdir()
            else:
                self._part.write_bytes(b"")

    @abstractmethod
    def _add(self, frame: TimedFrame) -> None:
        """Write one frame into `_part`."""

    def _finish(self) -> None:
        """Write what is left."""

    def _release(self) -> None:
        """Let go of `_part` in any state."""

    def write(self, frame: TimedFrame) -> None:
        """Add one frame."""
        with disk_errors(self.target):
            self._add(frame)
        self._count += 1

    def close(self) -> None:
        """Finish and move into place what was written; what fails here leaves nothing."""
        if not self._open:
            return
        try:
            if not self._count:
                raise UserError(f"no frame came for {self.target}; check the input.")
            with disk_errors(self.target):
                self._finish()
                if self.made_by is not None:
                    self.made_by.mark(self._part)
            self._target.commit()
        except BaseException:
            self.abort()
            raise
        self._open = False

    def abort(self) -> None:
        """Delete what was written."""
        if self._open:
            self._open = False
            self._release()
            self._target.discard()


def _check_replaceable(path: Path, folder: bool) -> None:
    if folder and not path.is_dir():
        raise UserError(f"{path} is a file, but a folder was asked for; leave the / out or rename it.")
    foreign = sorted(entry.name for entry in path.iterdir() if not wrote(entry)) if folder else []
    if foreign:
        raise UserError(
            f"folder {path} holds {foreign[0]}, which vst did not write there; name an empty or a new folder."
        )
    if not folder and path.is_dir():
        raise UserError(f"{path} is a folder; for numbered pictures in it write {path}/, else name a file.")
    if not folder and not path.is_file():
        raise UserError(f"{path} is neither a file nor a folder; name an ordinary file.")


def _same(path: Path, source: str | os.PathLike[str]) -> bool:
    """Whether both name one file, be it through links; an address is never a file."""
    with suppress(OSError, ValueError):
        return path.samefile(source)
    return False
