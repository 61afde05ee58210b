"""A clip as a network paints it; each frame alone, or with its own last painting moved along by the flow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from export.footage import Footage
from keras_vst.networks.film_maps import moved

Clip = npt.NDArray[Any]


class Painter(Protocol):
    """What every network of keras_vst.networks can do."""

    @property
    def map_channels(self) -> Mapping[str, int]:
        """What it is given beside a frame; {} for live networks."""
        ...

    def paint_film(self, frame: npt.NDArray[np.uint8], maps: Mapping[str, Any]) -> npt.NDArray[np.float32]:
        """(H, W, 3) and maps -> (1, H, W, 3) in [0, 1]."""
        ...


def play(painter: Painter, footage: Footage) -> Clip:
    """(T, H, W, 3) float32, margin and all."""
    stylized: list[Any] = []
    for time, frame in enumerate(footage.frames):
        known = painter.map_channels and stylized
        maps = moved(stylized[-1][None], *footage.flow(time), footage.fitting) if known else {}
        stylized.append(painter.paint_film(frame, maps)[0])
    return np.stack(stylized)


def psnr(ours: Clip, theirs: Clip) -> float:
    """Peak signal to noise in dB for values in [0, 1]; infinite when equal, nan when either holds a nan."""
    error = float(np.mean(np.square(ours.astype(np.float64) - theirs)))
    return float("inf") if error == 0 else -10.0 * float(np.log10(error))
