"""What a score-card shows: a contact sheet, three frames in a row enlarged, and a plot.  All uint8 RGB."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import replace

import cv2
import numpy as np

from keras_vst import flow
from keras_vst.frames import Pixels, to_float, to_uint8
from training.evaluation.material import Clip
from training.evaluation.measures import MEASURES, Row
from training.evaluation.subjects import Painter

NUM_PHOTOS = 3
TILE_HEIGHT = 256
WINDOW = (128, 192)  # (height, width) of the middle of a frame, enlarged
ENLARGED = 3
CHANGE = 4  # times; a flicker of one level is not seen, and adds up
FIRST_SHOWN = 2  # frame; a film network has seen its own by then
MARKS = ("o", "x", "+", "s", "d", "^", "v")  # of the plot, one a row: network, controls, peers
ACROSS, UP = "texture", "steady"
HIGHEST = 0.1  # three floors; what has no contrast lies far above


def tiles(painter: Painter, photos: Sequence[Pixels]) -> list[Pixels]:
    """The first photos as painted, all of one height."""
    return [_tile(painter(photo)) for photo in photos[:NUM_PHOTOS]]


def sheet(photos: Sequence[Pixels], painted: Sequence[Pixels]) -> Pixels:
    """The photos above, below them what was painted of them."""
    first = [_tile(photo) for photo in photos[:NUM_PHOTOS]]
    return np.concatenate([np.concatenate(list(row), axis=1) for row in (first, painted)])


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


def plot(cards: Sequence[Mapping[str, Row]]) -> bytes | None:
    """Texture against steadiness as PNG, a point for each row of each network: down and left is better."""
    points = [
        (name, row[ACROSS], row[UP])
        for rows in cards
        for name, row in rows.items()
        if ACROSS in row and UP in row
    ]
    if not points:
        return None
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # half a second to import
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), dpi=110)
    FigureCanvasAgg(figure)
    figure.subplots_adjust(0.13, 0.13, 0.97, 0.97)  # a layout engine takes seconds
    axes = figure.add_subplot(xlabel=MEASURES[ACROSS].title, ylabel=MEASURES[UP].title, ylim=(0, HIGHEST))
    for index, row in enumerate(dict.fromkeys(name for name, _, _ in points)):
        own = [(x, y) for name, x, y in points if name == row]
        axes.scatter(*zip(*own, strict=True), marker=MARKS[index % len(MARKS)], label=row, s=36)
    for line, key in ((axes.axvline, ACROSS), (axes.axhline, UP)):
        line(MEASURES[key].floor or 0.0, color="grey", linewidth=0.8, linestyle="--")
    axes.grid(alpha=0.2)
    axes.legend(fontsize=7)
    data = io.BytesIO()
    figure.savefig(data, format="png")
    return data.getvalue()


def _tile(picture: Pixels) -> Pixels:
    width = round(picture.shape[1] * TILE_HEIGHT / picture.shape[0])
    return np.asarray(cv2.resize(picture, (width, TILE_HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)


def _change(now: Pixels, before: Pixels, motion: np.ndarray, visible: np.ndarray) -> Pixels:
    moved = flow.warp(to_float(before), np.ascontiguousarray(motion, np.float32))
    return to_uint8(np.minimum(np.abs(to_float(now) - moved) * visible * CHANGE, 1))


def _enlarged(frame: Pixels) -> Pixels:
    height, width = (min(side, whole) for side, whole in zip(WINDOW, frame.shape[:2], strict=True))
    top, left = (frame.shape[0] - height) // 2, (frame.shape[1] - width) // 2
    window = frame[top : top + height, left : left + width]
    size = width * ENLARGED, height * ENLARGED
    return np.asarray(cv2.resize(window, size, interpolation=cv2.INTER_NEAREST), np.uint8)
