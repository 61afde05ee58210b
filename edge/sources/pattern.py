"""A moving test pattern drawn by FFmpeg, at its own speed like a camera, or with `live=0` as fast as it is taken."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from fractions import Fraction

import av
from av.error import FFmpegError

from edge.address import Address
from edge.sources.base import PumpedSource
from edge.sources.timing import pace
from keras_vst.errors import UserError
from keras_vst.video import TimedFrame
from keras_vst.video.source import ClipSource

DEFAULT = "testsrc2"


class PatternSource(PumpedSource):
    """`test:` or `test:smptebars?size=640x360&fps=30&duration=5`; any picture source of FFmpeg's."""

    def __init__(self, address: Address) -> None:
        """Start drawing."""
        address.check_options("size", "fps", "duration", "live")
        self.live = address.flag("live", True)
        width, height = address.size((640, 360)) or (0, 0)
        settings = {"size": f"{width}x{height}", "rate": str(address.number("fps", Fraction(30)))}
        if "duration" in address.options:
            settings["duration"] = f"{float(address.number('duration', Fraction(1))):.6f}"
        pattern = address.rest or DEFAULT
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
