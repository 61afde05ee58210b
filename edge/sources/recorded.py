"""What an address sends, read once, as a file is: every frame of it, and no second connection.

The limits are those of a live stream (receiver.py), and reading it can be interrupted.  Where the sender closes the
line is the end; where it falls silent or the line breaks, what came is not the whole, and that is an error.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, cast
from urllib.parse import urlsplit

from av.container import InputContainer
from av.error import ExitError, FFmpegError

from edge.address import Address
from edge.sources.base import SourceLost
from edge.sources.receiver import StreamSource
from keras_vst.video import Source, TimedFrame
from keras_vst.video.cutting import CutSource
from keras_vst.video.decoding import ClipSource

SYSTEMS_OWN = 1000  # error numbers below are the system's and speak of the line, above FFmpeg's, of what came


def is_address(text: str) -> bool:
    """Whether an input is a host's, not a file of this machine."""
    return "://" in text and bool(urlsplit(text).netloc)


def read_address(text: str, start: Fraction, duration: Fraction | None) -> Source:
    """Open an address; with `start` or `duration`, in seconds, only that part of it is shown."""
    source = RecordedSource(Address(text, urlsplit(text).scheme, ""), start)
    return CutSource(source, start, duration) if start or duration is not None else source


class RecordedSource(StreamSource):
    """`http://host/film.mp4`, or a stream up to where its sender ends it."""

    low_delay = False

    def __init__(self, address: Address, start: Fraction = Fraction(0)) -> None:
        """Connect and decode the first frame; the last keyframe before `start` comes first."""
        self._start = start
        super().__init__(address)

    def _frames(self, closing: threading.Event) -> Iterator[TimedFrame]:
        line = _Line(self._open())
        with ClipSource(self._name, cast(InputContainer, line), start=self._start, share=True) as clip:
            self.info, self.along, self.live = clip.info, clip.along, False
            yield from self._decoded(clip)
        if line.error is not None:
            late = isinstance(line.error, ExitError)
            reason = "sent nothing more" if late else line.error.strerror or type(line.error).__name__
            raise SourceLost(f"{self._name} broke off ({reason}); try again, or download it first.")


class _Line:
    """A container that remembers what broke its line, which for a reader of clips is just the end."""

    def __init__(self, container: InputContainer) -> None:
        self._container = container
        self.error: FFmpegError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)

    def demux(self, *streams: Any) -> Iterator[Any]:
        try:
            yield from self._container.demux(*streams)
        except FFmpegError as error:
            if isinstance(error, ExitError) or 0 < (error.errno or 0) < SYSTEMS_OWN:
                self.error = error
            raise
