"""Flat layers before a moving camera: what a frame shows, and exactly how every pixel of it moved.

A layer is an RGBA texture with an affine map to the scene at each moment; the camera adds to it, by the
layer's depth, another affine map.  So between two frames a layer moves by one affine map, known exactly.
Maps are 3x3 float64 matrices that act on columns (x, y, 1); time is in seconds since the shot's start.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from keras_vst.scene.canvas import Canvas

Matrix = npt.NDArray[np.float64]
Motion = Callable[[float], Matrix]

MIDDLE = (320.0, 180.0)  # of the scene's window, in scene units
_PURE = 0.9  # below it two layers that move differently mix in one pixel, which then has no one motion


def move(x: float, y: float) -> Matrix:
    """A shift."""
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], np.float64)


def about(pivot: tuple[float, float], angle: float = 0.0, scale: tuple[float, float] = (1.0, 1.0)) -> Matrix:
    """Scale, then turn by `angle` degrees (clockwise on the screen), about a pivot that stays."""
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    turn = np.array(
        [[cosine * scale[0], -sine * scale[1], 0], [sine * scale[0], cosine * scale[1], 0], [0, 0, 1]]
    )
    return move(*pivot) @ turn @ move(-pivot[0], -pivot[1])


def lean(foot: float, amount: float) -> Matrix:
    """Sway sideways by `amount` per unit of height above the line y = foot, as trees do."""
    return np.array([[1, -amount, amount * foot], [0, 1, 0], [0, 0, 1]], np.float64)


def still(_: float) -> Matrix:
    """The motion of what does not move."""
    return np.eye(3)


@dataclass(frozen=True)
class Layer:
    """A texture, its place in the scene, its depth and its motion of its own."""

    texture: npt.NDArray[np.uint8]
    place: Matrix  # texel -> scene units
    foot: float | None  # the y where it stands on the ground, which is its depth; None: it is the ground
    motion: Motion = still


def layer(canvas: Canvas, foot: float | None, motion: Motion = still) -> Layer:
    """What was drawn on a canvas, as a layer."""
    place = np.diag([1 / canvas.scale, 1 / canvas.scale, 1.0])
    place[:2, 2] = 0.5 / canvas.scale + canvas.left, 0.5 / canvas.scale + canvas.top
    return Layer(canvas.texture(), place, foot, motion)


@dataclass(frozen=True)
class Camera:
    """A camera over flat ground.  Each of the four numbers runs from its first to its second value."""

    horizon: float
    seconds: float
    slide: tuple[float, float]  # sideways way, as the shift of what stands 100 units below the horizon
    pan: tuple[float, float]  # shift of everything, in units
    zoom: tuple[float, float]
    roll: tuple[float, float]  # degrees

    def view(self, foot: float | None, time: float) -> Matrix:
        """Scene -> the camera's window, in units, for a layer at that depth."""
        part = time / self.seconds
        eased = part * part * (3 - 2 * part) * 0.6 + part * 0.4  # starts and ends gently, never at rest
        slide, pan, zoom, roll = (
            first + (last - first) * eased for first, last in (self.slide, self.pan, self.zoom, self.roll)
        )
        if foot is None:
            parallax = np.array([[1, -slide / 100, slide * self.horizon / 100], [0, 1, 0], [0, 0, 1]])
        else:
            parallax = move(-slide * (foot - self.horizon) / 100, 0)
        return about(MIDDLE, roll, (zoom, zoom)) @ move(-pan, 0) @ parallax


@dataclass(frozen=True)
class Composite:
    """One rendered moment."""

    frame: npt.NDArray[np.uint8]  # (H, W, 3)
    owner: npt.NDArray[np.int32]  # (H, W) index of the layer that shows most
    purity: npt.NDArray[np.float32]  # (H, W) part of the pixel which that layer makes up
    maps: list[Matrix]  # texel -> pixel of each layer


@dataclass(frozen=True)
class Shot:
    """Layers from back to front, and the camera that looks at them."""

    camera: Camera
    layers: Sequence[Layer]

    def composite(self, time: float, width: int, height: int) -> Composite:
        """Render the moment: the scene's 640 x 360 window covers the frame, cropped to its aspect."""
        window = _window(width, height)
        maps = [
            window @ self.camera.view(each.foot, time) @ each.motion(time) @ each.place
            for each in self.layers
        ]
        colour = np.zeros((height, width, 3), np.float32)
        owner = np.zeros((height, width), np.int32)
        purity = np.zeros((height, width), np.float32)
        for index, (each, matrix) in enumerate(zip(self.layers, maps, strict=True)):
            region = _region(each.texture.shape, matrix, width, height)
            if region is None:
                continue
            rows, columns = region
            size = columns.stop - columns.start, rows.stop - rows.start
            inverse = np.linalg.inv(move(-columns.start, -rows.start) @ matrix)[:2]
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            texels = cv2.warpAffine(each.texture, inverse, size, flags=flags).astype(np.float32)
            alpha = texels[..., 3] / 255
            colour[region] = colour[region] * (1 - alpha[..., None]) + texels[..., :3]
            purity[region] *= 1 - alpha
            owner[region] = np.where(alpha > purity[region], index, owner[region])
            purity[region] = np.maximum(purity[region], alpha)
        frame = np.round(np.clip(colour, 0, 255)).astype(np.uint8)
        return Composite(frame, owner, purity, maps)


def flow_between(
    previous: Composite, current: Composite
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Backward flow (H, W, 2) as (dx, dy), and visible (H, W, 1): where `previous` shows the same point."""
    height, width = current.owner.shape
    steps = np.stack(
        [before @ np.linalg.inv(now) for before, now in zip(previous.maps, current.maps, strict=True)]
    )[:, :2].astype(np.float32)
    own = steps[current.owner]
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    there = own[..., 0] * columns[..., None] + own[..., 1] * rows[..., None] + own[..., 2]
    x, y = there[..., 0], there[..., 1]
    inside = (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)
    nearest = cv2.remap(
        previous.owner.astype(np.float32), np.round(x), np.round(y), cv2.INTER_NEAREST, borderValue=-1
    )
    pure = cv2.remap(previous.purity, x, y, cv2.INTER_LINEAR)
    same = inside & (nearest == current.owner) & (np.minimum(pure, current.purity) >= _PURE)
    return (there - np.stack([columns, rows], -1)).astype(np.float32), same[..., None].astype(np.float32)


def _window(width: int, height: int) -> Matrix:
    scale = max(width / (2 * MIDDLE[0]), height / (2 * MIDDLE[1]))
    shift = width / 2 - scale * MIDDLE[0] - 0.5, height / 2 - scale * MIDDLE[1] - 0.5
    return move(*shift) @ np.diag([scale, scale, 1.0])


def _region(shape: tuple[int, ...], matrix: Matrix, width: int, height: int) -> tuple[slice, slice] | None:
    rows, columns = shape[:2]
    corners = matrix @ np.array([[0, columns, 0, columns], [0, 0, rows, rows], [1, 1, 1, 1]], np.float64)
    left, top = np.maximum(np.floor(corners[:2].min(1)) - 1, 0).astype(int)
    right, bottom = np.minimum(np.ceil(corners[:2].max(1)) + 2, (width, height)).astype(int)
    return (slice(top, bottom), slice(left, right)) if right > left and bottom > top else None
