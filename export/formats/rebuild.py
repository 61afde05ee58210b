"""A network rebuilt so that it converts well: same inputs, same outputs.

`fold` puts every batch norm into the convolution before it: once trained, it is one scale and one shift of each channel
of that convolution's *output*, after the zeros of its padding have been summed.  A norm that follows no convolution of
its own stays, for the gate to judge.  `resizable` replaces what Keras does not trace at open sizes.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
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
    folded = keras.models.clone_model(network, _inputs(network), clone_function=clone, call_function=call)
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


def resizable(film_network: keras.Model) -> keras.Model:
    """A film network of operations that convert at any size."""

    def clone(layer: Any) -> Any:
        if isinstance(layer, layers.UpSampling2D):
            return _Enlarge(name=layer.name)
        if isinstance(layer, layers.GroupNormalization):
            return _InstanceNorm(layer.epsilon, name=layer.name)
        return type(layer).from_config(layer.get_config())

    network = keras.models.clone_model(film_network, _inputs(film_network), clone_function=clone)
    network.set_weights(film_network.get_weights())
    return network


def _inputs(network: keras.Model) -> dict[str, Any]:
    return {
        name: layers.Input(tensor.shape[1:], batch_size=1, name=name)
        for name, tensor in network.input.items()
    }


class _Enlarge(layers.Layer):
    """UpSampling2D by two, bilinear, which Keras cannot trace without a size."""

    def call(self, features: Any) -> Any:
        return tf.image.resize(features, 2 * tf.shape(features)[1:3])

    def compute_output_shape(self, input_shape: Any) -> Any:
        batch, _, _, channels = input_shape
        return batch, None, None, channels


class _InstanceNorm(layers.Layer):
    """Keras's GroupNormalization of one channel a group, without its reshapes: the file takes 0.77 of the time."""

    def __init__(self, epsilon: float, **settings: Any):
        super().__init__(**settings)
        self._epsilon = epsilon

    def build(self, input_shape: Any) -> None:
        self.gamma = self.add_weight(name="gamma", shape=(input_shape[-1],))
        self.beta = self.add_weight(name="beta", shape=(input_shape[-1],))

    def call(self, features: Any) -> Any:
        centred = features - tf.reduce_mean(features, (1, 2), keepdims=True)
        variance = tf.reduce_mean(tf.square(centred), (1, 2), keepdims=True)
        return centred * (tf.math.rsqrt(variance + self._epsilon) * self.gamma) + self.beta

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape
