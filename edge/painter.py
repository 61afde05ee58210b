"""What one frame goes through: its look, the network, colours, detail, split screen."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from edge.colour import half_and_half, recolour
from edge.controls import Controls, Look
from edge.latency import LatencyController
from edge.mixer import Mixer
from edge.stylizer import Stylizer, Unfinished
from edge.timeline import FINISH, Timeline
from keras_vst.frames import Pixels
from keras_vst.video import TimedFrame


@dataclass(frozen=True, eq=False)
class Painted:
    """One frame as it was and as it is now."""

    before: TimedFrame
    after: TimedFrame
    look: Look


@dataclass(frozen=True, eq=False)
class Started:
    """One frame that has been through the network."""

    frame: TimedFrame
    look: Look
    begun: Unfinished  # of an earlier frame while the picture is frozen


@dataclass
class Painter:
    """A network that is open, and what is wished of it; paints one stream of frames at a time.

    `mixer`, where the style can change, has the network for it.  `governor` is told of every frame's time and chooses
    the processing size; the time is that of the painting, unless `latency` holds another to go by.
    """

    name: str  # of what paints, as it was chosen
    stylizer: Stylizer
    controls: Controls
    mixer: Mixer | None = None
    governor: LatencyController | None = None
    latency: float | None = None
    _frozen: Unfinished | None = field(default=None, repr=False)

    @property
    def timeline(self) -> Timeline:
        """Where the time of the stages is kept."""
        return self.stylizer.timeline

    def repaint(self, frame: TimedFrame) -> Painted:
        """The next frame of the stream."""
        return self.finish(self.start(frame))

    def start(self, frame: TimedFrame) -> Started:
        """The network's part of it: frame by frame, in order."""
        look = self.controls.look(float(frame.time))
        begun = self._frozen
        if not look.freeze or begun is None or begun.frame.shape != frame.pixels.shape:
            begun = self._through_network(frame.pixels, look)
        self._frozen = begun if look.freeze else None
        return Started(frame, look, begun)

    def finish(self, started: Started) -> Painted:
        """The rest of it, which another thread may do while the network is at the next frame."""
        frame, look, begun = started.frame, started.look, started.begun
        pixels = self.stylizer.finish(begun)
        if look.keep_color or look.detail > 0:
            with self.timeline.stage(FINISH):
                pixels = recolour(
                    begun.frame,
                    pixels,
                    keep_color=look.keep_color,
                    detail=look.detail,
                    size=begun.fitting.content,
                )
        if look.split:
            pixels = half_and_half(frame.pixels, pixels)
        return Painted(frame, TimedFrame(pixels, frame.time), look)

    def _through_network(self, frame: Pixels, look: Look) -> Unfinished:
        start = time.perf_counter()
        if self.mixer is not None:
            self.stylizer.network = self.mixer.network(look.shares, self.stylizer.fitted)
        begun = self.stylizer.start(frame, look.strength)
        if self.governor is not None:
            seconds = time.perf_counter() - start if self.latency is None else self.latency
            self.stylizer.resize(self.governor.observe(seconds))
        return begun
