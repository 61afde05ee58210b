"""A clip cut into shards, and squares cut out of these.

A shard is T frames in a row without a cut, with the flow and visibility of their pairs, in one `.npy` file of one
record, to be mapped and not read: `frames` (T, H, W, 3) uint8; for pair number i, which leads from frame `later` to
frame `earlier`, `flow[i]` (H, W, 2) float16 and `visible[i]` (H, W, 1) uint8.  `Shard.cut` takes a square out of all of
it alike: a sample is a dict of float32 arrays, `clip` (T, H, W, 3) in [0, 1], `flow` (P, H, W, 2), `visible` (P, H,
W, 1).
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from keras_vst import flow
from keras_vst.errors import UserError
from keras_vst.files import write_whole
from keras_vst.frames import to_float
from keras_vst.motion import Frame
from training.data.photos import jitter

MOST_FRAMES = 6000  # of one clip: a minute of decoding
WIDEST = 2.0  # a frame's longer side over its shorter; what is beyond is cut off
LEAST_VISIBLE = 0.25  # of a frame: below it the flow was lost, or there was a cut
Sample = dict[str, npt.NDArray[np.float32]]
SHRINK, GROW = 1.5, 1.25  # how much smaller or larger than in the shard things are shown, at most


class CacheTrouble(Exception):
    """The cache cannot be written to, which is no fault of the clip."""


@dataclass(frozen=True)
class ShardSettings:
    """What decides the content of a clip's shards."""

    frames: int
    side: int  # to which the shorter side of the frames is brought
    pairs: tuple[tuple[int, int], ...]  # (later, earlier): flow leads from the first to the second
    count: int = 32  # shards of one clip, at most, spread over it
    version: int = 3  # of this format

    def nbytes(self, aspect: float = 16 / 9) -> int:
        """The size of one shard, about."""
        return round(self.side**2 * aspect * (3 * self.frames + 5 * len(self.pairs)))


@dataclass(frozen=True)
class Shard:
    """Views into a mapped file (or arrays), as the module says."""

    frames: npt.NDArray[np.uint8]
    flow: npt.NDArray[np.float16]
    visible: npt.NDArray[np.uint8]

    def cut(self, side: int, rng: np.random.Generator, colour: float) -> Sample:
        """A square at random, brought to `side` pixels."""
        height, width = self.frames.shape[1:3]
        if min(height, width) < side:
            raise ValueError(
                f"A square of {side} pixels does not fit into a shard of {width}x{height}. "
                "Make the shards with the largest crop of the run as their side, or larger."
            )
        part = int(rng.uniform(side / GROW, min(height, width, SHRINK * side) + 1))
        top, left = rng.integers(height - part + 1), rng.integers(width - part + 1)
        window = slice(top, top + part), slice(left, left + part)
        moved = _moved(self, window, side)
        if rng.random() < 0.5:
            moved = {name: array[:, :, ::-1] for name, array in moved.items()}
            moved["flow"] = moved["flow"] * np.array([-1, 1], np.float32)
        seen = moved["visible"] * [_inside(flow) for flow in moved["flow"]]
        return {
            "clip": to_float(jitter(moved["clip"], rng, colour)),
            "flow": np.ascontiguousarray(moved["flow"], np.float32),
            "visible": seen.astype(np.float32),
        }


def cut_clip(path: Path, settings: ShardSettings, folder: Path) -> Iterator[tuple[int, Path | None]]:
    """Decode a clip and write its shards to `folder`; yields after each frame its number and a new shard's file.

    A shard that is there already, from a run that was killed, is not made again.
    """
    from keras_vst.video import open_source  # for those who have clips

    window, start, made = [], 0, 0
    with open_source(path) as source:
        stride = _stride(source.info.frames, settings)
        for index, timed in enumerate(source):
            if index == MOST_FRAMES or made == settings.count:
                return
            if index < start:
                yield index, None
                continue
            window.append(_fitted(timed.pixels, settings.side))
            if len(window) < settings.frames:
                yield index, None
                continue
            file = folder / f"{start:06d}.npy"
            kept = _is_whole(file) or _write(file, window, settings)
            window, start = [], max(start + stride, index + 1) if kept else index + 1
            made += kept
            yield index, file if kept else None


def open_shard(path: Path) -> Shard:
    """Map a shard; ValueError where it is not one, or not whole."""
    record = np.load(path, mmap_mode="r")
    if record.dtype.names != ("frames", "flow", "visible"):
        raise ValueError(f"A shard has frames, flow, visible. {path} has {record.dtype}. Delete it.")
    return Shard(*(record[name][0] for name in record.dtype.names))


def keep(file: Path, content: bytes | str) -> None:
    """Write a file of the cache whole, or raise `CacheTrouble`."""
    try:
        write_whole(file, content)
    except UserError as error:
        raise CacheTrouble(error) from error


def _stride(num_frames: int | None, settings: ShardSettings) -> int:
    """Frames from the start of a shard to that of the next, so that they spread over the clip."""
    return max(settings.frames, min(num_frames or 0, MOST_FRAMES) // settings.count)


def _fitted(pixels: Frame, side: int) -> Frame:
    height, width = pixels.shape[:2]
    reach = int(WIDEST * min(height, width))
    top, left = max(height - reach, 0) // 2, max(width - reach, 0) // 2
    part = pixels[top : top + reach, left : left + reach]
    scale = side / min(height, width)
    size = max(side, round(part.shape[1] * scale)), max(side, round(part.shape[0] * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(part, size, interpolation=method), np.uint8)


def _write(file: Path, window: list[Frame], settings: ShardSettings) -> bool:
    """Make one shard, or False where the flow of neighbouring frames was lost."""
    found = [flow.between(window[earlier], window[later]) for later, earlier in settings.pairs]
    near = [index for index, (later, earlier) in enumerate(settings.pairs) if abs(later - earlier) == 1]
    if min(float(found[index][1].mean()) for index in near) < LEAST_VISIBLE:
        return False
    height, width = window[0].shape[:2]
    count = len(settings.pairs)
    kinds: Any = [
        ("frames", "u1", (len(window), height, width, 3)),
        ("flow", "<f2", (count, height, width, 2)),
        ("visible", "u1", (count, height, width, 1)),
    ]
    record: Any = np.zeros(1, kinds)
    record["frames"] = np.stack(window)
    record["flow"], record["visible"] = (np.stack(arrays) for arrays in zip(*found, strict=True))
    buffer = io.BytesIO()
    np.save(buffer, record)
    keep(file, buffer.getvalue())
    return True


def _is_whole(file: Path) -> bool:
    try:
        open_shard(file)
    except (OSError, ValueError):
        return False
    return True


def reason_for_none(num_frames: int, settings: ShardSettings) -> str:
    """Why a clip gave no shard."""
    if num_frames < settings.frames:
        return f"too short: {num_frames} frames, and {settings.frames} in a row are needed"
    return f"no {settings.frames} frames in a row between cuts whose motion can be followed"


def _moved(shard: Shard, window: tuple[slice, slice], side: int) -> dict[str, Any]:
    """The window of everything, at `side` pixels; flow is in pixels, and so is scaled with it."""
    scale = side / (window[0].stop - window[0].start)
    frames, flow, visible = (
        array[:, window[0], window[1]] for array in (shard.frames, shard.flow, shard.visible)
    )
    return {
        "clip": _resized(frames, side),
        "flow": _resized(flow.astype(np.float32), side) * np.float32(scale),
        # A pixel made of several is visible where all of them are.
        "visible": (_resized(visible.astype(np.float32), side) > 0.999).astype(np.float32),
    }


def _resized(arrays: npt.NDArray[Any], side: int) -> npt.NDArray[Any]:
    if arrays.shape[1] == side:
        return arrays
    method = cv2.INTER_AREA if arrays.shape[1] > side else cv2.INTER_LINEAR
    resized = [cv2.resize(np.asarray(array), (side, side), interpolation=method) for array in arrays]
    return np.stack(resized).reshape(len(arrays), side, side, arrays.shape[-1])


def _inside(flow: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Whether what is at a pixel was in the picture, (H, W, 1)."""
    height, width = flow.shape[:2]
    x = flow[..., 0] + np.arange(width, dtype=np.float32)
    y = flow[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    return ((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1))[..., None]
