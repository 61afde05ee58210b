"""A network's state on its way from one processing size to another: (1, h, w, C) float32, a quarter of the size."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from keras_vst.frames import Fitting
from keras_vst.runners.signature import STATE_STRIDE

Tensor = npt.NDArray[np.float32]


def carry(state: Tensor, old: Fitting, new: Fitting) -> Tensor:
    """The state that a network at the fitting `new` goes on with, resampled so that the picture stays in place."""
    rows = _axis(old, new, 0)
    columns = _axis(old, new, 1)
    way = np.array([[columns[0], 0, columns[1]], [0, rows[0], rows[1]]])
    height, width = (side // STATE_STRIDE for side in new.fitted)
    planes = [
        cv2.warpAffine(
            np.ascontiguousarray(state[0, ..., channel]),
            way,
            (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        for channel in range(state.shape[-1])
    ]
    return np.stack(planes, axis=-1).astype(np.float32, copy=False)[np.newaxis]


def _axis(old: Fitting, new: Fitting, axis: int) -> tuple[float, float]:
    """Scale and offset from a place in the new state to that in the old one, along one axis."""
    scale = old.content[axis] / new.content[axis]
    centre = STATE_STRIDE / 2  # of a state's pixel, in those of the frame
    offset = (old.corner[axis] + (centre - new.corner[axis]) * scale - centre) / STATE_STRIDE
    return scale, offset
