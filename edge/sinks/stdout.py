"""Standard output: y4m, which players recognise, or raw pictures; and nowhere at all.

vst live 0 --sink - | mpv -
"""

from __future__ import annotations

import os
import select
import sys
import threading
from fractions import Fraction
from typing import Any

import numpy as np
from av.video.plane import VideoPlane

from edge.address import Address, SinkOptions
from keras_vst.errors import UserError
from keras_vst.video import Sink, TimedFrame, VideoInfo
from keras_vst.video.pixels import EncoderFeed

RATE = Fraction(25)  # what y4m says when the source does not; it has no times of its own
POLL = 0.1  # seconds between two looks at whether the run is over
# Bytes that a pipe with room takes at once, whatever the reader does.
SURE = getattr(select, "PIPE_BUF", 4096)


class StdoutSink(Sink):
    """`-` writes y4m (4:2:0, BT.709, limited range), `-?format=rgb24` the pixels as they are.

    A reader that leaves ends the run in order.
    """

    def __init__(self, address: Address, info: VideoInfo, options: SinkOptions) -> None:
        address.check_options("format")
        options.check_unused(address, "codec", "crf")
        self._format = address.options.get("format", "y4m")
        if self._format not in ("y4m", "rgb24"):
            raise UserError(f"{address.text}: {self._format!r} is not written; use y4m or rgb24.")
        self._rate, self._pixel_aspect = info.fps or RATE, info.pixel_aspect
        self._feed = EncoderFeed("yuv420p")
        # Not sys.stdout's buffer: a write that waits for its reader holds its lock, with which Python would never end.
        sys.stdout.flush()
        self._descriptor = sys.stdout.fileno()
        self._over = threading.Event()
        self._started = False

    def write(self, frame: TimedFrame) -> None:
        if self.closed_by_user:
            return
        try:
            if self._format == "rgb24":
                self._send(np.ascontiguousarray(frame.pixels).data)
            else:
                self._write_y4m(frame)
        except BrokenPipeError:
            self.closed_by_user = True

    def interrupt(self) -> None:
        """Let go of a `write` that waits for the reader; from any thread."""
        self._over.set()

    def _write_y4m(self, frame: TimedFrame) -> None:
        height, width = frame.pixels.shape[:2]
        if not self._started:
            self._started = True
            rate, aspect = (
                f"{each.numerator}:{each.denominator}" for each in (self._rate, self._pixel_aspect)
            )
            header = f"YUV4MPEG2 W{width} H{height} F{rate} Ip A{aspect} C420mpeg2 XCOLORRANGE=LIMITED\n"
            self._send(header.encode())
        self._send(b"FRAME\n")
        for plane in self._feed.frame(frame.pixels).planes:
            self._send(_rows(plane).data)

    def _send(self, content: Any) -> None:
        """Write bytes, waiting for a reader that pauses, but not beyond the end of the run."""
        rest = memoryview(content).cast("B")
        while len(rest) and not self.closed_by_user:
            # Windows cannot wait for a pipe and look at something else.
            if os.name != "posix" or select.select([], [self._descriptor], [], POLL)[1]:
                rest = rest[os.write(self._descriptor, rest[:SURE]) :]
            else:
                self.closed_by_user = self._over.is_set()


class NullSink(Sink):
    """`null:`, nowhere, for measuring."""

    def __init__(self, address: Address, info: VideoInfo, options: SinkOptions) -> None:
        address.check_options()

    def write(self, frame: TimedFrame) -> None:
        """Forget the frame."""


def _rows(plane: VideoPlane) -> np.ndarray:
    """A plane without the padding at the end of its rows."""
    rows = np.frombuffer(bytes(plane), np.uint8).reshape(-1, plane.line_size)
    return np.ascontiguousarray(rows[: plane.height, : plane.width])
