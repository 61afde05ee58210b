"""A network ready to paint, and the one loop in which it does: frames in, pairs of before and after out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.stylizer import Stylizer
from edge.timeline import DECODE, Timeline
from keras_vst.video import Source, TimedFrame
from keras_vst.zoo import Network


@dataclass(frozen=True)
class Painter:
    """A network that is open, and the style vector to give it."""

    network: Network
    stylizer: Stylizer
    weights: npt.NDArray[np.float32]

    @property
    def timeline(self) -> Timeline:
        """Where the time of the stages is kept."""
        return self.stylizer.timeline

    def paint(self, source: Source) -> Iterator[tuple[TimedFrame, TimedFrame]]:
        """Every frame of one clip as it was and repainted; starts without memory."""
        self.stylizer.reset()
        frames = iter(source)
        while True:
            with self.timeline.stage(DECODE):
                frame = next(frames, None)
            if frame is None:
                return
            yield frame, TimedFrame(self.stylizer.stylize(frame.pixels, self.weights), frame.time)
