"""Film quality: each frame is painted over the last painting, moved along with what the frames show.

Frames are (H, W, 3) uint8 RGB.  Optical flow between two frames takes the painting into the new one, a forward-backward
check says where that can be trusted, and the network paints what is new or hidden.  Slower than the live networks,
and steadier: strokes stick to things.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.painter import Painter, inside
from edge.threads import FLOW, NETWORK
from keras_vst.flow import estimate, visibility
from keras_vst.frames import Fitting, Pixels, to_uint8
from keras_vst.networks import Network
from keras_vst.networks.base import Tensor
from keras_vst.networks.film_maps import moved, noise_map

# Of two frames, the share of the new one that was seen in the old one, below which a cut lies between them.  Measured:
# 0.07 at our scene's cut, 0.04 to 0.29 between unlike pictures; 0.96 from frame to frame, 0.81 over 32 frames.
LEAST_VISIBLE = 0.35


@dataclass(frozen=True, eq=False)
class Past:
    """The last frame as the network saw it, without its border, and what became of it (1, H, W, 3), border and all."""

    content: Pixels
    painting: Tensor


class FilmPainter(Painter):
    """A network of film quality at work on one stream of frames.

    `noise` is the seed of a map that varies the strokes, one for the whole stream.
    """

    # The default teacher was measured to take 2.4 kB for each pixel, 5 GB at 1920x1080.
    largest = usual = 1280 * 720

    def __init__(self, network: Network, *, noise: int | None = None, **settings: Any) -> None:
        """As a Painter."""
        super().__init__(network, **settings)
        self._noise = noise
        self._past: Past | None = None

    def reset(self) -> None:
        """Forget what was seen: the next frame starts a clip."""
        self._past = None

    def _paint(self, fitted: Pixels, fitting: Fitting) -> Pixels:
        past = self._past if self._fitting == fitting else None
        content = np.ascontiguousarray(inside(fitted, fitting))
        maps: dict[str, Tensor] = {}
        if past is not None:
            with self.timeline.stage(FLOW):
                backward = estimate(past.content, content)
                visible = visibility(backward, estimate(content, past.content))
                if visible.mean() > LEAST_VISIBLE:
                    maps = moved(past.painting, backward, visible, fitting)
        if self._noise is not None:
            maps["noise"] = noise_map(fitting.fitted, self.network.map_channels["noise"], self._noise)
        with self.timeline.stage(NETWORK):
            painting = self.network.paint_film(fitted, maps)
        self._past = Past(content, painting)
        return to_uint8(painting[0])
