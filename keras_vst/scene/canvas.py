"""Drawing in scene units on a transparent sheet, which becomes the texture of one layer.

A sheet covers a box of the scene (left, top, width, height) at `scale` texels per unit, pixel centres at
half a texel.  Paint is a colour '#rrggbb' or an array of colours for the whole sheet, as in textures.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from keras_vst.scene.textures import Array, rgb

Paint = str | Array
Points = Sequence[tuple[float, float] | npt.NDArray[Any]] | npt.NDArray[Any]

# Masks are drawn this much finer and averaged: cv2.fillPoly fills every pixel that the rim touches, and so
# would its LINE_AA, which makes thin things fat at low resolutions.
_FINE = 4
_FRACTION = 4  # cv2.fillPoly takes corners in 1/16 of a pixel
# Enough to keep the texture under half its own sampling rate, so that linear sampling at twice the frame's
# resolution gives every sub-pixel phase the same sharpness.
_BAND_LIMIT = 0.9


class Canvas:
    """A sheet to draw on; later strokes cover earlier ones."""

    def __init__(self, box: tuple[float, float, float, float], scale: float) -> None:
        """An empty sheet."""
        self.left, self.top, width, height = box
        self.scale = scale
        shape = max(round(height * scale), 1), max(round(width * scale), 1)
        self.colour = np.zeros((*shape, 3), np.float32)  # premultiplied by alpha
        self.alpha = np.zeros(shape, np.float32)
        columns = (np.arange(shape[1], dtype=np.float32) + 0.5) / scale + self.left
        rows = (np.arange(shape[0], dtype=np.float32) + 0.5) / scale + self.top
        self.x, self.y = np.meshgrid(columns.astype(np.float32), rows.astype(np.float32))

    def cover(self, paint: Paint, amount: Array | float = 1.0) -> None:
        """Paint the whole sheet, as thickly as `amount` in [0, 1] says."""
        everywhere = np.broadcast_to(np.float32(amount), self.alpha.shape)
        self._paint((slice(None), slice(None)), everywhere, paint)

    def polygon(
        self, points: Points, paint: Paint, opacity: float = 1.0, soft: float = 0.0, inside: bool = False
    ) -> None:
        """Fill a polygon; `soft` blurs its rim by so many units, `inside` keeps to what is painted."""
        texels = (np.asarray(points, np.float64) - (self.left, self.top)) * self.scale - 0.5
        margin = int(3 * soft * self.scale) + 2
        low = np.maximum(np.floor(texels.min(0)).astype(int) - margin, 0)
        high = np.minimum(np.ceil(texels.max(0)).astype(int) + margin + 1, self.alpha.shape[::-1])
        if (high <= low).any():
            return
        fine = np.zeros((high - low)[::-1] * _FINE, np.uint8)
        corners = ((texels - low + 0.5) * _FINE - 0.5) * (1 << _FRACTION)
        cv2.fillPoly(fine, [np.round(corners).astype(np.int32)], 255, cv2.LINE_8, _FRACTION)
        mask = cv2.resize(fine, tuple(int(side) for side in high - low), interpolation=cv2.INTER_AREA)
        amount = mask.astype(np.float32) * np.float32(opacity / 255)
        if soft:
            amount = cv2.GaussianBlur(amount, (0, 0), soft * self.scale)
        window = slice(low[1], high[1]), slice(low[0], high[0])
        self._paint(window, amount * self.alpha[window] if inside else amount, paint)

    def box(
        self, left: float, top: float, width: float, height: float, paint: Paint, opacity: float = 1
    ) -> None:
        """Fill an upright rectangle."""
        right, bottom = left + width, top + height
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], paint, opacity)

    def ellipse(
        self, middle: tuple[float, float], radii: tuple[float, float], paint: Paint, opacity: float = 1,
        soft: float = 0, inside: bool = False,
    ) -> None:  # fmt: skip
        """Fill an upright ellipse."""
        turn = np.linspace(0, 2 * np.pi, 28, endpoint=False)
        rim = np.stack([np.cos(turn), np.sin(turn)], -1) * radii + middle
        self.polygon(rim, paint, opacity, soft, inside)

    def stroke(
        self, points: Points, width: float, paint: Paint, taper: float = 1.0, opacity: float = 1
    ) -> None:
        """A brush stroke along the points; `taper` is its final width as a part of the first."""
        path = np.asarray(points, np.float64)
        steps = np.diff(path, axis=0)
        along = np.concatenate([steps[:1], steps[:-1] + steps[1:], steps[-1:]])
        length = np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-6)[:, None]
        half = np.linspace(width, width * taper, len(path))[:, None] / 2
        normal = along[:, ::-1] * (-1, 1) / length * half
        self.polygon(np.concatenate([path + normal, (path - normal)[::-1]]), paint, opacity)

    def texture(self) -> npt.NDArray[np.uint8]:
        """What was drawn: (rows, columns, 4) uint8, RGB premultiplied by alpha, alpha last."""
        sheet = np.dstack([self.colour, self.alpha * 255])
        sheet = cv2.GaussianBlur(sheet, (0, 0), _BAND_LIMIT, borderType=cv2.BORDER_REPLICATE)
        return np.round(np.clip(sheet, 0, 255)).astype(np.uint8)

    def _paint(self, window: tuple[slice, slice], amount: Array, paint: Paint) -> None:
        colour = rgb(paint) if isinstance(paint, str) else paint[window]
        keep = 1 - amount
        self.colour[window] = self.colour[window] * keep[..., None] + colour * amount[..., None]
        self.alpha[window] = self.alpha[window] * keep + amount
