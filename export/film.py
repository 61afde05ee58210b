"""Networks of film quality (keras_vst.models.teacher): converted, and played along the flow of a clip.

In: `frame`, `warped` (1, H, W, 3) in [0, 1], `visible` (1, H, W, 1), `style` (1, S) and, where it was trained with it,
`noise` (1, H, W, N); out: `stylized` (1, H, W, 3).  Batch 1, any H and W that are multiples of 8 or one size.
A file is judged as it is used: each frame with the last painting of its own, moved by the flow.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from export.flatbuffer import SIGNATURE
from export.footage import Footage
from export.order import Order
from export.stepper import Steps, play, to_input
from keras_vst.errors import UserError
from keras_vst.models.teacher import input_shapes
from keras_vst.runners.film import moved
from keras_vst.runners.onnx import OnnxRunner
from keras_vst.runners.tflite import Runner, find_runtime

Array = npt.NDArray[Any]
Maps = Mapping[str, npt.NDArray[np.float32]]
Run = Callable[[Array, Array, Maps], Array]  # frame (1, H, W, 3) uint8, style, maps -> stylized (1, H, W, 3)

MOST_FRAMES, MOST_TIMED = 16, 10  # a frame takes 30 times as long as a live network's


def is_film(network: keras.Model) -> bool:
    """Whether a network is handed its last painting, moved by the flow."""
    return "warped" in network.input


def fitting_order(order: Order) -> Order:
    """The order, its effort bounded; a UserError where it asks for what a film network cannot be."""
    if "int8" in order.precisions:
        raise UserError(
            "--precisions int8 is for live networks: a film network norms each picture by its own statistics "
            "(instance norm), which int8 cannot hold. Use fp32 or fp16."
        )
    if "savedmodel" in order.formats:
        raise UserError(
            "--formats savedmodel is for live networks: a server has no last frame to find the flow from. Use "
            "tflite or onnx."
        )
    if order.style is not None:
        raise UserError(
            "--style folds a live network; a film network keeps its styles, for `vst stylize --style` to choose from."
        )
    effort = order.effort
    frames, timed = min(effort.frames, MOST_FRAMES), min(effort.timed, MOST_TIMED)
    return replace(order, effort=replace(effort, frames=frames, timed=timed))


def convert(teacher: keras.Model, precision: str = "fp32", size: tuple[int, int] | None = None) -> bytes:
    """The .tflite file, fp32 or with fp16 weights.  `size` (height, width) makes it static."""
    network = _resizable(teacher)
    shapes = {name: tensor.shape for name, tensor in network.input.items()}
    if size:
        shapes = input_shapes(network, size)
    specs = {name: tf.TensorSpec(shape, tf.float32, name) for name, shape in shapes.items()}
    archive = keras.export.ExportArchive()
    archive.track(network)
    archive.add_endpoint(SIGNATURE, lambda inputs: network(inputs, training=False), input_signature=[specs])
    with tempfile.TemporaryDirectory() as folder:
        archive.write_out(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[SIGNATURE])
        if precision == "fp16":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]
        return converter.convert()


def play_teacher(teacher: keras.Model, footage: Footage, styles: npt.NDArray[np.float32]) -> Array:
    """The clip as the Keras network paints it, float32: what every file is held against."""

    @tf.function
    def step(inputs: dict[str, Any]) -> Any:
        return teacher(inputs, training=False)["stylized"]

    def run(frame: Array, style: Array, maps: Maps) -> Array:
        given = {"frame": to_input(frame, True), "style": style, **maps}
        shapes = input_shapes(teacher, (frame.shape[1], frame.shape[2]))
        inputs = {
            name: tf.constant(given.get(name, np.zeros(shape, np.float32))) for name, shape in shapes.items()
        }
        return step(inputs).numpy()

    return play(FilmSteps(run, footage), footage.frames, styles)


def open_steps(path: Path, footage: Footage, threads: int) -> Steps:
    """A file in the runtime that it is made for, ready to play this footage."""
    runner = (
        OnnxRunner(path, threads=threads)
        if path.suffix == ".onnx"
        else Runner(path, path.read_bytes(), find_runtime("litert"), threads)
    )
    return FilmSteps(lambda frame, style, maps: runner.run_film(frame[0], style, maps), footage)


class FilmSteps:
    """Steps through footage in order, over and over; what it hands along is the time and the last painting."""

    def __init__(self, run: Run, footage: Footage):
        self._run, self._footage = run, footage

    def __call__(self, frame: Array, style: Array, state: Any) -> tuple[Array, Any]:
        """As export.stepper.Steps."""
        footage, maps, time = self._footage, {}, 0
        if state is not None and state[0] + 1 < len(footage.frames):
            time, painting = state[0] + 1, state[1]
            maps = moved(painting, *footage.flow(time), footage.fitting)
        stylized = self._run(frame, style, maps)
        return stylized, (time, stylized)


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


def _resizable(teacher: keras.Model) -> keras.Model:
    """The same network, batch 1, of operations that convert well at any size."""

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
