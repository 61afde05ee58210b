"""Runs one signature of a .tflite file over a clip, its state fed back: uint8 frames in, the file's own frames out.

Frames (T, H, W, 3) uint8 RGB, styles (T, S); out (T, H, W, 3), float32 in [0, 1] or uint8 as the signature says.
Also a program: `python -I stepper.py RUNTIME NETWORK SIGNATURE FRAMES.npy STYLES.npy STYLIZED.npy` for another
process or another environment, so it needs NumPy and a TFLite runtime, and nothing of this package.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
STATE_STRIDE = 4
MODULES = {"litert": "ai_edge_litert.interpreter", "tflite-runtime": "tflite_runtime.interpreter"}
COMPILED = "litert-compiled"
PROGRAM = Path(__file__)


class Steps(Protocol):
    """A network that takes one frame at a time."""

    def __call__(self, frame: Array, style: Array, state: Array | None) -> tuple[Array, Array | None]:
        """(1, H, W, 3) uint8 and the last state in, the stylized frame and the next state out."""
        ...


def play(steps: Steps, frames: Array, styles: Array) -> Array:
    """The stylized clip; each frame with the state that the one before it left."""
    state, stylized = None, []
    for frame, style in zip(frames, styles, strict=True):
        output, state = steps(frame[None], style[None].astype(np.float32), state)
        stylized.append(output[0])
    return np.stack(stylized)


def open_steps(
    runtime: str, content: bytes, signature: str, size: tuple[int, int], threads: int = 1
) -> Steps:
    """A signature in one of "litert", "litert-compiled", "tflite-runtime", for frames of (height, width)."""
    if runtime == COMPILED:
        return CompiledSteps(content, signature, size)
    interpreter = importlib.import_module(MODULES[runtime]).Interpreter
    return InterpreterSteps(interpreter(model_content=content, num_threads=threads), signature)


class InterpreterSteps:
    """The Interpreter of LiteRT or of tflite-runtime; a new size of frame is taken as it comes."""

    def __init__(self, interpreter: Any, signature: str):
        self._runner = interpreter.get_signature_runner(signature)
        inputs = self._runner.get_input_details()
        self._is_float = inputs["frame"]["dtype"] == np.float32
        self._channels = int(inputs["state"]["shape_signature"][-1]) if "state" in inputs else 0

    def __call__(self, frame: Array, style: Array, state: Array | None) -> tuple[Array, Array | None]:
        values = {"frame": to_input(frame, self._is_float), "style": style}
        if self._channels:
            values["state"] = _start(frame, self._channels) if state is None else state
        outputs = self._runner(**values)
        return outputs["stylized"], outputs.get("state")


class CompiledSteps:
    """LiteRT's CompiledModel; can end the process on networks that it cannot resize, so keep it in a child."""

    def __init__(self, content: bytes, signature: str, size: tuple[int, int]):
        module = importlib.import_module("ai_edge_litert.compiled_model")
        self._model = module.CompiledModel.from_buffer(content)
        self._signature = signature
        details = self._model.get_input_tensor_details(signature)
        self._is_float = "float" in str(details["frame"]["dtype"]).lower()
        self._channels = int(details["state"]["shape"][-1]) if "state" in details else 0
        height, width = size
        state = (1, height // STATE_STRIDE, width // STATE_STRIDE, self._channels)
        self._shapes = {"frame": (1, height, width, 3), **({"state": state} if self._channels else {})}
        for name, shape in self._shapes.items():
            if tuple(details[name]["shape"]) != shape:
                self._model.resize_input_tensor_by_name(signature, name, shape)
        names = self._model.get_signature_list()[signature]
        self._inputs = {
            name: self._model.create_input_buffer_by_name(signature, name) for name in names["inputs"]
        }
        self._outputs = {
            name: self._model.create_output_buffer_by_name(signature, name) for name in names["outputs"]
        }

    def __call__(self, frame: Array, style: Array, state: Array | None) -> tuple[Array, Array | None]:
        values = {"frame": to_input(frame, self._is_float), "style": style}
        if self._channels:
            values["state"] = _start(frame, self._channels) if state is None else state
        for name, value in values.items():
            self._inputs[name].write(np.ascontiguousarray(value))
        self._model.run_by_name(self._signature, self._inputs, self._outputs)
        stylized = self._read("stylized", self._shapes["frame"], np.float32 if self._is_float else np.uint8)
        return stylized, self._read("state", self._shapes["state"], np.float32) if self._channels else None

    def _read(self, name: str, shape: tuple[int, ...], dtype: Any) -> Array:
        return np.array(self._outputs[name].read(int(np.prod(shape)), dtype)).reshape(shape)


def to_input(frame: Array, is_float: bool) -> Array:
    """What a signature takes for uint8 pixels: the bytes themselves or float32 in [0, 1]."""
    return np.divide(frame, np.float32(255), dtype=np.float32) if is_float else frame


def _start(frame: Array, channels: int) -> Array:
    height, width = frame.shape[1:3]
    return np.zeros((1, height // STATE_STRIDE, width // STATE_STRIDE, channels), np.float32)


def main(arguments: list[str]) -> int:
    """What the child process does."""
    runtime, network, signature, frames_file, styles_file, stylized_file = arguments
    frames, styles = np.load(frames_file), np.load(styles_file)
    steps = open_steps(runtime, Path(network).read_bytes(), signature, frames.shape[1:3])
    np.save(stylized_file, play(steps, frames, styles))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
