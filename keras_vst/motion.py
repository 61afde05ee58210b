"""Clips made from one photo, with flow and visibility that are exact by construction.

A camera pans, zooms and turns over the photo; pieces of a second photo cross the scene; the light changes.
Photos and frames: uint8 RGB, (H, W, 3).  Flow is backward, (H, W, 2) as (dx, dy) in pixels; visible is
(H, W, 1) float32 in {0, 1}.  Everything random comes from the generator that is handed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

SMALLEST_SHOWN = 1.6  # pixels of a photo in one of a frame, at most: beyond, a frame would alias

Frame = npt.NDArray[np.uint8]
Field = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float64]  # 3x3, takes a pixel (x, y, 1) of the frame to a pixel of the picture


@dataclass(frozen=True)
class MotionConfig:
    """A camera that drifts, an object that crosses, light that changes."""

    shift: float = 5.0  # pixels a frame, at most
    zoom: float = 0.015  # relative change a frame, at most
    rotation: float = 0.9  # degrees a frame, at most
    objects: int = 1  # pieces of another photo that move by themselves
    light: float = 0.06  # relative change of brightness a frame, at most
    noise: float = 2.0  # sensor noise, standard deviation in 1/255; what the network learns not to amplify


USUAL = MotionConfig()


@dataclass(frozen=True)
class Layer:
    """A picture, where it is opaque (None: everywhere), and how each frame looks at it."""

    picture: Frame
    alpha: Field | None
    path: list[Matrix]


@dataclass(frozen=True)
class SyntheticClip:
    """A clip of `len(light)` frames over layers that are stacked from back to front."""

    layers: list[Layer]
    size: tuple[int, int]  # (height, width)
    light: list[float]
    noise: list[Field]

    def frame(self, time: int) -> Frame:
        """What the camera sees at `time`."""
        canvas = np.zeros((*self.size, 3), np.float32)
        for layer in self.layers:
            seen = _look(layer.picture, layer.path[time], self.size).astype(np.float32)
            canvas = (
                seen if layer.alpha is None else canvas + _cover(layer, time, self.size) * (seen - canvas)
            )
        lit: Any = cv2.addWeighted(canvas, self.light[time], self.noise[time], 1.0, 0.0, dtype=cv2.CV_8U)
        return lit  # rounded and clipped in the same pass

    def flow(self, time: int, earlier: int) -> tuple[Field, Field]:
        """Where each pixel of frame `time` was in frame `earlier`, and whether it could be seen there."""
        owner = self._owners[time]
        flow: Any = None
        for index, layer in enumerate(self.layers):
            field = _flow_of(np.linalg.inv(layer.path[earlier]) @ layer.path[time], self.size)
            if layer.alpha is None:
                flow = field
            else:
                flow = np.zeros_like(field) if flow is None else flow
                cv2.copyTo(field, (owner == index).view(np.uint8), flow)  # 10 times as fast as an index
        return flow, self._visible(owner, self._owners[earlier], flow)

    @cached_property
    def _owners(self) -> list[Field]:
        """Of each frame, the index of the front layer at each pixel; -1 where layers blend or none is."""
        return [self._owner(time) for time in range(len(self.light))]

    def _owner(self, time: int) -> Field:
        owner = np.full(self.size, -1, np.float32)
        for index, layer in enumerate(self.layers):
            if layer.alpha is None:
                owner[:] = index
                continue
            cover = _cover(layer, time, self.size)[..., 0]
            owner[cover > 0] = -1
            owner[cover > 1 - 1e-3] = index
        return owner

    def _visible(self, owner: Field, owner_before: Field, flow: Field) -> Field:
        height, width = self.size
        there_x = flow[..., 0] + np.arange(width, dtype=np.float32)
        there_y = flow[..., 1] + np.arange(height, dtype=np.float32)[:, None]
        same = (owner >= 0) & (there_x >= 0) & (there_x <= width - 1)
        same &= (there_y >= 0) & (there_y <= height - 1)
        if len(self.layers) > 1 or self.layers[0].alpha is not None:
            # Each of the four pixels that bilinear sampling reads must belong to the same layer.
            for x in (np.floor(there_x), np.ceil(there_x)):
                for y in (np.floor(there_y), np.ceil(there_y)):
                    same &= cv2.remap(owner_before, x, y, cv2.INTER_NEAREST) == owner
        return same[..., None].astype(np.float32)


def clip_from_photos(
    photo: Frame,
    other: Frame,
    num_frames: int,
    size: tuple[int, int],
    rng: np.random.Generator,
    config: MotionConfig = USUAL,
) -> SyntheticClip:
    """A camera moves over `photo` while pieces of `other` cross it.  `size` is (height, width) of the frames."""
    background = Layer(photo, None, _camera(photo.shape[:2], size, num_frames, rng, config))
    pieces = [_piece(other, num_frames, size, rng, config) for _ in range(rng.integers(config.objects + 1))]
    gain, drift = rng.uniform(0.9, 1.1), rng.uniform(-config.light, config.light)
    light = [gain * (1 + drift) ** time for time in range(num_frames)]
    noise = [config.noise * _grain(size, rng) for _ in range(num_frames)]
    return SyntheticClip([background, *pieces], size, light, noise)


def _camera(
    photo_size: tuple[int, int],
    size: tuple[int, int],
    num_frames: int,
    rng: np.random.Generator,
    config: MotionConfig,
) -> list[Matrix]:
    """A steady drift whose start is drawn so that the frame lies inside the photo where it fits.

    Things are seen at the size at which video shows them, from most of the photo to three quarters of it.
    """
    fitting = min(photo_size[0] / size[0], photo_size[1] / size[1])
    scale = min(rng.uniform(0.76, 1.09) * fitting, SMALLEST_SHOWN)
    room = [
        max(0.0, whole - scale * part) / 2 for whole, part in zip(photo_size[::-1], size[::-1], strict=True)
    ]
    centre = [
        whole / 2 + rng.uniform(-1, 1) * space for whole, space in zip(photo_size[::-1], room, strict=True)
    ]
    flip = rng.choice([-1.0, 1.0])
    start = _similarity(scale, rng.uniform(-5, 5), centre, size, flip)
    step = _step(size, rng, config)
    return [start @ np.linalg.matrix_power(step, time) for time in range(num_frames)]


def _piece(
    other: Frame, num_frames: int, size: tuple[int, int], rng: np.random.Generator, config: MotionConfig
) -> Layer:
    """An ellipse cut from the other photo, with a motion of its own."""
    height, width = other.shape[:2]
    alpha = np.zeros((height, width), np.float32)
    centre = (int(rng.uniform(0.3, 0.7) * width), int(rng.uniform(0.3, 0.7) * height))
    axes = tuple(max(4, int(rng.uniform(0.12, 0.3) * min(height, width))) for _ in range(2))
    cv2.ellipse(alpha, centre, axes, rng.uniform(0, 180), 0, 360, 1.0, -1, cv2.LINE_AA)
    start = _similarity(1.0, rng.uniform(-15, 15), _somewhere(size, rng, centre), size, 1.0)
    fast = MotionConfig(shift=2 * config.shift, zoom=config.zoom, rotation=2 * config.rotation)
    step = _step(size, rng, fast)
    return Layer(
        other, alpha[..., None], [start @ np.linalg.matrix_power(step, time) for time in range(num_frames)]
    )


def _somewhere(size: tuple[int, int], rng: np.random.Generator, centre: tuple[int, int]) -> list[float]:
    """Where the frame's middle must look, for the piece at `centre` to be in sight."""
    height, width = size
    return [centre[0] + rng.uniform(-0.35, 0.35) * width, centre[1] + rng.uniform(-0.35, 0.35) * height]


def _step(size: tuple[int, int], rng: np.random.Generator, config: MotionConfig) -> Matrix:
    """One frame's motion.  A quarter of the clips stand still: what does not move must not flicker either."""
    if rng.random() < 0.25:
        return np.eye(3)
    middle = [(size[1] - 1) / 2, (size[0] - 1) / 2]
    shifted = [side + rng.uniform(-config.shift, config.shift) for side in middle]
    turn = rng.uniform(-config.rotation, config.rotation)
    return _similarity(1 + rng.uniform(-config.zoom, config.zoom), turn, shifted, size, 1.0)


def _similarity(
    scale: float, degrees: float, centre: list[float], size: tuple[int, int], flip: float
) -> Matrix:
    """Scale, turn and mirror about the frame's middle, which then lands on `centre`."""
    cosine, sine = scale * np.cos(np.radians(degrees)), scale * np.sin(np.radians(degrees))
    linear = np.array([[cosine * flip, -sine], [sine * flip, cosine]])
    middle = np.array([(size[1] - 1) / 2, (size[0] - 1) / 2])
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    matrix[:2, 2] = np.array(centre) - linear @ middle
    return matrix


def _look(picture: Frame, matrix: Matrix, size: tuple[int, int]) -> npt.NDArray[Any]:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(picture, matrix[:2], size[::-1], flags=flags, borderMode=cv2.BORDER_REFLECT_101)


def _cover(layer: Layer, time: int, size: tuple[int, int]) -> Field:
    """How opaque the layer is at each pixel, (H, W, 1)."""
    if layer.alpha is None:
        return np.ones((*size, 1), np.float32)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cover = cv2.warpAffine(layer.alpha, layer.path[time][:2], size[::-1], flags=flags)
    return cover[..., None].astype(np.float32)


def _flow_of(step: Matrix, size: tuple[int, int]) -> Field:
    rows, columns = np.arange(size[0], dtype=np.float32)[:, None], np.arange(size[1], dtype=np.float32)
    # Inverting leaves 1e-14 where nothing moves, which would put a still clip's first row out of sight.
    by_column, by_row, shift = (column.astype(np.float32) for column in (step - np.eye(3)).round(9).T)
    flow = np.empty((*size, 2), np.float32)
    for axis in (0, 1):
        np.add(by_column[axis] * columns + shift[axis], by_row[axis] * rows, out=flow[..., axis])
    return flow


def _grain(size: tuple[int, int], rng: np.random.Generator) -> Field:
    """White noise (H, W, 3) of deviation 1, cut from a long stretch that is drawn once: 40 times faster."""
    count, stretch = 3 * size[0] * size[1], _stretch()
    if 4 * count > len(stretch):
        return rng.standard_normal((*size, 3), np.float32)
    start = int(rng.integers(len(stretch) - count))
    return stretch[start : start + count].reshape(*size, 3)


@lru_cache(maxsize=1)
def _stretch() -> Field:
    return np.random.default_rng(0).standard_normal(1 << 21, np.float32)
