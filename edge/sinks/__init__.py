"""Where frames go: (H, W, 3) uint8 RGB with times in seconds, into anything that one name can stand for.

A new one is a class derived from `keras_vst.video.Sink`, a line in `SCHEMES` and one in `TABLE`.  Standard output and
nowhere, which are short, stand here: `vst live 0 --sink - | mpv -`.
"""

from __future__ import annotations

import os
import select
import sys
import threading
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from av.video.plane import VideoPlane

from edge.address import PATH, Address, SinkOptions, parse_address
from edge.sinks.displays import VirtualCameraSink, WebRtcSink, WebSink, WindowSink
from edge.sinks.streams import PROTOCOLS, HlsSink, PushSink
from keras_vst import video
from keras_vst.errors import UserError
from keras_vst.video import Sink, TimedFrame, VideoInfo
from keras_vst.video.pixels import EncoderFeed

TABLE = """\
  window:                                      a window on this machine, steered by keys
  web:, web:9000, web://0.0.0.0:8080           a page for any browser: the picture and all controls
  webrtc:                                      the same page, its picture over WebRTC
  out.mp4 .mkv .mov .webm .gif, frames/        a file, complete or not there, with the sound of a source file
  hls:folder/?segment=1&window=6               a playlist and segments, for any web server
  rtmp:// rtmps:// rtsp:// udp://              a stream to a server or a player
  virtualcam:                                  a camera for other programs
  -, -?format=rgb24                            standard output as y4m, or raw
  null:                                        nowhere, for measuring"""
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


def _file(address: Address, info: VideoInfo, options: SinkOptions) -> Sink:
    """A file or folder; what must survive a power cut is better written as `hls:folder/`."""
    told = {"codec": options.codec, "crf": options.crf, "sound": options.sound, "made_by": options.made_by()}
    return video.open_sink(address.rest, info, **told)


SCHEMES: dict[str, Callable[[Address, VideoInfo, SinkOptions], Sink]] = {
    PATH: _file,
    "window": WindowSink,
    "web": WebSink,
    "webrtc": WebRtcSink,
    "hls": HlsSink,
    **dict.fromkeys(PROTOCOLS, PushSink),
    "virtualcam": VirtualCameraSink,
    "-": StdoutSink,
    "null": NullSink,
}


def open_sink(uri: str, info: VideoInfo, **options: Any) -> Sink:
    """Open a sink by its name for frames that `info` describes; `options` are the fields of `SinkOptions`."""
    address = parse_address(uri, SCHEMES, "sink")
    return SCHEMES[address.scheme](address, info, SinkOptions(**options))
