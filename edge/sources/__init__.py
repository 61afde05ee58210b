"""Where frames come from: (H, W, 3) uint8 RGB with times in seconds, from anything that one name can stand for.

A new one is a class derived from `keras_vst.video.Source`, a line in `SCHEMES` and one in `TABLE`.
"""

from __future__ import annotations

from collections.abc import Callable

from edge.address import PATH, Address, parse_address
from edge.sources.base import SourceLost, pace
from edge.sources.capture import CameraSource, ScreenSource
from edge.sources.local import LoopSource, PatternSource, StdinSource
from edge.sources.receiver import StreamSource
from keras_vst import video
from keras_vst.video import Source

__all__ = ["SCHEMES", "TABLE", "SourceLost", "open_source", "pace"]

TABLE = """\
  camera:0, 0, camera:1?size=1280x720&fps=30   a camera
  clip.mp4, photo.jpg, folder/                 a file at its own speed
  loop:clip.mp4                                the same over and over, a camera for want of one
  rtsp:// rtmp:// http:// udp:// tcp:// srt:// a stream, connected again when it breaks; rtsps:// rtmps:// https://
  rtmp://0.0.0.0:1935/live/x?listen            wait for somebody who sends (rtmp, rtsp)
  screen:, screen:2?region=0,0,640,360&fps=15  what the screen shows, or left,top,width,height of it
  test:, test:smptebars?size=640x360&fps=30    a test pattern
  -, -?size=640x360&fps=30&format=rgb24        standard input: y4m, mkv, MPEG-TS; or raw pictures"""

SCHEMES: dict[str, Callable[[Address], Source]] = {
    PATH: lambda address: video.open_source(address.rest),
    "loop": LoopSource,
    "camera": CameraSource,
    "test": PatternSource,
    "screen": ScreenSource,
    "-": StdinSource,
    **dict.fromkeys(("rtsp", "rtsps", "rtmp", "rtmps", "http", "https", "udp", "tcp", "srt"), StreamSource),
}


def open_source(uri: str) -> Source:
    """Open a source by its name; a UserError says what is wrong with the name or with what it stands for."""
    address = parse_address(uri, SCHEMES, "source")
    return SCHEMES[address.scheme](address)
