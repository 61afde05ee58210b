"""Keras network -> .tflite in fp32, fp16 weights or int8.

`stylize` takes and gives float32 in [0, 1], tensors by name; live files have `stylize_u8` as well, the same in bytes
(export/formats/flatbuffer.py).  Batch 1; any H, W that are multiples of 8, or one size.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from export.formats.flatbuffer import SIGNATURE, finish, set_range
from keras_vst.errors import hushed
from keras_vst.models import fold, inputs_of


def convert(
    network: keras.Model,
    precision: str = "fp32",
    size: tuple[int, int] | None = None,
    frames: Sequence[np.ndarray] = (),
) -> bytes:
    """The flatbuffer.  `size` (height, width) makes it static; int8 learns its ranges from `frames` (1, H, W, 3)."""
    film = "warped" in network.input
    ready = _resizable(network) if film else fold(network)
    samples, logits = frames, None
    if precision == "int8":
        from export.formats.int8 import calibration_frames, rewrite

        samples = frames or calibration_frames()
        ready, logits = rewrite(ready, samples)
    # `tf.function` over a Keras model would leave weights uninitialised.
    archive = keras.export.ExportArchive()
    archive.track(ready)
    archive.add_endpoint(
        SIGNATURE, lambda inputs: ready(inputs, training=False), input_signature=[_specs(ready, size)]
    )
    with tempfile.TemporaryDirectory() as folder, hushed(), warnings.catch_warnings():
        # TensorFlow's converter still uses its own interpreter.
        warnings.filterwarnings("ignore", message=r"\s*Warning: tf.lite.Interpreter is deprecated")
        archive.write_out(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[SIGNATURE])
        if precision == "fp16":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]
        elif precision == "int8":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: ({"frame": frame} for frame in samples)
            builtins = tf.lite.OpsSet.TFLITE_BUILTINS
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8, builtins]
        file = finish(converter.convert(), {layer.name for layer in ready.layers}, bytes_too=not film)
    return set_range(file, *logits) if logits else file


def _specs(network: keras.Model, size: tuple[int, int] | None) -> dict[str, Any]:
    sides = size or (None, None)
    return {
        name: tf.TensorSpec((1, *sides, tensor.shape[-1]), tf.float32, name)
        for name, tensor in network.input.items()
    }


def _resizable(film_network: keras.Model) -> keras.Model:
    """A film network of operations that convert at any size."""

    def clone(layer: Any) -> Any:
        if isinstance(layer, layers.UpSampling2D):
            return _Enlarge(name=layer.name)
        if isinstance(layer, layers.GroupNormalization):
            return _InstanceNorm(layer.epsilon, name=layer.name)
        return type(layer).from_config(layer.get_config())

    network = keras.models.clone_model(film_network, inputs_of(film_network), clone_function=clone)
    network.set_weights(film_network.get_weights())
    return network


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
