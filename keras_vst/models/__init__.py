"""The networks, live, of film quality and adversarial: which one a run trains, what it costs, and how it is folded."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import layers

from keras_vst.config import RunConfig
from keras_vst.errors import UserError
from keras_vst.models.student import build_student

LIVE = {"student": build_student}  # what `student.family` may be


def build_network(config: RunConfig, batch_size: int | None = None) -> keras.Model:
    """The network that a run of this configuration trains and exports; `batch_size=1` is for export."""
    if config.kind == "film":
        from keras_vst.models.teacher import build_teacher  # of film quality only

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
    convolutions = [layer for layer in fixed.layers if isinstance(layer, layers.Conv2D)]
    return sum(math.prod(each.output.shape[:3]) * math.prod(each.kernel.shape) for each in convolutions)


def fold(network: keras.Model) -> keras.Model:
    """The same network with every batch norm in the convolution before it; the given one is left as it was.

    Once trained, a norm is one scale and one shift of each channel of that convolution's *output*, after the zeros of
    its padding have been summed.  One that follows no convolution of its own stays, for the gate to judge.
    """
    pairs = _pairs(network)

    def clone(layer: Any) -> Any:
        config = layer.get_config()
        return type(layer).from_config({**config, "use_bias": True} if layer.name in pairs else config)

    def call(layer: Any, *arguments: Any, **keywords: Any) -> Any:
        return arguments[0] if layer.name in norms else layer(*arguments, **keywords)

    norms = {norm.name for norm in pairs.values()}
    folded = keras.models.clone_model(network, inputs_of(network), clone_function=clone, call_function=call)
    for layer in folded.layers:
        if layer.name in pairs:
            layer.set_weights(folded_weights(network.get_layer(layer.name), pairs[layer.name]))
        elif layer.weights:
            layer.set_weights(network.get_layer(layer.name).get_weights())
    return folded


def folded_weights(convolution: Any, norm: Any) -> list[np.ndarray]:
    """Kernel and bias of a convolution with the norm behind it put into them."""
    kernel, *bias = convolution.get_weights()
    mean, variance = (keras.ops.convert_to_numpy(each) for each in (norm.moving_mean, norm.moving_variance))
    scale = 1.0 / np.sqrt(variance + norm.epsilon)
    if norm.scale:
        scale = scale * keras.ops.convert_to_numpy(norm.gamma)
    shift = keras.ops.convert_to_numpy(norm.beta) if norm.center else np.zeros_like(mean)
    return [kernel * scale, shift + ((bias[0] if bias else 0.0) - mean) * scale]


def inputs_of(network: keras.Model) -> dict[str, Any]:
    """Fresh ones of batch 1, to build the network anew from."""
    return {
        name: layers.Input(tensor.shape[1:], batch_size=1, name=name)
        for name, tensor in network.input.items()
    }


def _pairs(network: keras.Model) -> dict[str, Any]:
    """Names of convolutions, and the norm that each of them alone feeds."""
    found = {}
    for layer in network.layers:
        if isinstance(layer, layers.BatchNormalization) and layer.axis in (-1, 3):
            before = layer.input._keras_history.operation
            linear = type(before) is layers.Conv2D and before.activation is keras.activations.linear
            if linear and len(before._outbound_nodes) == 1:
                found[before.name] = layer
    return found
