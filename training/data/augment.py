"""One random cut, mirror, scale and colour for all frames of a clip, its flow and visibility moved alike.

A sample is a dict of float32 arrays: `clip` (T, H, W, 3) in [0, 1], `flow` (P, H, W, 2), `visible` (P, H, W, 1).
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from keras_vst.frames import to_float
from training.data.shards import Shard

Sample = dict[str, npt.NDArray[np.float32]]
SHRINK, GROW = 1.5, 1.25  # how much smaller or larger than in the shard things are shown, at most
_LUMA = np.array([0.299, 0.587, 0.114])


def cut(shard: Shard, side: int, rng: np.random.Generator, colour: float) -> Sample:
    """A square of the shard at random, brought to `side` pixels."""
    height, width = shard.frames.shape[1:3]
    if min(height, width) < side:
        raise ValueError(
            f"A square of {side} pixels does not fit into a shard of {width}x{height}. "
            "Make the shards with the largest crop of the run as their side, or larger."
        )
    part = int(rng.uniform(side / GROW, min(height, width, SHRINK * side) + 1))
    top, left = rng.integers(height - part + 1), rng.integers(width - part + 1)
    window = slice(top, top + part), slice(left, left + part)
    moved = _moved(shard, window, side)
    if rng.random() < 0.5:
        moved = {name: array[:, :, ::-1] for name, array in moved.items()}
        moved["flow"] = moved["flow"] * np.array([-1, 1], np.float32)
    seen = moved["visible"] * [_inside(flow) for flow in moved["flow"]]
    return {
        "clip": to_float(jitter(moved["clip"], rng, colour)),
        "flow": np.ascontiguousarray(moved["flow"], np.float32),
        "visible": seen.astype(np.float32),
    }


def jitter(frames: npt.NDArray[np.uint8], rng: np.random.Generator, strength: float) -> npt.NDArray[np.uint8]:
    """Another exposure, white balance and saturation, the same for all frames (T, H, W, 3) uint8."""
    exposure, balance, saturation = rng.uniform(-1, 1), rng.uniform(-1, 1, 3), rng.uniform(-1, 1)
    if not strength:
        return np.ascontiguousarray(frames)
    gains = (1 + strength * exposure) * (1 + 0.5 * strength * balance)
    vivid = 1 + 2 * strength * saturation
    matrix = gains[:, None] * (vivid * np.eye(3) + (1 - vivid) * _LUMA)
    rows = np.ascontiguousarray(frames).reshape(-1, frames.shape[2], 3)
    return np.asarray(cv2.transform(rows, matrix), np.uint8).reshape(frames.shape)


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
