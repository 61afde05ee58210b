"""A network ready to paint, and what one frame goes through: its look, the network, colours, detail, split screen."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from edge.colour import half_and_half, recolour
from edge.controls import Controls, Look
from edge.latency import LatencyController
from edge.stylizer import Stylizer
from edge.timeline import CAPTURE, FINISH, Timeline
from keras_vst.frames import Pixels
from keras_vst.video import TimedFrame
from keras_vst.zoo import Network


@dataclass(frozen=True, eq=False)
class Painted:
    """One frame as it was and as it is now."""

    before: TimedFrame
    after: TimedFrame
    look: Look


@dataclass
class Painter:
    """A network that is open, and what is wished of it; paints one stream of frames at a time.

    `governor` is told of every frame's time and chooses the processing size; the time is that of the painting,
    unless `latency` holds another to go by.
    """

    network: Network
    stylizer: Stylizer
    controls: Controls
    governor: LatencyController | None = None
    latency: float | None = None
    _frozen: Pixels | None = field(default=None, repr=False)

    @property
    def timeline(self) -> Timeline:
        """Where the time of the stages is kept."""
        return self.stylizer.timeline

    def repaint(self, frame: TimedFrame) -> Painted:
        """The next frame of the stream."""
        look = self.controls.look(float(frame.time))
        pixels = self._frozen
        if not look.freeze or pixels is None or pixels.shape != frame.pixels.shape:
            pixels = self._stylized(frame.pixels, look)
        self._frozen = pixels if look.freeze else None
        if look.split:
            pixels = half_and_half(frame.pixels, pixels)
        return Painted(frame, TimedFrame(pixels, frame.time), look)

    def paint(self, source: Iterable[TimedFrame]) -> Iterator[Painted]:
        """Every frame of one clip, in this thread; starts without memory."""
        self.stylizer.reset()
        frames = iter(source)
        while True:
            with self.timeline.stage(CAPTURE):
                frame = next(frames, None)
            if frame is None:
                return
            yield self.repaint(frame)

    def _stylized(self, frame: Pixels, look: Look) -> Pixels:
        start = time.perf_counter()
        weights = np.asarray(look.shares, np.float32) * np.float32(look.strength)
        pixels = self.stylizer.stylize(frame, weights)
        if look.keep_color or look.detail > 0:
            with self.timeline.stage(FINISH):
                size = self.stylizer.size_for(frame.shape[:2]) or frame.shape[:2]
                pixels = recolour(
                    frame, pixels, keep_color=look.keep_color, detail=look.detail, size=(size[0], size[1])
                )
        if self.governor is not None:
            seconds = time.perf_counter() - start if self.latency is None else self.latency
            self.stylizer.resize(self.governor.observe(seconds))
        return pixels
