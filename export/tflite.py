"""Keras student -> .tflite with the named signature `stylize`.

The file takes any H, W that are multiples of 8 (batch 1); tensors are addressed by name: in `frame`,
`style`, `state`; out `stylized`, `state`.
"""

from __future__ import annotations

import tempfile

import keras
import tensorflow as tf

from keras_vst.models.student import input_shapes

SIGNATURE = "stylize"


def convert(student: keras.Model, size: tuple[int, int] | None = None) -> bytes:
    """The fp32 flatbuffer.  `size` (height, width) makes it static; the student needs `batch_size=1`.

    Goes through ExportArchive: `tf.function` over a Keras model would leave the weights uninitialised.
    """
    archive = keras.export.ExportArchive()
    archive.track(student)
    archive.add_endpoint(SIGNATURE, _endpoint(student), input_signature=_specs(student, size))
    with tempfile.TemporaryDirectory() as folder:
        archive.write_out(folder, verbose=False)
        return tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[SIGNATURE]).convert()


def _endpoint(student: keras.Model):
    def stylize(frame, style, state):
        return student({"frame": frame, "style": style, "state": state}, training=False)

    return stylize


def _specs(student: keras.Model, size: tuple[int, int] | None) -> list[tf.TensorSpec]:
    """One spec an input, in the order of `_endpoint`'s arguments, static where the size is known."""
    shapes = {name: tensor.shape for name, tensor in student.input.items()}
    if size:
        shapes = input_shapes(student, size)
    return [tf.TensorSpec(shapes[name], tf.float32, name) for name in ("frame", "style", "state")]
