"""A short film that the project renders itself: rich, moving, free of any licence, and with its true flow.

Two shots of 90 frames, 30 a second: a harbour by day, then (from frame CUT) a hillside at dusk.  Frames are
uint8 RGB (H, W, 3); flow is backward, (H, W, 2) as (dx, dy) in pixels: what is at pixel p of frame t was at
p + flow[p] in frame t-1.  `python -m keras_vst.scene --help` writes it as a clip.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

from keras_vst.scene.harbour import harbour
from keras_vst.scene.hillside import hillside
from keras_vst.scene.layers import MIDDLE, Composite, Shot, flow_between

FPS = 30
NUM_FRAMES = 180
CUT = 90  # the first frame of the second shot
_OVERSAMPLING = 2.0  # texels per pixel: see canvas.texture


class Scene:
    """The film at one size.  The same seed gives the same film."""

    def __init__(self, width: int = 640, height: int = 360, seed: int = 0) -> None:
        """Nothing is drawn before the first frame is asked for."""
        if width < 1 or height < 1:
            raise ValueError(
                f"A frame has at least 1 x 1 pixels. Received: {width}x{height}. Use e.g. 640x360."
            )
        self.width, self.height, self.seed = width, height, seed

    def frame(self, index: int) -> npt.NDArray[np.uint8]:
        """The picture (H, W, 3) uint8 of frame `index`, 0 <= index < NUM_FRAMES."""
        return self._composite(index).frame

    def flow(self, index: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Backward flow (H, W, 2) to frame index - 1, and visible (H, W, 1), both float32.

        Visible is 1 where frame index - 1 shows the same point and one layer makes up the pixel in both.
        Nothing is visible, and flow is 0, at frame 0 and at the cut.
        """
        current = self._composite(index)
        if index in (0, CUT):
            size = self.height, self.width
            return np.zeros((*size, 2), np.float32), np.zeros((*size, 1), np.float32)
        return flow_between(self._composite(index - 1), current)

    def _composite(self, index: int) -> Composite:
        if not 0 <= index < NUM_FRAMES:
            raise IndexError(f"The film has frames 0 to {NUM_FRAMES - 1}. Received: {index}.")
        shot, start = (self._harbour, 0) if index < CUT else (self._hillside, CUT)
        return shot.composite((index - start) / FPS, self.width, self.height)

    @property
    def _scale(self) -> float:
        return _OVERSAMPLING * max(self.width / (2 * MIDDLE[0]), self.height / (2 * MIDDLE[1]))

    @cached_property
    def _harbour(self) -> Shot:
        return harbour(self._scale, np.random.default_rng([self.seed, 1]), CUT / FPS)

    @cached_property
    def _hillside(self) -> Shot:
        return hillside(self._scale, np.random.default_rng([self.seed, 2]), (NUM_FRAMES - CUT) / FPS)
