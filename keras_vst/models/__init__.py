"""The networks: `student` (live), `teacher` (film), `discriminator` (adversarial); which one a run trains; its cost."""

from __future__ import annotations

import math
from collections.abc import Mapping

import keras

from keras_vst.config import RunConfig
from keras_vst.errors import UserError
from keras_vst.models.student import build_student
from keras_vst.models.teacher import build_teacher

LIVE = {"student": build_student}  # what `student.family` may be


def build_network(config: RunConfig, batch_size: int | None = None) -> keras.Model:
    """The network that a run of this configuration trains and exports; `batch_size=1` is for export."""
    if config.kind == "film":
        return build_teacher(config.teacher, batch_size)
    family = config.student.family
    if family not in LIVE:
        raise UserError(f"`student.family` is one of {', '.join(LIVE)}. Received: {family!r}.")
    return LIVE[family](config.student, batch_size)


def count_macs(model: keras.Model, shapes: Mapping[str, tuple[int, ...]]) -> int:
    """Multiply-accumulates of the convolutions, for inputs of these shapes (batch first).

    Everything else that our networks do is elementwise, below a hundredth of it.
    """
    inputs = {name: keras.Input(shape[1:], batch_size=shape[0], name=name) for name, shape in shapes.items()}
    fixed = keras.models.clone_model(model, input_tensors=inputs)
    convolutions = [layer for layer in fixed.layers if isinstance(layer, keras.layers.Conv2D)]
    return sum(math.prod(each.output.shape[:3]) * math.prod(each.kernel.shape) for each in convolutions)
