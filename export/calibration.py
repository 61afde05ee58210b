"""What int8 learns the ranges of its values from: frames, style vectors and the states that really go with them.

A sample is {"frame": (1, H, W, 3) in [0, 1], "style": (1, S), "state": (1, H / 4, W / 4, C)}, all float32.  States
come from running the network over clips: on made-up ones a network that leans on its memory lost 20 dB by the tenth
frame.  Without clips of the user's, the project draws its own: no data folder is needed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from keras_vst.config import MotionConfig
from keras_vst.errors import UserError
from keras_vst.frames import fit, to_float
from keras_vst.models.student import input_shapes
from keras_vst.motion import clip_from_photos
from keras_vst.scene import CUT, Scene

SIZE = (192, 320)  # (height, width): ranges found here hold at 640x360 to a tenth of a dB
NUM_FRAMES = 48  # of each clip that are run
SAMPLED = (0, 1, 2, 4, 8, 16, 32, 47)  # of those: the state changes most at the start
SCENE_SEED = 7  # not the film that files are judged on

Tensor = npt.NDArray[np.float32]
Sample = dict[str, Tensor]
Clip = (
    npt.NDArray[np.uint8] | Iterable[Any]
)  # (T, H, W, 3), or frames with `pixels` as video sources give them


@dataclass(frozen=True)
class Loop:
    """A clip that was run with the state fed back, and what the Keras network painted at its ends."""

    frames: npt.NDArray[np.uint8]  # (T, H, W, 3)
    style: Tensor  # (1, S)
    first: Tensor  # stylized, (1, H, W, 3)
    last: Tensor


@dataclass(frozen=True)
class Calibration:
    """Samples for the converter, and the loops they come from to judge its work on."""

    samples: tuple[Sample, ...]
    loops: tuple[Loop, ...] = ()

    @classmethod
    def rollout(
        cls,
        student: keras.Model,
        clips: Iterable[Clip] | None = None,
        styles: Sequence[npt.ArrayLike] | None = None,
        size: tuple[int, int] = SIZE,
    ) -> Calibration:
        """Run the network over clips, by default ones drawn here, fitted to `size` (height, width).

        Every style of the network is run at least once, and every clip; so are a blend and half the strength.
        `styles` names other style vectors (S,) in their place.
        """
        ready = _default_clips(size) if clips is None else [_fitted(clip, size) for clip in clips]
        if not ready:
            raise UserError(
                "Calibration needs at least one clip. Received none. Leave the option out, or name one."
            )
        vectors = _style_vectors(student) if styles is None else [_vector(style) for style in styles]
        step = _step(student)
        samples, loops = [], []
        for index in range(max(len(ready), len(vectors))):
            clip, style = ready[index % len(ready)], vectors[index % len(vectors)]
            seen, loop = _run(step, student, clip, style)
            samples += seen
            loops.append(loop)
        return cls((*samples, *_extremes(samples, vectors)), tuple(loops))


def _run(
    step: Callable[..., Any], student: keras.Model, clip: npt.NDArray[np.uint8], style: Tensor
) -> tuple[list[Sample], Loop]:
    state = np.zeros(input_shapes(student, clip.shape[1:3])["state"], np.float32)
    samples, painted = [], []
    for index, pixels in enumerate(clip):
        sample = {"frame": to_float(pixels)[None], "style": style, "state": state}
        outputs = step(**sample)
        state = outputs["state"].numpy()
        if index in SAMPLED:
            samples.append(sample)
        if index in (0, len(clip) - 1):
            painted.append(outputs["stylized"].numpy())
    return samples, Loop(clip, style, painted[0], painted[-1])


def _extremes(samples: list[Sample], vectors: list[Tensor]) -> list[Sample]:
    """All of [0, 1] in and out, which no clip is sure to hold: else white comes back grey at strength 0."""
    last = samples[-1]
    ramp = np.broadcast_to(
        np.linspace(0, 1, last["frame"].shape[2], dtype=np.float32)[:, None], last["frame"].shape
    )
    styles = [np.zeros_like(last["style"]), *vectors]
    return [{"frame": np.ascontiguousarray(ramp), "style": style, "state": last["state"]} for style in styles]


def _style_vectors(student: keras.Model) -> list[Tensor]:
    """Each style alone, half of the first, and, where there are several, all of them and two of them blended."""
    num_styles = student.input["style"].shape[-1]
    alone = np.eye(num_styles, dtype=np.float32)
    vectors = [*alone, alone[0] / 2]
    if num_styles > 1:
        vectors += [alone.mean(axis=0), (alone[0] + alone[-1]) / 2]
    return [_vector(vector) for vector in vectors]


def _vector(style: npt.ArrayLike) -> Tensor:
    return np.asarray(style, np.float32).reshape(1, -1)


def _step(student: keras.Model) -> Callable[..., Any]:
    @tf.function(reduce_retracing=True)
    def step(frame: Any, style: Any, state: Any) -> Any:
        return student({"frame": frame, "style": style, "state": state}, training=False)

    return step


def _fitted(clip: Clip, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    frames = [getattr(frame, "pixels", frame) for frame in itertools.islice(clip, NUM_FRAMES)]
    if not frames:
        raise UserError("A clip to calibrate on has no frames. Name one that can be played.")
    return np.stack([fit(np.asarray(frame), size)[0] for frame in frames])


def _default_clips(size: tuple[int, int]) -> list[npt.NDArray[np.uint8]]:
    """Both shots of a film that is drawn here, and a camera over them in changing light with a sensor's noise."""
    height, width = size
    scene = Scene(width, height, SCENE_SEED)
    shots = [[scene.frame(start + index) for index in range(NUM_FRAMES)] for start in (0, CUT)]
    moving = clip_from_photos(
        shots[1][0], shots[0][0], NUM_FRAMES, size, np.random.default_rng(SCENE_SEED), MotionConfig()
    )
    return [*map(np.stack, shots), np.stack([moving.frame(index) for index in range(NUM_FRAMES)])]
