"""A network with every batch norm folded into the convolution before it: same inputs, same outputs, no norm left.

Once trained, a batch norm is one scale and one shift of each channel of a convolution's *output*, after the zeros of
its padding have been summed: a kernel and a bias.  Other layers stay as they are; a norm that follows no convolution
of its own stays too, for the gate to judge.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers


def fold(network: keras.Model) -> keras.Model:
    """The folded network; the given one is left as it was."""
    pairs = _pairs(network)

    def clone(layer: Any) -> Any:
        config = layer.get_config()
        return type(layer).from_config({**config, "use_bias": True} if layer.name in pairs else config)

    def call(layer: Any, *arguments: Any, **keywords: Any) -> Any:
        return arguments[0] if layer.name in norms else layer(*arguments, **keywords)

    norms = {norm.name for norm in pairs.values()}
    inputs = {
        name: layers.Input(tensor.shape[1:], tensor.shape[0], name=name)
        for name, tensor in network.input.items()
    }
    folded = keras.models.clone_model(network, inputs, clone_function=clone, call_function=call)
    for layer in folded.layers:
        if layer.name in pairs:
            layer.set_weights(_folded_weights(network.get_layer(layer.name), pairs[layer.name]))
        elif layer.weights:
            layer.set_weights(network.get_layer(layer.name).get_weights())
    return folded


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


def _folded_weights(convolution: Any, norm: Any) -> list[np.ndarray]:
    kernel, *bias = convolution.get_weights()
    mean, variance = (keras.ops.convert_to_numpy(each) for each in (norm.moving_mean, norm.moving_variance))
    scale = 1.0 / np.sqrt(variance + norm.epsilon)
    if norm.scale:
        scale = scale * keras.ops.convert_to_numpy(norm.gamma)
    shift = keras.ops.convert_to_numpy(norm.beta) if norm.center else np.zeros_like(mean)
    return [kernel * scale, shift + ((bias[0] if bias else 0.0) - mean) * scale]
