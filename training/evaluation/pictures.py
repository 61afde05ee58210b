"""What a card shows: a contact sheet, and three frames in a row enlarged.  Pictures are uint8 RGB (H, W, 3)."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from keras_vst import flow
from keras_vst.frames import Pixels, to_float, to_uint8
from training.evaluation.material import Clip
from training.evaluation.painters import Painter

NUM_PHOTOS = 3
TILE_HEIGHT = 256
WINDOW = (128, 192)  # (height, width) of the middle of a frame, enlarged
ENLARGED = 3
CHANGE = 4  # times; a flicker of one level is not seen, and adds up
FIRST_SHOWN = 2  # frame; a film network has seen its own by then


def tiles(painter: Painter, photos: Sequence[Pixels]) -> list[Pixels]:
    """The first photos as painted, all of one height."""
    return [tile(painter(photo)) for photo in photos[:NUM_PHOTOS]]


def tile(picture: Pixels) -> Pixels:
    """As high as every other in a row of the sheet."""
    width = round(picture.shape[1] * TILE_HEIGHT / picture.shape[0])
    return np.asarray(cv2.resize(picture, (width, TILE_HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)


def sheet(photos: Sequence[Pixels], rows: Sequence[Sequence[Pixels]]) -> Pixels:
    """The photos above, below them a row for each network."""
    first = [tile(photo) for photo in photos[:NUM_PHOTOS]]
    return np.concatenate([np.concatenate(list(row), axis=1) for row in (first, *rows)])


def strip(painter: Painter, clips: Sequence[Clip]) -> Pixels:
    """Three frames in a row of the clip that moves most; as painted; and what changed but for the motion."""
    clip = max(clips, key=lambda clip: float(np.abs(clip.flow(1, 0)[0]).mean()))
    last = min(FIRST_SHOWN + 3, len(clip.frames))
    painted = painter.clip(replace(clip, frames=clip.frames[:last]))
    shown = range(last - 3, last)
    rows = [
        [clip.frames[time] for time in shown],
        [painted[time] for time in shown],
        [_change(painted[time], painted[time - 1], *clip.flow(time, time - 1)) for time in shown],
    ]
    return np.concatenate([np.concatenate([_enlarged(each) for each in row], axis=1) for row in rows])


def jpeg(picture: Pixels) -> bytes:
    """As the bytes of a file."""
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes()


def embedded(kind: str, data: bytes) -> str:
    """The bytes of a picture as an address that a page can hold."""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


def _change(now: Pixels, before: Pixels, motion: np.ndarray, visible: np.ndarray) -> Pixels:
    moved = flow.warp(to_float(before), np.ascontiguousarray(motion, np.float32))
    return to_uint8(np.minimum(np.abs(to_float(now) - moved) * visible * CHANGE, 1))


def _enlarged(frame: Pixels) -> Pixels:
    height, width = (min(side, whole) for side, whole in zip(WINDOW, frame.shape[:2], strict=True))
    top, left = (frame.shape[0] - height) // 2, (frame.shape[1] - width) // 2
    window = frame[top : top + height, left : left + width]
    size = width * ENLARGED, height * ENLARGED
    return np.asarray(cv2.resize(window, size, interpolation=cv2.INTER_NEAREST), np.uint8)
