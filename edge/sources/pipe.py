"""Standard input: a stream that FFmpeg recognises (y4m, Matroska, MPEG-TS), or raw pictures of a size that is told.

It is read to its end, every frame in order, and whoever writes into the pipe waits for us.
"""

from __future__ import annotations

import os
import select
import sys
import threading
from collections.abc import Iterator
from fractions import Fraction

import av
from av.error import FFmpegError

from edge.address import Address
from edge.sources.base import POLL, PumpedSource
from keras_vst.errors import UserError
from keras_vst.video import TimedFrame
from keras_vst.video.source import ClipSource

RATE = Fraction(25)


class PipeSource(PumpedSource):
    """`-`, or `-?size=640x360&fps=30&format=rgb24` for raw pictures in a pixel format of FFmpeg's."""

    live = False

    def __init__(self, address: Address) -> None:
        """Start reading."""
        address.check_options("size", "fps", "format", "live")
        self.live = address.flag("live", False)
        self._raw: dict[str, str] | None = None
        if size := address.size():
            form = address.options.get("format", "rgb24")
            try:
                av.VideoFormat(form)
            except ValueError:
                raise UserError(
                    f"{address.text}: {form!r} is no pixel format; use for instance rgb24, bgr24, yuv420p."
                ) from None
            self._raw = {
                "video_size": f"{size[0]}x{size[1]}",
                "framerate": str(address.number("fps", RATE)),
                "pixel_format": form,
            }
        elif address.options.keys() & {"fps", "format"}:
            raise UserError(f"{address.text}: raw pictures need their size too; add size=WIDTHxHEIGHT.")
        super().__init__("standard input")

    def _frames(self, closing: threading.Event) -> Iterator[TimedFrame]:
        pipe = InterruptiblePipe(sys.stdin.fileno(), closing)
        try:
            container = av.open(
                pipe,
                mode="r",
                format=None if self._raw is None else "rawvideo",
                options=self._raw or {},
                metadata_errors="replace",
            )
        except FFmpegError as error:
            raise UserError(
                "standard input is no video that is recognised here; send y4m, mkv or MPEG-TS, or say how "
                "large raw pictures are: '-?size=640x360&fps=30&format=rgb24'."
            ) from error
        with ClipSource(self._name, container) as clip:
            self.info = clip.info
            for frame in clip:
                self.skipped = clip.skipped
                yield frame


class InterruptiblePipe:
    """The reading end of a pipe, without the buffer of sys.stdin, whose lock would hang the end of Python."""

    def __init__(self, descriptor: int, closing: threading.Event) -> None:
        """Read from `descriptor` until it ends or `closing` is set."""
        self._descriptor = descriptor
        self._closing = closing
        self._waits = os.name == "posix"  # Windows cannot wait for a pipe and look at something else

    def read(self, size: int) -> bytes:
        """At most `size` bytes; none at the end."""
        while self._waits and not select.select([self._descriptor], [], [], POLL)[0]:
            if self._closing.is_set():
                return b""
        return os.read(self._descriptor, size)
