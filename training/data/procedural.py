"""Pictures made here, for those who have no photos: occluding things of many sizes, textured, lit, coloured.

Uint8 RGB (side, 4/3 side, 3).  A third are views of the project's own film, the others "dead leaves" cut from it:
things whose sizes follow a power law hide each other, which gives the spectrum and the edges that photos have.
"""

from __future__ import annotations

import threading
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from keras_vst.files import SCENE
from keras_vst.motion import Frame
from keras_vst.video import open_source
from training.data.photos import PictureMemory

EVERY = 12  # frames of the film from one view to the next
NUM_PICTURES = 1000
SHARE_OF_VIEWS = 0.3
SIDE = 512  # of a surface
NUM_SURFACES = 24


class ProceduralPhotos:
    """A thousand different pictures, each made when it is first drawn; the same for the same seed."""

    def __init__(self, seed: int, side: int):
        self.seed, self.side = seed, side
        self.skipped: list[tuple[Path, str]] = []
        self.paths: list[Path] = []
        self._memory = PictureMemory()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return NUM_PICTURES

    def draw(self, rng: np.random.Generator, side: int | None = None) -> Frame:
        """One of them at random."""
        number, side = int(rng.integers(NUM_PICTURES)), side or self.side
        return self._memory.get((number, side), lambda: self._make(number, side))

    def _make(self, number: int, side: int) -> Frame:
        with self._lock:  # the film takes a second to decode: once is enough
            things, views = self._surfaces, self._views
        rng = np.random.default_rng((self.seed, number))
        size = side, round(side * 4 / 3)
        if rng.random() < SHARE_OF_VIEWS:
            picture = _window(views[rng.integers(len(views))], size, rng, zoom=(1.0, 2.2))
        else:
            picture = _backdrop(things, views, size, rng)
            for reach in _sizes(rng, side):
                _put(picture, things[rng.integers(len(things))], reach, rng)
        return _developed(picture, rng)

    @cached_property
    def _surfaces(self) -> list[Frame]:
        rng = np.random.default_rng((self.seed, 1))
        return [_recoloured(self._views[rng.integers(len(self._views))], rng) for _ in range(NUM_SURFACES)]

    @cached_property
    def _views(self) -> list[Frame]:
        with open_source(SCENE) as source:
            return [frame.pixels for index, frame in enumerate(source) if index % EVERY == 0]


def _sizes(rng: np.random.Generator, side: int) -> list[float]:
    """Radii in the order in which the things are put down; the density falls with the cube of the radius."""
    least, most = 0.012 * side, rng.uniform(0.15, 0.45) * side
    count = int(rng.choice([4, 12, 40, 90]))
    place = rng.random(count)
    radii = (least**-2 - place * (least**-2 - most**-2)) ** -0.5
    radii[: 2 + count // 10] = rng.uniform(0.1, 0.35, 2 + count // 10) * side  # else hardly any is large
    return list(radii)


def _backdrop(
    things: list[Frame], views: list[Frame], size: tuple[int, int], rng: np.random.Generator
) -> Frame:
    """A surface seen flat, or a view of the film above a plain that recedes."""
    if rng.random() < 0.4:
        picture = _window(things[rng.integers(len(things))], size, rng, zoom=(0.6, 2.0))
        return cv2.GaussianBlur(picture, (0, 0), rng.uniform(1, 6)) if rng.random() < 0.4 else picture  # type: ignore
    height, width = size
    horizon = int(rng.uniform(0.25, 0.75) * height)
    picture = _window(views[rng.integers(len(views))], size, rng, zoom=(0.9, 1.6))
    near, far = rng.uniform(0.3, 1.0), rng.uniform(2.5, 6.0)  # how much of the plain a row shows
    middle, reach = SIDE / 2, SIDE * 0.25
    seen = np.array([
        [middle - reach * far, 0], [middle + reach * far, 0],
        [middle + reach * near, SIDE], [middle - reach * near, SIDE],
    ], np.float32)  # fmt: skip
    shown = np.array([[0, horizon], [width, horizon], [width, height], [0, height]], np.float32)
    plain = cv2.warpPerspective(
        things[rng.integers(len(things))],
        cv2.getPerspectiveTransform(seen, shown),
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT,
    )
    picture[horizon:] = plain[horizon:]
    return picture


def _put(picture: Frame, surface: Frame, radius: float, rng: np.random.Generator) -> None:
    """Put one thing somewhere: its shadow, then its surface, lit from a side."""
    height, width = picture.shape[:2]
    outline = _outline(radius, rng) + np.array([rng.uniform(0, width), rng.uniform(0, height)])
    left, top = np.maximum(np.floor(outline.min(0)).astype(int) - 2, 0)
    right, bottom = np.minimum(np.ceil(outline.max(0)).astype(int) + 3, (width, height))
    if right - left < 2 or bottom - top < 2:
        return
    place: Any = picture[top:bottom, left:right]
    mask = np.zeros(place.shape[:2], np.uint8)
    corners = np.round((outline - (left, top)) * 16).astype(np.int32)
    cv2.fillPoly(mask, [corners], 255, cv2.LINE_AA, 4)
    cover = mask[..., None].astype(np.float32) / 255
    start = rng.integers(0, SIDE - np.minimum(place.shape[:2], SIDE - 1))
    seen = surface[start[0] :, start[1] :][: place.shape[0], : place.shape[1]]
    if seen.shape != place.shape:  # larger than the surface itself
        seen = cv2.resize(surface, place.shape[1::-1])
    towards = rng.uniform(-0.6, 0.6, 2)
    slopes = (np.linspace(-1, 1, length, dtype=np.float32) for length in place.shape[:2])
    down, across = slopes
    light = 1 + np.float32(towards[0]) * down[:, None] + np.float32(towards[1]) * across
    tint = rng.uniform(0.6, 1.3) * rng.uniform(0.9, 1.1, 3)
    lit = seen * light[..., None] * tint.astype(np.float32)
    place[:] = np.clip(place + cover * (lit - place), 0, 255).astype(np.uint8)


def _outline(radius: float, rng: np.random.Generator) -> Any:
    """The corners of a round, an angular or a ragged thing about (0, 0): (N, 2) float."""
    kind = rng.integers(4)
    if kind == 0:  # a board, a wall, a post
        sides = radius * np.array([rng.uniform(0.1, 1), 1])
        points = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * sides
        turn = rng.normal(0, 0.05) if rng.random() < 0.5 else rng.uniform(0, np.pi)
    else:
        angles = np.linspace(0, 2 * np.pi, 5 if kind == 1 else 48, endpoint=False)
        ragged = 0.0 if kind == 2 else rng.uniform(0.02, 0.3)
        waves: Any = sum(
            rng.normal(0, ragged) / order * np.cos(order * angles + rng.uniform(0, 6))
            for order in range(2, 7)
        )
        points = radius * (1 + waves)[:, None] * np.stack([np.cos(angles), np.sin(angles)], -1)
        points *= (1, rng.uniform(0.4, 1))
        turn = rng.uniform(0, np.pi)
    return points @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])


def _window(
    surface: Frame, size: tuple[int, int], rng: np.random.Generator, zoom: tuple[float, float]
) -> Frame:
    """A part of a surface at a scale of its own, mirrored half the time."""
    height, width = surface.shape[:2]
    scale = max(size[0] / height, size[1] / width) * rng.uniform(*zoom)
    scale = max(scale, size[0] / height, size[1] / width)
    part = min(height, int(size[0] / scale)), min(width, int(size[1] / scale))
    top, left = rng.integers(0, height - part[0] + 1), rng.integers(0, width - part[1] + 1)
    seen = surface[top : top + part[0], left : left + part[1]]
    seen = seen[:, ::-1] if rng.random() < 0.5 else seen
    return np.asarray(cv2.resize(seen, size[::-1], interpolation=cv2.INTER_LINEAR), np.uint8)


def _developed(picture: Frame, rng: np.random.Generator) -> Frame:
    """White balance, contrast and a haze or none, as cameras and weathers differ."""
    levels = np.linspace(0, 1, 256, dtype=np.float32)[:, None]
    curve = levels ** rng.uniform(0.8, 1.8) * rng.uniform(0.85, 1.1, 3) + rng.uniform(0, 0.06, 3)
    table = np.clip(np.rint(255 * curve), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(picture, table[:, None]), np.uint8)


def _recoloured(view: Frame, rng: np.random.Generator) -> Frame:
    """A square of the film in other, paler colours and with a grain: a texture, (SIDE, SIDE, 3)."""
    part = _window(view, (SIDE, SIDE), rng, zoom=(1.0, 2.5))[..., rng.permutation(3)]
    vivid = rng.uniform(0.0, 0.6)
    mixed = vivid * np.eye(3) + (1 - vivid) / 3 + rng.normal(0, 0.03, (3, 3))
    grain = rng.uniform(0, 8) * rng.standard_normal((SIDE, SIDE, 1))
    return np.clip(part @ mixed + grain, 0, 255).astype(np.uint8)
