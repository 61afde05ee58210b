"""Where frames go: (H, W, 3) uint8 RGB with times in seconds, into anything that one name can stand for.

A new one is a class with `write`, `close`, `abort` and `closed_by_user`, a line in `SCHEMES` and one in `TABLE`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from edge.address import PATH, Address, parse_address
from edge.sinks.base import FrameSink, SinkOptions
from edge.sinks.files import FileSink
from edge.sinks.hls import HlsSink
from edge.sinks.pipe import NullSink, PipeSink
from edge.sinks.push import PROTOCOLS, PushSink
from edge.sinks.virtual import VirtualCameraSink
from edge.sinks.web import WebRtcSink, WebSink
from edge.sinks.window import WindowSink
from keras_vst.video import VideoInfo

__all__ = ["SCHEMES", "TABLE", "FrameSink", "SinkOptions", "open_sink"]

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

SCHEMES: dict[str, Callable[[Address, VideoInfo, SinkOptions], FrameSink]] = {
    PATH: FileSink,
    "window": WindowSink,
    "web": WebSink,
    "webrtc": WebRtcSink,
    "hls": HlsSink,
    **dict.fromkeys(PROTOCOLS, PushSink),
    "virtualcam": VirtualCameraSink,
    "-": PipeSink,
    "null": NullSink,
}


def open_sink(uri: str, info: VideoInfo, **options: Any) -> FrameSink:
    """Open a sink by its name for frames that `info` describes; `options` are the fields of `SinkOptions`."""
    address = parse_address(uri, SCHEMES, "sink")
    return SCHEMES[address.scheme](address, info, SinkOptions(**options))
