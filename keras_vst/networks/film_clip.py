"""A film, painted frame by frame: each over the last painting, moved along with what the frames show.

A frame is (H, W, 3) uint8 RGB and holds the content (h, w) inside a border (keras_vst.frames.fit); a painting is
(1, H, W, 3) float32 in [0, 1].  Flow is backward, float32 (h, w, 2) as (dx, dy); visible (h, w, 1) in {0, 1} says where
it can be trusted.  What is new or hidden the network paints afresh.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from keras_vst.flow import Flow, between, warp
from keras_vst.frames import Fitting, Pixels, to_uint8
from keras_vst.networks.base import NOISE, Network, Tensor

# Of two frames, the share of the new one that was seen in the old one, below which a cut lies between them.  Measured:
# 0.07 at our scene's cut, 0.04 to 0.29 between unlike pictures; 0.96 from frame to frame, 0.81 over 32 frames.
LEAST_VISIBLE = 0.35
GRAIN = 8  # pixels along a side of a block of noise, as in training: it varies strokes, not pixels

Motion = tuple[Flow, Tensor]  # flow and visible


class Film:
    """One clip on its way through a network, which may also be a live one: that is given nothing beside the frame.

    `motion(t)` leads from frame t back to frame t - 1; without it the motion is estimated from what the frames show.
    `noise` is the seed of a map that varies the strokes, the same one for all frames.
    """

    def __init__(
        self,
        network: Network,
        fitting: Fitting,
        motion: Callable[[int], Motion] | None = None,
        noise: int | None = None,
    ) -> None:
        """`fitting` is that of every frame."""
        self.network, self.fitting = network, fitting
        self._motion, self._count = motion, 0
        self._content: Pixels | None = None  # of the last frame, where motion is estimated
        self._painting: Tensor | None = None
        self._always: dict[str, Tensor] = {}
        if noise is not None:
            self._always[NOISE] = _noise(fitting.fitted, network.map_channels[NOISE], noise)

    def paint(self, frame: Pixels) -> Pixels:
        """The next frame, painted."""
        return to_uint8(self.paint_over(frame, self.look(frame))[0])

    def look(self, frame: Pixels) -> dict[str, Tensor]:
        """What the network is given beside the next frame: its last painting moved into it, and where to trust it."""
        motion = self._from_last(frame) if self.network.map_channels else None
        if self._painting is None or motion is None or motion[1].mean() <= LEAST_VISIBLE:
            return self._always
        return {**_moved(self._painting, *motion, self.fitting), **self._always}

    def paint_over(self, frame: Pixels, maps: dict[str, Tensor]) -> Tensor:
        """The painting of the next frame beside its maps."""
        self._painting, self._count = self.network.paint_film(frame, maps), self._count + 1
        return self._painting

    def _from_last(self, frame: Pixels) -> Motion | None:
        """How the frame leads back to the one before; None for the first."""
        if self._motion:
            return self._motion(self._count) if self._count else None
        (top, left), (height, width) = self.fitting.corner, self.fitting.content
        before, now = self._content, np.ascontiguousarray(frame[top : top + height, left : left + width])
        self._content = now
        return None if before is None else between(before, now)


def _moved(painting: Tensor, flow: Flow, visible: Tensor, fitting: Fitting) -> dict[str, Tensor]:
    """`warped` and `visible` (1, H, W, C) for the next frame, whose content the flow leads back from.

    The border is never visible: a network that saw its own border again and again would drift there.
    """
    whole_flow = _pad(flow, fitting, cv2.BORDER_REPLICATE)
    seen = _pad(visible, fitting, cv2.BORDER_CONSTANT)
    return {"warped": warp(painting[0], whole_flow)[np.newaxis], "visible": seen[np.newaxis]}


def _pad(values: Tensor, fitting: Fitting, border: int) -> Tensor:
    (top, left), (height, width) = fitting.corner, fitting.content
    bottom, right = fitting.fitted[0] - height - top, fitting.fitted[1] - width - left
    padded = np.asarray(cv2.copyMakeBorder(values, top, bottom, left, right, border), np.float32)
    return padded.reshape(*fitting.fitted, values.shape[2])  # cv2 drops a last axis of 1


def _noise(size: tuple[int, int], channels: int, seed: int) -> Tensor:
    """(1, H, W, C) for frames of (height, width): normal, constant over blocks."""
    coarse = np.random.default_rng(seed).standard_normal(
        (1, -(-size[0] // GRAIN), -(-size[1] // GRAIN), channels), np.float32
    )
    fine = coarse.repeat(GRAIN, axis=1).repeat(GRAIN, axis=2)
    return np.ascontiguousarray(fine[:, : size[0], : size[1]])
