"""How far apart are two pictures, and does an exported file compute what the Keras network computes?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from export.footage import Frames, scene_footage
from export.stepper import open_steps, play, to_input
from keras_vst.models.student import input_shapes
from keras_vst.zoo import DEFAULT_MARGIN

Clip = npt.NDArray[Any]


@dataclass(frozen=True)
class Parity:
    """The worst frame of the loop, in dB of PSNR, and how many frames were compared."""

    psnr: float
    frames: int


def compare(
    student: keras.Model, flatbuffer: bytes, num_frames: int = 12, size: tuple[int, int] = (96, 160)
) -> Parity:
    """Run both on the same frames of (height, width) from the same start, each with its own state."""
    height, width = size
    content = max(height - 2 * DEFAULT_MARGIN, 8), max(width - 2 * DEFAULT_MARGIN, 8)
    frames = scene_footage(content, num_frames).frames[:, :height, :width]
    styles = np.eye(1, student.input["style"].shape[-1], dtype=np.float32).repeat(num_frames, axis=0)
    expected = play_student(student, frames, styles)
    played = play(open_steps("litert", flatbuffer, "stylize", size), frames, styles)
    decibels = [psnr(one, other) for one, other in zip(played, expected, strict=True)]
    return Parity(float(np.min(decibels)), num_frames)  # unlike min(), NumPy's keeps a nan


def play_student(student: keras.Model, frames: Frames, styles: npt.NDArray[np.float32]) -> Clip:
    """The clip as the Keras network paints it, float32, its state fed back: what every file is held against."""
    shapes, step = input_shapes(student, (frames.shape[1], frames.shape[2])), _compiled(student)
    state, stylized = tf.zeros(shapes["state"]), []
    for frame, style in zip(frames, styles, strict=True):
        outputs = step(tf.constant(to_input(frame[None], True)), tf.constant(style[None]), state)
        state = outputs["state"]
        stylized.append(outputs["stylized"].numpy()[0])
    return np.stack(stylized)


@lru_cache(maxsize=2)
def _compiled(student: keras.Model) -> Any:
    """One step of the network, 4 times as fast as an eager call; nothing of it is saved."""

    @tf.function(reduce_retracing=True)
    def step(frame, style, state):
        return student({"frame": frame, "style": style, "state": state}, training=False)

    return step


def psnr(ours: Clip, theirs: Clip) -> float:
    """Peak signal to noise in dB for values in [0, 1]; infinite when equal, nan when either holds a nan."""
    error = float(np.mean(np.square(ours.astype(np.float64) - theirs)))
    return float("inf") if error == 0 else -10.0 * float(np.log10(error))
