"""Networks of film quality (keras_vst.models.teacher), rebuilt of operations that convert well at any size."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


def is_film(network: keras.Model) -> bool:
    """Whether a network is handed its last painting, moved by the flow."""
    return "warped" in network.input


def resizable(teacher: keras.Model) -> keras.Model:
    """The same network, batch 1."""

    def clone(layer: Any) -> Any:
        if isinstance(layer, keras.layers.UpSampling2D):
            return _Enlarge(name=layer.name)
        if isinstance(layer, keras.layers.GroupNormalization):
            return _InstanceNorm(layer.epsilon, name=layer.name)
        return type(layer).from_config(layer.get_config())

    inputs = {
        name: keras.Input(tensor.shape[1:], batch_size=1, name=name) for name, tensor in teacher.input.items()
    }
    network = keras.models.clone_model(teacher, input_tensors=inputs, clone_function=clone)
    network.set_weights(teacher.get_weights())
    return network


class _Enlarge(keras.layers.Layer):
    """UpSampling2D by two, bilinear, which Keras cannot trace without a size."""

    def call(self, features: Any) -> Any:
        return tf.image.resize(features, 2 * tf.shape(features)[1:3])

    def compute_output_shape(self, input_shape: Any) -> Any:
        batch, _, _, channels = input_shape
        return batch, None, None, channels


class _InstanceNorm(keras.layers.Layer):
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
