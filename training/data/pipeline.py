"""Photos, clips, paintings and keyframes -> batches, the same for the same seed and step wherever a run resumes.

A batch is a dict of float32 arrays.  `clip` (B, T, H, W, 3) in [0, 1]; for each of `pairs_of(config)`, `flow`
(B, P, H, W, 2) and `visible` (B, P, H, W, 1).  With paintings also `painting` and, in threes, `painting_flow` and
`painting_visible` (paintings.py); with a teacher `taught`, the clip as that paints it; with keyframes `frame` and
`target` (B, H, W, 3), and the clip's arrays only where there is an unpainted clip; with a look `target`, what it
makes of the clip.
Sample number i of a run is made from (seed, i) alone, so order, workers and threads change nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from keras_vst.config import RunConfig
from keras_vst.errors import UserError
from keras_vst.frames import to_float, to_uint8
from keras_vst.motion import Frame, MotionConfig, SyntheticClip, clip_from_photos
from training.data.photos import jitter
from training.temporal import crop_side, painting_frames, pairs_of, real_clips

if TYPE_CHECKING:
    from training.data.clips import Clips
    from training.data.paintings import Collection, Keyframes
    from training.data.shards import Sample
    from training.looks import Look

Batch = dict[str, npt.NDArray[np.float32]]
THREADS = min(4, os.cpu_count() or 1)
NO_END = 2**40  # steps
MOTION = MotionConfig()  # of photos
REAL_SHARE = 0.5  # of the samples that are real clips, once schedule.clips_from is reached


class Pictures(Protocol):
    """Something to draw photos from."""

    def draw(self, rng: np.random.Generator, side: int | None = None) -> Frame:
        """One at random, its shorter side brought to `side`."""
        ...


@dataclass(frozen=True)
class Sources:
    """What a run learns from."""

    photos: Pictures
    clips: Clips | None = None  # mixed in from schedule.clips_from on
    painting: Collection | None = None
    taught: npt.NDArray[np.uint8] | None = None  # what a teacher makes of `taught_clip` 0, 1, ...
    keyframes: Keyframes | None = None
    look: Look | None = None  # what is made of the photos


def dataset(
    sources: Sources, config: RunConfig, start: int = 0, worker: int = 0, workers: int = 1
) -> tf.data.Dataset:
    """Batches from step `start` on, without end; made and prefetched while the network works.

    That there is what a run of this kind learns from, `Inputs.check` has seen; that workers share the batch evenly,
    `Devices.replica_config`.
    """

    def make(step: int) -> Batch:
        return batch(sources, config, step, worker, workers)

    shapes = {name: array.shape for name, array in make(start).items()}

    def load(step: tf.Tensor) -> dict[str, tf.Tensor]:
        made = tf.numpy_function(
            lambda step: list(make(int(step)).values()), [step], [tf.float32] * len(shapes)
        )
        return {
            name: tf.ensure_shape(array, shape)
            for (name, shape), array in zip(shapes.items(), made, strict=True)
        }

    steps = tf.data.Dataset.range(start, NO_END)
    return steps.map(load, num_parallel_calls=THREADS, deterministic=True).prefetch(2)


@contextmanager
def mistakes_told() -> Iterator[None]:
    """A UserError while a batch is made, which TensorFlow hands on as words in an error of its own, is one again."""
    try:
        yield
    except tf.errors.OpError as error:
        told = re.search(r"UserError: (.+)", error.message)
        if not told:
            raise
        raise UserError(told[1]) from error


def batch(sources: Sources, config: RunConfig, step: int, worker: int = 0, workers: int = 1) -> Batch:
    """The batch of a step; of several workers each gets every `workers`-th sample of it."""
    first = step * config.data.batch
    places = range(first + worker, first + config.data.batch, workers)
    samples = [sample(sources, config, step, place) for place in places]
    return {name: np.stack([each[name] for each in samples]) for name in samples[0]}


def sample(sources: Sources, config: RunConfig, step: int, index: int) -> Sample:
    """The sample number `index` of this run, which belongs to `step`: the same whenever it is asked for."""
    rng = np.random.default_rng((config.seed, index))
    found: Sample = {}
    if sources.keyframes is not None:
        found |= sources.keyframes.draw(rng, crop_side(config))
        if sources.clips is not None:
            found |= sources.clips.draw(rng).cut(crop_side(config), rng, config.data.jitter)
        return found
    if sources.taught is not None:
        place = int(rng.integers(len(sources.taught)))
        frames, clip = taught_clip(sources.photos, config, place)
        return _as_sample(frames, clip, config) | {"taught": to_float(sources.taught[place])}
    real = rng.random() < REAL_SHARE and real_clips(config, step)
    if real and sources.clips is not None:
        found |= sources.clips.draw(rng).cut(crop_side(config), rng, config.data.jitter)
    else:
        found |= _as_sample(*_moving(sources.photos, config, rng), config)
    if sources.look is not None:
        found["target"] = to_float(np.stack([sources.look(frame) for frame in to_uint8(found["clip"])]))
    if sources.painting is not None:
        found |= sources.painting.draw(rng, config.schedule.judged_size, painting_frames(config))
    return found


def taught_clip(
    photos: Pictures, config: RunConfig, place: int
) -> tuple[npt.NDArray[np.uint8], SyntheticClip]:
    """The clip number `place` of those that a teacher paints, (T, H, W, 3), and how it moves; always the same."""
    return _moving(photos, config, np.random.default_rng((config.seed, place)))


def _moving(
    photos: Pictures, config: RunConfig, rng: np.random.Generator
) -> tuple[npt.NDArray[np.uint8], SyntheticClip]:
    """A camera over a photo: its frames (T, H, W, 3) in other light and colours, and how they move."""
    data, side = config.data, crop_side(config)
    photo, other = photos.draw(rng), photos.draw(rng)
    clip = clip_from_photos(photo, other, data.frames, (side, side), rng, MOTION)
    frames = np.stack([clip.frame(time) for time in range(data.frames)])
    return jitter(frames, rng, data.jitter), clip


def _as_sample(frames: npt.NDArray[np.uint8], clip: SyntheticClip, config: RunConfig) -> Sample:
    flows, visible = zip(*(clip.flow(*pair) for pair in pairs_of(config)), strict=True)
    return {"clip": to_float(frames), "flow": np.stack(flows), "visible": np.stack(visible)}
