"""Plays an ONNX model or a SavedModel over a clip as export.stepper plays a .tflite: uint8 frames in, floats out."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from export.stepper import STATE_STRIDE, to_input

Array = npt.NDArray[Any]


class OnnxSteps:
    """An ONNX model in ONNX Runtime, on the CPU."""

    def __init__(self, content: bytes, threads: int):
        # Optional packages: only who exports ONNX needs them.
        runtime, names = importlib.import_module("onnxruntime"), importlib.import_module("export.onnx")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        self._inputs, self._outputs = names.INPUTS, names.OUTPUTS
        shapes = {each.name: each.shape for each in self._session.get_inputs()}
        self._channels = int(shapes[self._inputs["state"]][-1])

    def __call__(self, frame: Array, style: Array, state: Array | None) -> tuple[Array, Array | None]:
        values = {"frame": to_input(frame, True), "style": style}
        values["state"] = _start(frame, self._channels) if state is None else state
        feeds = {self._inputs[name]: value for name, value in values.items()}
        stylized, state = self._session.run([self._outputs["stylized"], self._outputs["state"]], feeds)
        return stylized, state


class SavedModelSteps:
    """The signature `stylize` of a SavedModel of ours."""

    def __init__(self, path: Path):
        self._loaded = tf.saved_model.load(str(path))  # kept, because its signatures do not keep it alive
        self._stylize = self._loaded.signatures["stylize"]
        self._channels = int(self._stylize.structured_input_signature[1]["state"].shape[-1])

    def __call__(self, frame: Array, style: Array, state: Array | None) -> tuple[Array, Array | None]:
        state = _start(frame, self._channels) if state is None else state
        values = {"frame": to_input(frame, True), "style": style, "state": state}
        outputs = self._stylize(**{name: tf.constant(value) for name, value in values.items()})
        return outputs["stylized"].numpy(), outputs["state"].numpy()


def _start(frame: Array, channels: int) -> Array:
    """The state before the first frame."""
    return np.zeros((1, frame.shape[1] // STATE_STRIDE, frame.shape[2] // STATE_STRIDE, channels), np.float32)
