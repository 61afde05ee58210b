"""Photos -> batches of synthetic clips, the same for the same seed and step, wherever a run is resumed.

A batch is a dict of float32 arrays: `clip` (B, T, H, W, 3) in [0, 1]; for each pair of frames that a
temporal loss compares, `flow` (B, P, H, W, 2) and `visible` (B, P, H, W, 1); `light` (B, T), the scene's
brightness; `style` (B, S).
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from keras_vst.config import RunConfig
from keras_vst.errors import UserError
from keras_vst.frames import to_float
from keras_vst.motion import Frame, SyntheticClip, clip_from_photos

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
NO_END = 2**40  # steps; the number of a batch seeds it


def frame_pairs(num_frames: int) -> list[tuple[int, int]]:
    """The pairs (later, earlier) that temporal losses compare: neighbours, then last with first."""
    neighbours = [(time, time - 1) for time in range(1, num_frames)]
    return [*neighbours, (num_frames - 1, 0)] if num_frames > 2 else neighbours


def load_picture(path: Path, side: int, longer: bool = False) -> Frame:
    """Read a picture as uint8 RGB, its shorter (or longer) side brought to `side`."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise UserError(f"{path} cannot be read as a picture. Expected one of {', '.join(PICTURE_SUFFIXES)}.")
    height, width = picture.shape[:2]
    scale = side / (max(height, width) if longer else min(height, width))
    size = (
        max(side if not longer else 1, round(width * scale)),
        max(side if not longer else 1, round(height * scale)),
    )
    resized = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    return np.ascontiguousarray(resized[..., ::-1]).astype(np.uint8)


class Photos:
    """The readable pictures of a folder (and its subfolders); the others are remembered in `skipped`."""

    def __init__(self, folder: str | Path, side: int):
        folder = Path(folder)
        if not folder.is_dir():
            raise UserError(f"--photos needs a folder of pictures. There is no folder {folder}.")
        found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES)
        self.side = side
        self.skipped = [path for path in found if not cv2.haveImageReader(str(path))]
        self.paths = [path for path in found if path not in set(self.skipped)]
        if not self.paths:
            raise UserError(f"{folder} holds no readable picture ({', '.join(PICTURE_SUFFIXES)}).")

    def __len__(self) -> int:
        return len(self.paths)

    def draw(self, rng: np.random.Generator, side: int | None = None) -> Frame:
        """One of them at random; a file that turns out broken is passed over."""
        for index in rng.permutation(len(self.paths)):
            try:
                return load_picture(self.paths[index], side or self.side)
            except UserError:
                continue
        raise UserError(f"Not one of the {len(self.paths)} pictures can be decoded any more.")


def sample(photos: Photos, config: RunConfig, index: int) -> SyntheticClip:
    """The clip number `index` of this run: the same whenever it is asked for."""
    rng = np.random.default_rng((config.seed, index))
    photo, other = photos.draw(rng), photos.draw(rng)
    data = config.data
    return clip_from_photos(photo, other, data.frames, (data.crop, data.crop), rng, data.motion)


def dataset(photos: Photos, config: RunConfig, start: int = 0) -> tf.data.Dataset:
    """Batches from step `start` on, without end; prefetched while the network works."""
    data, pairs = config.data, frame_pairs(config.data.frames)
    side = data.crop
    shapes = {
        "clip": (data.frames, side, side, 3),
        "flow": (len(pairs), side, side, 2),
        "visible": (len(pairs), side, side, 1),
        "light": (data.frames,),
    }

    def decode(index: npt.NDArray[np.int64]) -> list[npt.NDArray[np.float32]]:
        return _arrays(sample(photos, config, int(index)), data.frames, pairs)

    def load(index: tf.Tensor) -> dict[str, tf.Tensor]:
        arrays = tf.numpy_function(decode, [index], [tf.float32] * len(shapes))
        return {
            name: tf.ensure_shape(array, shape)
            for (name, shape), array in zip(shapes.items(), arrays, strict=True)
        }

    def add_style(batch: dict[str, tf.Tensor], step: tf.Tensor) -> dict[str, tf.Tensor]:
        # One style a batch, in turn: the Gram matrices of a batch are then averaged over one style.
        num_styles = config.student.num_styles
        chosen = tf.one_hot(tf.math.floormod(step, num_styles), num_styles)
        return {**batch, "style": tf.repeat(chosen[None], data.batch, axis=0)}

    clips = tf.data.Dataset.range(start * data.batch, NO_END * data.batch).map(load, num_parallel_calls=2)
    steps = tf.data.Dataset.range(start, NO_END)
    batches = tf.data.Dataset.zip(clips.batch(data.batch, drop_remainder=True), steps).map(add_style)
    return batches.prefetch(2)


def _arrays(
    clip: SyntheticClip, num_frames: int, pairs: list[tuple[int, int]]
) -> list[npt.NDArray[np.float32]]:
    frames = np.stack([to_float(clip.frame(time)) for time in range(num_frames)])
    flows, visible = zip(*(clip.flow(later, earlier) for later, earlier in pairs), strict=True)
    return [frames, np.stack(flows), np.stack(visible), np.array(clip.light, np.float32)]
