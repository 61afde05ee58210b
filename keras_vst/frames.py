"""Frames as the camera has them and as the network does: uint8 <-> float32 in [0, 1], any size <-> multiples.

`fit` brings one (H, W, 3) uint8 frame to a size a network takes, `unfit` brings the result back to the
frame's own size: bit for bit when only padding was needed, resampled when the frame had to shrink or grow.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")  # the files that are read as one frame


@dataclass(frozen=True)
class Fitting:
    """Where a frame lies in its fitted form; all sizes are (height, width)."""

    original: tuple[int, int]  # the frame before fitting
    content: tuple[int, int]  # the frame inside the fitted picture; equal to `original` unless resized
    fitted: tuple[int, int]  # the whole fitted picture, border included
    corner: tuple[int, int]  # (row, column) of the content's first pixel


def to_float(frames: Pixels, out: npt.NDArray[np.float32] | None = None) -> npt.NDArray[np.float32]:
    """From uint8 [0, 255] to float32 [0, 1], any shape; the exact inverse of `to_uint8`.

    `out` is written instead of a new array; it has the shape of `frames`.
    """
    if frames.dtype != np.uint8:
        raise ValueError(
            f"`frames` must be uint8 in [0, 255]. Received: {frames.dtype}. Use `to_uint8` first."
        )
    return np.divide(frames, np.float32(255), out=out, dtype=np.float32)


def to_uint8(frames: npt.NDArray[np.floating]) -> Pixels:
    """From floats in [0, 1] to uint8 [0, 255], any shape: rounded, and clipped where they leave [0, 1]."""
    if not np.issubdtype(frames.dtype, np.floating):
        raise ValueError(
            f"`frames` must be floats in [0, 1]. Received: {frames.dtype}. Use `to_float` first."
        )
    rows = frames.astype(np.float32, copy=False).reshape(len(frames) if frames.ndim > 1 else 1, -1)
    # One pass that rounds and saturates, where NumPy takes three.  OpenCV's types forget the scalar.
    levels = np.asarray(cv2.multiply(rows, 255.0, dtype=cv2.CV_8U), np.uint8)  # pyright: ignore
    return levels.reshape(frames.shape)


def fit(
    frame: Pixels, size: tuple[int, int] | None = None, *, multiple: int = 8, margin: int = 0
) -> tuple[Pixels, Fitting]:
    """Give a frame sides that are multiples of `multiple`, with at least `margin` pixels of border around it.

    Without `size` the frame keeps its pixels and is padded by repeating its edge.  With `size` (height,
    width) it is first resized, keeping its aspect ratio, to the largest that leaves the margin free; the
    result then has just that size, rounded up to the multiple.  (H, W, 3) -> (H', W', 3) and the way back.
    """
    _check_frame(frame, "frame")
    if multiple < 1 or margin < 0:
        raise ValueError(
            f"`multiple` must be at least 1 and `margin` at least 0. Received: {multiple} and {margin}. "
            "Use the network's multiple, which is 8 as a rule."
        )
    original = frame.shape[0], frame.shape[1]
    content = original if size is None else _largest_inside(original, size, margin)
    wanted = (original[0] + 2 * margin, original[1] + 2 * margin) if size is None else size
    fitted = -(-wanted[0] // multiple) * multiple, -(-wanted[1] // multiple) * multiple
    # A resized frame sits in the middle; an unresized one keeps its place and grows down and right.
    top = margin if size is None else (fitted[0] - content[0]) // 2
    left = margin if size is None else (fitted[1] - content[1]) // 2
    fitting = Fitting(original, content, fitted, (top, left))
    return _pad(_resize(frame, content), fitting), fitting


def unfit(stylized: Pixels, fitting: Fitting) -> Pixels:
    """Undo `fit`: cut the border away and return to the original size.  (H', W', 3) -> (H, W, 3)."""
    _check_frame(stylized, "stylized")
    if stylized.shape[:2] != fitting.fitted:
        raise ValueError(
            f"`stylized` must have the fitted size {fitting.fitted}. Received: {stylized.shape[:2]}. "
            "Pass the fitting that came with this frame."
        )
    top, left = fitting.corner
    height, width = fitting.content
    inside = np.ascontiguousarray(stylized[top : top + height, left : left + width])
    return _resize(inside, fitting.original)


def _check_frame(frame: Pixels, name: str) -> None:
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or 0 in frame.shape:
        raise ValueError(
            f"`{name}` must be uint8 RGB of shape (height, width, 3). Received: {frame.dtype} of shape "
            f"{frame.shape}. Convert it with `to_uint8`, one frame at a time."
        )


def _largest_inside(original: tuple[int, int], size: tuple[int, int], margin: int) -> tuple[int, int]:
    """The largest size with the original's aspect ratio in a box of `size` less the margins."""
    box = size[0] - 2 * margin, size[1] - 2 * margin
    if min(box) < 1:
        raise ValueError(
            f"`size` must leave at least one pixel inside the margin. Received: size={size}, "
            f"margin={margin}. Use a size above {2 * margin}."
        )
    scale = min(box[0] / original[0], box[1] / original[1])
    return (min(box[0], max(1, round(original[0] * scale))), min(box[1], max(1, round(original[1] * scale))))


def _resize(frame: Pixels, size: tuple[int, int]) -> Pixels:
    height, width = size
    if frame.shape[:2] == (height, width):
        return frame
    # The mean over the area keeps fine texture from shimmering when shrinking; cubic is sharp when growing.
    shrinks = height < frame.shape[0] or width < frame.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(frame, (width, height), interpolation=method), np.uint8)


def _pad(content: Pixels, fitting: Fitting) -> Pixels:
    top, left = fitting.corner
    bottom = fitting.fitted[0] - fitting.content[0] - top
    right = fitting.fitted[1] - fitting.content[1] - left
    if not (top or left or bottom or right):
        return content
    padded = cv2.copyMakeBorder(content, top, bottom, left, right, cv2.BORDER_REPLICATE)
    return np.asarray(padded, np.uint8)


def on_white(pixels: Pixels, alpha: Pixels) -> Pixels:
    """(H, W, 3) of which `alpha` (H, W) is opaque, laid on white."""
    share = alpha[..., None].astype(np.uint16)
    return ((pixels * share + 255 * (255 - share) + 127) // 255).astype(np.uint8)
