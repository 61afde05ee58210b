"""Strips to look at: the picture above, what the network makes of it below."""

from __future__ import annotations

from pathlib import Path

import cv2
import keras
import numpy as np

from keras_vst.config import RunConfig
from keras_vst.frames import to_float, to_uint8
from keras_vst.models.student import state_shape
from keras_vst.motion import Frame
from training.data import Photos

NUM_PHOTOS = 4
STRIP_SIDE = 384


def choose(photos: Photos) -> list[Frame]:
    """The same few photos for every strip of a run, cut to squares."""
    rng = np.random.default_rng(0)
    return [_square(photos.draw(rng, STRIP_SIDE)) for _ in range(NUM_PHOTOS)]


def write_strip(path: Path, student: keras.Model, pictures: list[Frame], config: RunConfig) -> None:
    """One column a picture: the original above, below it one row for each style."""
    frames = to_float(np.stack(pictures))
    state = np.zeros(state_shape(frames.shape, config.student), np.float32)
    rows = [np.concatenate(pictures, axis=1)]
    for style in np.eye(config.student.num_styles, dtype=np.float32):
        styles = np.repeat(style[None], len(pictures), axis=0)
        outputs = student({"frame": frames, "style": styles, "state": state}, training=False)
        stylized = to_uint8(keras.ops.convert_to_numpy(outputs["stylized"]))
        rows.append(np.concatenate(list(stylized), axis=1))
    cv2.imwrite(str(path), np.concatenate(rows)[..., ::-1])


def _square(picture: Frame) -> Frame:
    height, width = picture.shape[:2]
    top, left = (height - STRIP_SIDE) // 2, (width - STRIP_SIDE) // 2
    return picture[top : top + STRIP_SIDE, left : left + STRIP_SIDE]
