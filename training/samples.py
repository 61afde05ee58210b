"""What a run shows while it goes on: strips, what goes in above and what is made of it below; curves; TensorBoard.

Pictures are uint8 RGB (H, W, 3); a strip is one large one.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from keras_vst.config import RunConfig
from keras_vst.frames import to_float, to_uint8
from keras_vst.motion import Frame, clip_from_photos
from keras_vst.ops import warp
from training.data.pipeline import Sources
from training.temporal import frame_pairs

if TYPE_CHECKING:
    from training.data.shards import Shard

NUM_PHOTOS = 4
STRIP_SIDE = 384
FRAMES = 3
COLUMNS = 3  # of curves
KEPT = 0.9  # of the running mean of a curve, from one row to the next
ENLARGED = 4  # times; a flicker of one level is not seen, and adds up

Frames = npt.NDArray[np.uint8]
Field = npt.NDArray[np.float32]
Row = dict[str, float]


@dataclass(frozen=True)
class Shown:
    """What every strip of a run shows: always the same, so that strips can be compared."""

    photos: Frames  # (N, H, W, 3)
    painted: Frames | None  # the same as an artist painted them, for keyframes, or a pipeline, for looks
    clip: Frames  # (T, H, W, 3)
    flow: Field  # (T - 1, H, W, 2), from each frame back to the one before
    visible: Field  # (T - 1, H, W, 1)


def choose(sources: Sources, config: RunConfig) -> Shown:
    """Photos and a few frames of a clip, drawn once; of keyframes, the frames that were painted."""
    rng, side = np.random.default_rng(0), min(STRIP_SIDE, config.data.photo_side // 8 * 8)
    if sources.keyframes is not None:
        pairs = sources.keyframes.pairs
        side = min(side, *(min(frame.shape[:2]) // 8 * 8 for frame, _ in pairs))
        photos = [_square(frame, side) for frame, _ in pairs]
        painted = np.stack([_square(target, side) for _, target in pairs])
    else:
        photos = [_square(sources.photos.draw(rng, side), side) for _ in range(NUM_PHOTOS)]
        painted = np.stack([sources.look(photo) for photo in photos]) if sources.look else None
    if sources.clips is not None:
        clip = _real(sources.clips.draw(rng), side, rng)
    else:
        clip = _synthetic([photos[0], photos[-1]], side, rng)
    return Shown(np.stack(photos), painted, *clip)


def photo_strip(network: keras.Model, shown: Shown, config: RunConfig) -> tuple[Frame, Frames]:
    """One column a picture, the original above, what is made of it below; and that alone, (N, H, W, 3)."""
    rows = [shown.photos] if shown.painted is None else [shown.photos, shown.painted]
    painted = _follow(network, shown.photos[:, None], None, config)[:, 0]
    return _stacked([*rows, painted]), painted


def clip_strip(network: keras.Model, shown: Shown, config: RunConfig) -> Frame:
    """Frames of a clip, what is made of them, and below how it changed against the frame before, enlarged."""
    painted = _follow(network, shown.clip[None], (shown.flow[None], shown.visible[None]), config)[0]
    held = to_uint8(keras.ops.convert_to_numpy(warp(to_float(painted[:-1]), shown.flow)))
    change = np.abs(painted[1:].astype(np.float32) - held) * shown.visible * ENLARGED
    changes = np.concatenate([np.zeros_like(painted[:1]), np.minimum(change, 255).astype(np.uint8)])
    return _stacked([shown.clip, painted, changes])


def png(picture: Frame) -> bytes:
    """The picture as the bytes of a PNG file."""
    return cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes()


class Board:
    """TensorBoard's files; each start has a folder of its own, so that steps repeated after a kill draw no zigzags."""

    def __init__(self, folder: Path, first: int):
        self._writer = tf.summary.create_file_writer(str(folder / f"from_step_{first:06d}"))

    def row(self, row: Mapping[str, float]) -> None:
        """The terms of a row of metrics.jsonl; raw and weighted ones in groups of their own."""
        with self._writer.as_default(step=int(row["step"])):
            for name, value in row.items():
                if name.startswith("weighted_"):
                    tf.summary.scalar(f"weighted/{name.removeprefix('weighted_')}", value)
                elif name != "step":
                    tf.summary.scalar(f"raw/{name}", value)

    def strip(self, step: int, name: str, picture: npt.NDArray[np.uint8]) -> None:
        """A strip, uint8 RGB (H, W, 3)."""
        with self._writer.as_default(step=step):
            tf.summary.image(f"strips/{name}", picture[None])
        self._writer.flush()

    def scores(self, step: int, scores: Mapping[str, Any]) -> None:
        """How a discriminator's logits are spread: real and made apart is its task, too far apart is its end."""
        with self._writer.as_default(step=step):
            for name, values in scores.items():
                tf.summary.histogram(f"scores/{name}", values)

    def close(self) -> None:
        self._writer.close()


def draw_curves(rows: Sequence[Row]) -> bytes | None:
    """A PNG with one plot a term, raw values over steps; None where there is nothing to draw yet."""
    names = plotted(rows)
    if len(rows) < 2 or not names:
        return None
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # half a second to import, and rarely needed
    from matplotlib.figure import Figure

    height = math.ceil(len(names) / COLUMNS)
    drawn = Figure(figsize=(4 * COLUMNS, 2.4 * height), dpi=100)
    FigureCanvasAgg(drawn)
    drawn.subplots_adjust(0.05, 0.06, 0.99, 0.95, hspace=0.4)  # a layout engine takes seconds
    for place, name in enumerate(names, start=1):
        axes = drawn.add_subplot(height, COLUMNS, place)
        steps = [row["step"] for row in rows if name in row]
        values = [row[name] for row in rows if name in row]
        axes.plot(steps, values, linewidth=0.8, alpha=0.4, color="tab:blue")
        axes.plot(steps, _smoothed(values), linewidth=1.5, color="tab:blue")
        if min(values) > 0:
            axes.set_yscale("log")
        axes.set_title(name, fontsize=9)
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.2)
    png = io.BytesIO()
    drawn.savefig(png, format="png")
    return png.getvalue()


def plotted(rows: Sequence[Row]) -> list[str]:
    """The terms worth a plot, in the order in which they appear: raw ones, and the objective first."""
    names = dict.fromkeys(name for row in rows for name in row)
    return [name for name in names if name not in ("step", "minutes") and not name.startswith("weighted_")]


def _follow(
    network: keras.Model, clips: Frames, moves: tuple[Field, Field] | None, config: RunConfig
) -> Frames:
    """Paint clips (B, T, H, W, 3) frame by frame; of a film, with the painting before it where it can be seen."""
    painted, last = [], None
    for time in range(clips.shape[1]):
        frame = keras.ops.convert_to_tensor(to_float(clips[:, time]))
        given = {"frame": frame}
        if config.kind == "film":
            from keras_vst.models.teacher import first_inputs

            given = first_inputs(frame, config.teacher)
            if moves is not None and last is not None:
                flow, visible = (keras.ops.convert_to_tensor(field[:, time - 1]) for field in moves)
                given |= {"warped": warp(last, flow), "visible": visible}
        last = keras.ops.cast(network(given, training=False)["stylized"], "float32")
        painted.append(to_uint8(keras.ops.convert_to_numpy(last)))
    return np.stack(painted, axis=1)


def _real(shard: Shard, side: int, rng: np.random.Generator) -> tuple[Frames, Field, Field]:
    """Frames one after the other, with the flow between them."""
    sample = shard.cut(min(side, min(shard.frames.shape[1:3]) // 8 * 8), rng, colour=0.0)
    count = min(FRAMES, len(sample["clip"]))
    return to_uint8(sample["clip"][:count]), sample["flow"][: count - 1], sample["visible"][: count - 1]


def _synthetic(pictures: Sequence[Frame], side: int, rng: np.random.Generator) -> tuple[Frames, Field, Field]:
    """The same of a camera over the first picture, pieces of the second crossing it."""
    larger = [np.asarray(cv2.resize(picture, None, fx=1.25, fy=1.25), np.uint8) for picture in pictures]
    clip = clip_from_photos(larger[0], larger[1], FRAMES, (side, side), rng)
    flows, visible = zip(*(clip.flow(*pair) for pair in frame_pairs(FRAMES)[: FRAMES - 1]), strict=True)
    return np.stack([clip.frame(time) for time in range(FRAMES)]), np.stack(flows), np.stack(visible)


def _stacked(rows: Sequence[Frames]) -> Frame:
    return np.concatenate([np.concatenate(list(row), axis=1) for row in rows])


def _square(picture: Frame, side: int) -> Frame:
    height, width = picture.shape[:2]
    top, left = (height - side) // 2, (width - side) // 2
    return picture[top : top + side, left : left + side]


def _smoothed(values: Sequence[float]) -> list[float]:
    """The running mean of a curve, without the lag of a zero start."""
    mean, weight, found = 0.0, 0.0, []
    for value in values:
        mean, weight = KEPT * mean + (1 - KEPT) * value, KEPT * weight + 1 - KEPT
        found.append(mean / weight)
    return found
