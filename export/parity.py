"""Does the exported file compute what the Keras network computes?  Looped over a moving clip, state fed back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import keras
import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter

from export.tflite import SIGNATURE
from keras_vst.frames import to_float
from keras_vst.models.student import input_shapes
from keras_vst.scene import Scene

FP32_FLOOR = 80.0  # dB; what is left is the order of summation
Arrays = dict[str, npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Parity:
    """The worst frame of the loop, in dB of PSNR, and how many frames were compared."""

    psnr: float
    frames: int


def compare(
    student: keras.Model, flatbuffer: bytes, num_frames: int = 12, size: tuple[int, int] = (96, 160)
) -> Parity:
    """Run both on the same frames from the same start, each with its own state."""
    height, width = size
    scene, shapes = _scene(width, height), input_shapes(student, size)
    runner = _runner(flatbuffer, shapes)
    state, style = np.zeros(shapes["state"], np.float32), np.zeros(shapes["style"], np.float32)
    style[0, 0] = 1.0
    ours, theirs, worst = state, state, np.inf
    for index in range(num_frames):
        frame = to_float(scene.frame(index))[None]
        outputs = student({"frame": frame, "style": style, "state": ours}, training=False)
        expected: Arrays = {name: keras.ops.convert_to_numpy(output) for name, output in outputs.items()}
        got: Arrays = runner(frame=frame, style=style, state=theirs)
        worst = np.minimum(worst, psnr(got["stylized"], expected["stylized"]))  # unlike min(), keeps a nan
        ours, theirs = expected["state"], got["state"]
    return Parity(float(worst), num_frames)


def psnr(ours: npt.NDArray[np.float32], theirs: npt.NDArray[np.float32]) -> float:
    """Peak signal to noise in dB for values in [0, 1]; infinite when equal, nan when either holds a nan."""
    error = float(np.mean(np.square(ours.astype(np.float64) - theirs)))
    return float("inf") if error == 0 else -10.0 * float(np.log10(error))


@lru_cache(maxsize=4)
def _scene(width: int, height: int) -> Scene:
    """Drawing a scene takes seconds, its frames milliseconds."""
    return Scene(width, height)


def _runner(flatbuffer: bytes, shapes: dict[str, tuple[int, ...]]):
    interpreter = Interpreter(model_content=flatbuffer)
    details = interpreter.get_signature_runner(SIGNATURE).get_input_details()
    indices = {name: int(details[name]["index"]) for name in shapes}
    del details  # LiteRT refuses to resize while anything refers to its buffers
    for name, shape in shapes.items():
        interpreter.resize_tensor_input(indices[name], shape)
    interpreter.allocate_tensors()
    return interpreter.get_signature_runner(SIGNATURE)
