"""Where frames come from: (H, W, 3) uint8 RGB with times in seconds, from anything that one name can stand for.

    clip.mp4, folder/                  a file, in its own time
    loop:clip.mp4                      the same over and over, at its own speed, as a camera would
    0, camera:0?size=1280x720&fps=30   a camera
    rtsp:// rtmp:// http:// udp:// ... a stream; `?listen` waits for somebody who sends one (rtmp, rtsp)
    test:, test:smptebars?size=640x360 a test pattern
    screen:, screen:1?region=0,0,640,360  what the screen shows
    -, -?size=640x360&fps=30           standard input: what FFmpeg recognises (y4m, mkv), or raw pictures

A new one is a class with `info`, `live`, `skipped`, `__iter__` and `close`, and a line in `SCHEMES`.
"""

from __future__ import annotations

from collections.abc import Callable

from edge.address import PATH, Address, parse_address
from edge.sources.base import FrameSource, SourceLost
from edge.sources.camera import CameraSource
from edge.sources.files import FileSource, LoopSource
from edge.sources.network import NetworkSource
from edge.sources.pattern import PatternSource
from edge.sources.pipe import PipeSource
from edge.sources.screen import ScreenSource

__all__ = ["SCHEMES", "FrameSource", "SourceLost", "open_source"]

SCHEMES: dict[str, Callable[[Address], FrameSource]] = {
    PATH: FileSource,
    "loop": LoopSource,
    "camera": CameraSource,
    "test": PatternSource,
    "screen": ScreenSource,
    "-": PipeSource,
    **dict.fromkeys(("rtsp", "rtsps", "rtmp", "rtmps", "http", "https", "udp", "tcp", "srt"), NetworkSource),
}


def open_source(uri: str) -> FrameSource:
    """Open a source by its name; a UserError says what is wrong with the name or with what it stands for."""
    address = parse_address(uri, SCHEMES, "source")
    return SCHEMES[address.scheme](address)
