"""What was painted by hand: a folder of pictures, the frames of a style clip, or painted frames beside the clip's own.

A sample of a collection is a dict of float32 arrays: `painting` (F, H, W, 3) in [0, 1] with F = 1 or 3; with 3 also
`painting_flow` (2, H, W, 2) and `painting_visible` (2, H, W, 1): pixel p of the middle frame was at
p + painting_flow[0][p] in the first frame, and will be at p + painting_flow[1][p] in the last.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from keras_vst.errors import UserError
from keras_vst.frames import to_float
from keras_vst.motion import Frame, MotionConfig, clip_from_photos
from keras_vst.video import open_source
from keras_vst.video.pictures import read_picture
from training.data.clips import Clips
from training.data.photos import Photos
from training.data.shards import Sample

NUM_FRAMES = 3
TO_OUTER = ((1, 0), (1, 2))  # the pairs of frames whose flow brings the outer ones onto the middle one
DRIFTING = MotionConfig(objects=0, light=0, noise=0)  # paint neither crosses nor glows
STILL = MotionConfig(shift=0, zoom=0, rotation=0, objects=0, light=0, noise=0)


class Collection(Protocol):
    """Something to draw paintings from."""

    def draw(self, rng: np.random.Generator, side: int, num_frames: int) -> Sample:
        """One painting of `side` pixels, alone (1) or in motion (3)."""
        ...


class Paintings:
    """The pictures of a folder, cut out at random; where motion is asked for, a camera drifts over them."""

    def __init__(self, folder: str | Path, side: int):
        """`side` is the shorter side to which the pictures are brought: larger makes larger strokes."""
        self._photos = Photos(folder, side, "--collection")
        self.skipped, self.paths = self._photos.skipped, self._photos.paths

    def __len__(self) -> int:
        return len(self._photos)

    def draw(self, rng: np.random.Generator, side: int, num_frames: int = 1) -> Sample:
        picture = self._photos.draw(rng, max(side, self._photos.side))
        return _filmed(picture, side, num_frames, rng)


class PaintedClip:
    """The frames of a style clip, whose own motion they keep; its shards are of TO_OUTER."""

    def __init__(self, clips: Clips):
        self._clips = clips

    def __len__(self) -> int:
        return len(self._clips)

    def draw(self, rng: np.random.Generator, side: int, num_frames: int = 1) -> Sample:
        sample = self._clips.draw(rng).cut(side, rng, colour=0.0)
        if num_frames == 1:
            return {"painting": sample["clip"][1:2]}
        return {
            "painting": sample["clip"],
            "painting_flow": sample["flow"],
            "painting_visible": sample["visible"],
        }


class Keyframes:
    """Painted frames; `draw` cuts a patch out of one of them and the same out of its painting."""

    def __init__(self, pairs: Sequence[tuple[str | Path, str | Path]], side: int):
        """Each pair is (frame, painting); a frame is a picture, or CLIP@NUMBER.

        `side` is that of the largest patch that will be drawn.
        """
        if not pairs:
            raise UserError("Keyframes need at least one pair: a frame and the same frame painted.")
        self.pairs = [(read_frame(frame), read_picture(Path(painted))) for frame, painted in pairs]
        for (frame, painted), names in zip(self.pairs, pairs, strict=True):
            _check_pair(frame, painted, names, side)

    def __len__(self) -> int:
        return len(self.pairs)

    def draw(self, rng: np.random.Generator, side: int) -> Sample:
        """`frame` and `target`, (side, side, 3) float32 in [0, 1]."""
        frame, painted = self.pairs[int(rng.integers(len(self.pairs)))]
        top, left = (int(rng.integers(length - side + 1)) for length in frame.shape[:2])
        window = slice(top, top + side), slice(left, left + side)
        step = -1 if rng.random() < 0.5 else 1
        cut = {"frame": frame[window][:, ::step], "target": painted[window][:, ::step]}
        return {name: to_float(np.ascontiguousarray(patch)) for name, patch in cut.items()}


def read_frame(name: str | Path) -> Frame:
    """A picture, or a frame of a clip: `walk.mp4@12` is the one after 12 others."""
    clip, separator, number = str(name).rpartition("@")
    if not separator or Path(name).exists():
        return read_picture(Path(name))
    if not number.isdecimal():
        raise UserError(f"A frame is named CLIP@NUMBER. Received: {name}.")
    count = 0
    with open_source(clip) as source:
        for count, timed in enumerate(source, start=1):
            if count > int(number):
                return timed.pixels
    raise UserError(f"There is no frame {name}: {clip} ends after {count} frames.")


def _filmed(picture: Frame, side: int, num_frames: int, rng: np.random.Generator) -> Sample:
    motion = STILL if num_frames == 1 else DRIFTING
    clip = clip_from_photos(picture, picture, num_frames, (side, side), rng, motion)
    clip = dataclasses.replace(clip, light=[1.0] * num_frames)
    painting = to_float(np.stack([clip.frame(time) for time in range(num_frames)]))
    if num_frames == 1:
        return {"painting": painting}
    flow, visible = zip(*(clip.flow(*pair) for pair in TO_OUTER), strict=True)
    return {"painting": painting, "painting_flow": np.stack(flow), "painting_visible": np.stack(visible)}


def _check_pair(frame: Frame, painted: Frame, names: tuple[str | Path, str | Path], side: int) -> None:
    (height, width), painted_size = frame.shape[:2], painted.shape[:2]
    if painted_size != (height, width):
        raise UserError(
            f"A frame and its painting must have one size. {names[0]} has {width}x{height} pixels, "
            f"{names[1]} has {painted_size[1]}x{painted_size[0]}. Export the painting at the frame's size."
        )
    if min(height, width) < side:
        raise UserError(
            f"{names[0]} has {width}x{height} pixels, but patches of {side} are learned from. "
            "Use larger frames, or lower schedule.judged_size or data.margin."
        )
