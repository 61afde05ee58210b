"""Where frames go: (H, W, 3) uint8 RGB with times in seconds, into anything that one name can stand for.

A new one is a class derived from `keras_vst.video.Sink`, a line in `SCHEMES` and one in `TABLE`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from edge.address import PATH, Address, SinkOptions, parse_address
from edge.sinks.displays import VirtualCameraSink, WebRtcSink, WebSink, WindowSink
from edge.sinks.stdout import NullSink, StdoutSink
from edge.sinks.streams import PROTOCOLS, HlsSink, PushSink
from keras_vst import video
from keras_vst.video import Sink, VideoInfo

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
