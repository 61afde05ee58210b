"""Collections of one hand: pictures of a folder, or the frames of a style clip, as what a discriminator takes
for real.

A sample is a dict of float32 arrays: `painting` (F, H, W, 3) in [0, 1] with F = 1 or 3; with 3 also `painting_flow`
(2, H, W, 2) and `painting_visible` (2, H, W, 1): pixel p of the middle frame was at p + painting_flow[0][p] in the
first frame, and will be at p + painting_flow[1][p] in the last.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Protocol

import numpy as np

from keras_vst.config import MotionConfig
from keras_vst.frames import to_float
from keras_vst.motion import Frame, clip_from_photos
from training.data.augment import Sample, cut
from training.data.clips import Clips
from training.data.photos import Photos

NUM_FRAMES = 3
TO_OUTER = ((1, 0), (1, 2))  # the pairs of frames whose flow brings the outer ones onto the middle one
STILL = MotionConfig(shift=0, zoom=0, rotation=0, objects=0, light=0, noise=0)


class Collection(Protocol):
    """Something to draw paintings from."""

    def draw(self, rng: np.random.Generator, side: int, num_frames: int) -> Sample:
        """One painting of `side` pixels, alone (1) or in motion (3)."""
        ...


class Paintings:
    """The pictures of a folder, cut out at random; where motion is asked for, a camera drifts over them."""

    def __init__(self, folder: str | Path, side: int, motion: MotionConfig, option: str = "--collection"):
        """`side` is the shorter side to which the pictures are brought: larger makes larger strokes."""
        self._photos = Photos(folder, side, option)
        self._motion = dataclasses.replace(
            motion, objects=0, light=0, noise=0
        )  # paint neither crosses nor glows
        self.skipped, self.paths = self._photos.skipped, self._photos.paths

    def __len__(self) -> int:
        return len(self._photos)

    def draw(self, rng: np.random.Generator, side: int, num_frames: int = 1) -> Sample:
        picture = self._photos.draw(rng, max(side, self._photos.side))
        moves = STILL if num_frames == 1 else self._motion
        return _filmed(picture, side, num_frames, rng, moves)


class PaintedClip:
    """The frames of a style clip, whose own motion they keep; its shards are of TO_OUTER."""

    def __init__(self, clips: Clips):
        self._clips = clips

    def __len__(self) -> int:
        return len(self._clips)

    def draw(self, rng: np.random.Generator, side: int, num_frames: int = 1) -> Sample:
        sample = cut(self._clips.draw(rng), side, rng, colour=0.0)
        if num_frames == 1:
            return {"painting": sample["clip"][1:2]}
        return {
            "painting": sample["clip"],
            "painting_flow": sample["flow"],
            "painting_visible": sample["visible"],
        }


def _filmed(
    picture: Frame, side: int, num_frames: int, rng: np.random.Generator, motion: MotionConfig
) -> Sample:
    clip = clip_from_photos(picture, picture, num_frames, (side, side), rng, motion)
    clip = dataclasses.replace(clip, light=[1.0] * num_frames)
    painting = to_float(np.stack([clip.frame(time) for time in range(num_frames)]))
    if num_frames == 1:
        return {"painting": painting}
    flow, visible = zip(*(clip.flow(*pair) for pair in TO_OUTER), strict=True)
    return {"painting": painting, "painting_flow": np.stack(flow), "painting_visible": np.stack(visible)}
