"""A Keras model as a network that paints: what every file made from it is held against."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_vst.frames import Pixels, to_float, to_uint8
from keras_vst.networks.base import (
    OUTPUT,
    Runtime,
    Size,
    Tensor,
    all_maps,
    check_frame_size,
    count_threads,
)


class KerasNetwork:
    """A functional model with the named inputs of a student or a teacher, open sizes, and `stylized`."""

    size: Size | None = None
    margin: int | None = None

    def __init__(self, model: keras.Model, path: Path = Path("model.keras")) -> None:
        """`path` is where the model came from, for messages."""
        self.path, self.threads = path, count_threads(None)
        self.runtime = Runtime("keras", keras.__version__, type(model))
        self.map_channels = {
            name: int(tensor.shape[-1]) for name, tensor in model.input.items() if name != "frame"
        }
        self._model = model

    def paint(self, frame: Pixels) -> Pixels:
        """One frame, painted."""
        return to_uint8(self.paint_film(frame, {})[0])

    def paint_film(self, frame: Pixels, maps: Mapping[str, Tensor]) -> Tensor:
        """The same beside `maps` of the frame's size, in floats."""
        size = (frame.shape[0], frame.shape[1])
        check_frame_size(size, None, self.path)
        inputs: dict[str, Any] = {"frame": to_float(frame)[np.newaxis]}
        inputs |= all_maps(self.map_channels, maps, size)
        # One compiled function for each size; a call of the model alone runs it operation by operation.
        return np.asarray(self._model.predict_on_batch(inputs)[OUTPUT], np.float32)
