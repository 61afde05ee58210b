"""Styled frames, (H, W, 3) uint8 RGB with their times, into an animated GIF with a palette for each frame."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from typing import cast

import av
import numpy as np
from av.error import FFmpegError
from av.filter import Graph

from keras_vst.errors import UserError
from keras_vst.video.info import Sink, TimedFrame
from keras_vst.video.target import Target, disk_errors

TICK = Fraction(1, 100)  # the format counts in hundredths of a second


class GifSink(Sink):
    """An animated GIF; silent, endless, its times rounded to 1/100 s."""

    def __init__(self, target: Target) -> None:
        """Open the hidden file; size and palette come with the first frame."""
        self._target = target
        try:
            self._output = av.open(str(target.part), "w", format="gif")
            self._stream = self._output.add_stream("gif", rate=100)
        except BaseException:
            target.discard()
            raise
        self._stream.pix_fmt = "pal8"
        self._palettes: Graph | None = None
        self._last_ticks = -1

    def write(self, frame: TimedFrame) -> None:
        """Add one frame."""
        height, width = frame.pixels.shape[:2]
        if self._palettes is None:
            self._stream.width, self._stream.height = width, height
            self._stream.codec_context.time_base = TICK
            self._palettes = _palette_graph(width, height)
        if (width, height) != (self._stream.width, self._stream.height):
            raise ValueError(
                f"every frame of a GIF must be {self._stream.width}x{self._stream.height} like the first. "
                f"Received: {width}x{height}. Resize it before writing."
            )
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame.pixels), format="rgb24")
        self._last_ticks = max(round(frame.time / TICK), self._last_ticks + 1)
        picture.pts, picture.time_base = self._last_ticks, TICK
        self._palettes.push(picture)
        self._encode_ready()

    def commit(self) -> None:
        """Finish the animation and move it into place."""
        if self._palettes is None:
            raise UserError(f"no frame came for {self._target.path}; check the input.")
        self._palettes.push(None)
        self._encode_ready()
        with disk_errors(self._target.path):
            self._output.mux(self._stream.encode(None))
            self._output.close()
        self._target.commit()

    def discard(self) -> None:
        """Let go of everything and delete what was written."""
        with suppress(FFmpegError, OSError, ValueError):
            self._output.close()
        self._target.discard()

    def _encode_ready(self) -> None:
        assert self._palettes is not None
        with disk_errors(self._target.path):
            while True:
                try:
                    picture = cast(av.VideoFrame, self._palettes.pull())
                except (BlockingIOError, EOFError):
                    return
                self._output.mux(self._stream.encode(picture))


def _palette_graph(width: int, height: int) -> Graph:
    """A palette of its own for every frame, so that nothing has to be seen in advance or kept."""
    graph = Graph()
    source = graph.add_buffer(width=width, height=height, format=av.VideoFormat("rgb24"), time_base=TICK)
    split = graph.add("split")
    palette = graph.add("palettegen", "stats_mode=single")
    apply = graph.add("paletteuse", "new=1:dither=bayer:bayer_scale=4")
    sink = graph.add("buffersink")
    source.link_to(split)
    split.link_to(apply, 0, 0)
    split.link_to(palette, 1, 0)
    palette.link_to(apply, 0, 1)
    apply.link_to(sink)
    graph.configure()
    return graph
