"""Runs one signature of a .tflite file over a clip: (T, H, W, 3) uint8 RGB in, the file's own frames out.

Also a program: `python -I stepper.py RUNTIME NETWORK SIGNATURE FRAMES.npy STYLIZED.npy` for another process or
another environment, so it needs NumPy and a TFLite runtime, and nothing of this package.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Step = Callable[[Array], Array]  # (1, H, W, 3) as the signature takes it -> as it gives it
MODULES = {"litert": "ai_edge_litert.interpreter", "tflite-runtime": "tflite_runtime.interpreter"}
COMPILED = "litert-compiled"
PROGRAM = Path(__file__)


def play(runtime: str, content: bytes, signature: str, frames: Array) -> Array:
    """The stylized clip in one of "litert", "litert-compiled", "tflite-runtime": float32 in [0, 1], or uint8."""
    given = frames if signature.endswith("_u8") else np.divide(frames, np.float32(255), dtype=np.float32)
    step = (_compiled if runtime == COMPILED else _interpreted(runtime))(content, signature, given[:1])
    return np.stack([step(given[time : time + 1])[0] for time in range(len(given))])


def _interpreted(runtime: str) -> Callable[[bytes, str, Array], Step]:
    def opened(content: bytes, signature: str, first: Array) -> Step:
        interpreter = importlib.import_module(MODULES[runtime]).Interpreter(model_content=content)
        runner = interpreter.get_signature_runner(signature)
        return lambda frame: runner(frame=frame)["stylized"]

    return opened


def _compiled(content: bytes, signature: str, first: Array) -> Step:
    """LiteRT's CompiledModel; can end the process on networks that it cannot resize, so keep it in a child."""
    model = importlib.import_module("ai_edge_litert.compiled_model").CompiledModel.from_buffer(content)
    if tuple(model.get_input_tensor_details(signature)["frame"]["shape"]) != first.shape:
        model.resize_input_tensor_by_name(signature, "frame", first.shape)
    given = model.create_input_buffer_by_name(signature, "frame")
    made = model.create_output_buffer_by_name(signature, "stylized")

    def step(frame: Array) -> Array:
        given.write(np.ascontiguousarray(frame))
        model.run_by_name(signature, {"frame": given}, {"stylized": made})
        return np.array(made.read(first.size, first.dtype.type)).reshape(first.shape)

    return step


def main(arguments: list[str]) -> int:
    """What the child process does."""
    runtime, network, signature, frames, stylized = arguments
    np.save(stylized, play(runtime, Path(network).read_bytes(), signature, np.load(frames)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
