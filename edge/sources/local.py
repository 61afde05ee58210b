"""Frames that come through FFmpeg on this machine: a test pattern, a file in a loop, standard input."""

from __future__ import annotations

import os
import re
import select
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import av
from av.error import FFmpegError

from edge.address import Address
from edge.sources.base import POLL, ThreadedSource, pace
from keras_vst.errors import UserError
from keras_vst.video import TimedFrame, open_source
from keras_vst.video.decoding import ClipSource

STILL = Fraction(1, 25)  # how long one round of a single picture lasts


class PatternSource(ThreadedSource):
    """`test:` or `test:smptebars?size=640x360&fps=30&duration=5`; any picture source of FFmpeg's.

    It comes at its own speed like a camera, or with `live=0` as fast as it is taken.
    """

    def __init__(self, address: Address) -> None:
        address.check_options("size", "fps", "duration", "live")
        self.live = address.flag("live", True)
        width, height = address.size((640, 360)) or (0, 0)
        settings = {"size": f"{width}x{height}", "rate": str(address.number("fps", Fraction(30)))}
        if "duration" in address.options:
            settings["duration"] = f"{float(address.number('duration', Fraction(1))):.6f}"
        pattern = address.rest or "testsrc2"
        if not re.fullmatch(r"[a-z0-9]+", pattern):  # a whole filter graph could read any file
            raise UserError(
                f"{address.text}: {pattern!r} is no pattern; use testsrc2, smptebars or mandelbrot."
            )
        self._graph = f"{pattern}=" + ":".join(f"{key}={value}" for key, value in settings.items())
        super().__init__(address.text)

    def _frames(self, closing: threading.Event) -> Iterator[TimedFrame]:
        try:
            container = av.open(self._graph, format="lavfi")
        except (FFmpegError, ValueError) as error:
            raise UserError(
                f"{self._name}: FFmpeg cannot draw that ({error}); use test: or test:smptebars."
            ) from error
        with ClipSource(self._name, container) as clip:
            self.info = clip.info
            yield from pace(clip, closing) if self.live else clip


class LoopSource(ThreadedSource):
    """`loop:clip.mp4`: a file over and over, each frame when its time has come; a camera for want of one."""

    def __init__(self, address: Address) -> None:
        address.check_options()
        self._path = address.rest
        self.round: float | None = None  # seconds that each lasts, once the first is over
        with open_source(self._path) as source:  # a wrong name is told before a thread is started
            self.info = replace(source.info, frames=None, duration=None, has_audio=False, is_image=False)
        super().__init__(address.text)

    def _frames(self, closing: threading.Event) -> Iterator[TimedFrame]:
        return pace(self._rounds(), closing)

    def _rounds(self) -> Iterator[TimedFrame]:
        shift = Fraction(0)
        while True:
            with open_source(self._path) as source:
                time, step, seen = Fraction(0), STILL, False
                for frame in self._through(source):
                    step, time, seen = frame.time - time or step, frame.time, True
                    yield replace(frame, time=shift + time)
            if not seen:  # over and over would be without end
                raise UserError(
                    f"{self._path} came to its end without a picture that can be read; see whether it is being "
                    "changed or is damaged, then start again."
                )
            self.round = float(time + step)
            shift += time + step


class StdinSource(ThreadedSource):
    """`-`: y4m, Matroska or MPEG-TS; `-?size=640x360&fps=30&format=rgb24`: raw pictures in a pixel format of FFmpeg's.

    It is read to its end, every frame in order, and whoever writes into the pipe waits for us.
    """

    def __init__(self, address: Address) -> None:
        address.check_options("size", "fps", "format", "live")
        self.live = address.flag("live", False)
        self._raw: dict[str, str] = {}
        if size := address.size():
            form = address.options.get("format", "rgb24")
            try:
                av.VideoFormat(form)
            except ValueError:
                raise UserError(
                    f"{address.text}: {form!r} is no pixel format; use for instance rgb24, bgr24, yuv420p."
                ) from None
            rate = str(address.number("fps", Fraction(25)))
            self._raw = {"video_size": f"{size[0]}x{size[1]}", "framerate": rate, "pixel_format": form}
        elif address.options.keys() & {"fps", "format"}:
            raise UserError(f"{address.text}: raw pictures need their size too; add size=WIDTHxHEIGHT.")
        if sys.stdin is None:  # under a service, or after <&-
            raise UserError(
                "standard input is closed here; send a video through a pipe, or name a file or an address."
            )
        super().__init__("standard input")

    def _frames(self, closing: threading.Event) -> Iterator[TimedFrame]:
        pipe = InterruptiblePipe(sys.stdin.fileno(), closing)
        form = "rawvideo" if self._raw else None
        try:
            container = av.open(pipe, mode="r", format=form, options=self._raw, metadata_errors="replace")
        except FFmpegError as error:
            raise UserError(
                "standard input is no video that is recognised here; send y4m, mkv or MPEG-TS, or say how "
                "large raw pictures are: '-?size=640x360&fps=30&format=rgb24'."
            ) from error
        with ClipSource(self._name, container, share=not self.live) as clip:
            self.info, self.along = clip.info, clip.along
            yield from self._through(clip)


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
