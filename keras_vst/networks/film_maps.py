"""What a network of film quality is given beside a frame: its last painting moved along, and where to trust it.

A fitted picture (H, W) holds the content (h, w) inside a border (keras_vst.frames.fit).  Flow is backward, float32
(h, w, 2) as (dx, dy); visible (h, w, 1) in {0, 1}; a painting is (1, H, W, 3) float32 in [0, 1].
"""

from __future__ import annotations

import cv2
import numpy as np

from keras_vst.flow import Flow, warp
from keras_vst.frames import Fitting
from keras_vst.networks.base import Tensor

GRAIN = 8  # pixels along a side of a block of noise, as in training: it varies strokes, not pixels


def moved(painting: Tensor, flow: Flow, visible: Tensor, fitting: Fitting) -> dict[str, Tensor]:
    """`warped` and `visible` (1, H, W, C) for the next frame, whose content the flow leads back from.

    The border is never visible: a network that saw its own border again and again would drift there.
    """
    whole_flow = _pad(flow, fitting, cv2.BORDER_REPLICATE)
    seen = _pad(visible, fitting, cv2.BORDER_CONSTANT)
    return {"warped": warp(painting[0], whole_flow)[np.newaxis], "visible": seen[np.newaxis]}


def noise_map(size: tuple[int, int], channels: int, seed: int) -> Tensor:
    """(1, H, W, C) for frames of (height, width): normal, constant over blocks; the same for every frame of a clip."""
    coarse = np.random.default_rng(seed).standard_normal(
        (1, -(-size[0] // GRAIN), -(-size[1] // GRAIN), channels), np.float32
    )
    fine = coarse.repeat(GRAIN, axis=1).repeat(GRAIN, axis=2)
    return np.ascontiguousarray(fine[:, : size[0], : size[1]])


def _pad(values: Tensor, fitting: Fitting, border: int) -> Tensor:
    (top, left), (height, width) = fitting.corner, fitting.content
    bottom, right = fitting.fitted[0] - height - top, fitting.fitted[1] - width - left
    padded = cv2.copyMakeBorder(values, top, bottom, left, right, border)
    return np.asarray(padded, np.float32).reshape(
        *fitting.fitted, values.shape[2]
    )  # cv2 drops a last axis of 1
