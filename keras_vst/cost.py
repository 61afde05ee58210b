"""What a network costs to run: multiply-accumulates at a size."""

from __future__ import annotations

import math
from collections.abc import Mapping

import keras


def count_macs(model: keras.Model, shapes: Mapping[str, tuple[int, ...]]) -> int:
    """Multiply-accumulates of the convolutions, for inputs of these shapes (batch first).

    Everything else that our networks do is elementwise, below a hundredth of it.
    """
    inputs = {name: keras.Input(shape[1:], batch_size=shape[0], name=name) for name, shape in shapes.items()}
    fixed = keras.models.clone_model(model, input_tensors=inputs)
    return sum(_conv_macs(layer) for layer in fixed.layers if isinstance(layer, keras.layers.Conv2D))


def _conv_macs(layer: keras.layers.Conv2D) -> int:
    return math.prod(layer.output.shape[:3]) * math.prod(layer.kernel.shape)
