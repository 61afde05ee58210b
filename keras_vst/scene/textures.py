"""Procedural surfaces: a colour for every coordinate, at any resolution, the same for the same generator.

Coordinates `u`, `v` are float32 arrays in scene units (a frame is 640 x 360 of them); what comes back is
noise in about [-1, 1] with the same shape, or colour: float32 RGB in [0, 255], shape + (3,).
Handing in the coordinates of a receding plane (`ground`) gives the same surface in perspective.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]  # floating; OpenCV's stubs promise no more
Random = np.random.Generator

_LATTICE = 64  # cells before the noise repeats
_DETAIL = 8  # samples per cell: cv2.remap knows 1/32 of a sample, which alone would show as steps in a sky


@lru_cache
def rgb(code: str) -> Array:
    """'#ff8000' -> [255, 128, 0], not to be written to."""
    colour = np.array([int(code[start : start + 2], 16) for start in (1, 3, 5)], np.float32)
    colour.flags.writeable = False
    return colour


def noise(u: Array, v: Array, cell: float, random: Random, octaves: int = 4) -> Array:
    """Cloudy noise: lumps of `cell` units with `octaves` of finer lumps upon them."""
    private = random.spawn(1)[0]  # so that octaves left out at a low resolution change nothing else
    total = np.zeros(u.shape, np.float32)
    for octave in range(octaves):
        lattice, offset = _lattice(private), private.random(2) * _LATTICE
        frequency = 2.0**octave / cell
        columns, rows = (
            _wrap(axis * np.float32(frequency) + np.float32(start))
            for axis, start in zip((u, v), offset, strict=True)
        )
        total += cv2.remap(lattice, columns, rows, cv2.INTER_LINEAR) * np.float32(0.55**octave)
    return np.tanh(total * np.float32(1.1))


def ramp(value: Array, *stops: str) -> Array:
    """Colour of a value in [-1, 1]: the stops lie evenly from the lowest to the highest."""
    places = np.linspace(-1, 1, len(stops))
    colours = np.stack([rgb(stop) for stop in stops])
    return np.stack([np.interp(value, places, channel) for channel in colours.T], -1).astype(np.float32)


def blend(under: Array, over: Array, amount: Array) -> Array:
    """`over` on `under`, where amount (no channel axis) is 1."""
    return under + (over - under) * np.clip(amount, 0, 1)[..., None]


def smooth(value: Array, low: float, high: float) -> Array:
    """0 below `low`, 1 above `high`, an S-curve between."""
    step = np.clip((value - low) / (high - low), 0, 1)
    return (step * step * (3 - 2 * step)).astype(np.float32)


def ground(x: Array, y: Array, horizon: float, middle: float = 320.0) -> tuple[Array, Array]:
    """Coordinates on a plane that recedes to `horizon`; at 100 units below it one unit is one unit."""
    distance = 100.0 / np.maximum(y - horizon, 2.0)
    return ((x - middle) * distance).astype(np.float32), (distance * 160.0).astype(np.float32)


def plaster(u: Array, v: Array, random: Random, *colours: str) -> list[Array]:
    """Lime-washed walls, one of each colour: blotches, drips and a rough grain."""
    blotches = (
        noise(u, v, 26, random) * 9 + noise(u * 4, v, 14, random, 2) * 6 + noise(u, v, 2.2, random, 2) * 7
    )
    return [np.clip(rgb(colour) + blotches[..., None], 0, 255) for colour in colours]


def courses(u: Array, v: Array, random: Random, colour: str, size: tuple[float, float]) -> Array:
    """Bricks, tiles or paving stones of `size` units, in running bond, each a little different."""
    width, height = size
    row = np.floor(v / height).astype(np.int32)
    shifted = u / np.float32(width) + np.float32(0.5) * (row & 1)
    column = np.floor(shifted).astype(np.int32)
    tints = random.normal(0, 1, (_LATTICE, _LATTICE)).astype(np.float32)
    tint = tints[row % _LATTICE, column % _LATTICE]
    across, down = shifted - column, v / np.float32(height) - row
    joint = np.minimum(np.minimum(across, 1 - across) * width, np.minimum(down, 1 - down) * height)
    light = smooth(joint, 0, 0.14 * height) * 46 - 46 + tint * 13 + noise(u, v, height, random, 3) * 9
    return np.clip(rgb(colour) + light[..., None] * np.array([1.0, 0.95, 0.85]), 0, 255)


def water(u: Array, v: Array, random: Random, *stops: str) -> Array:
    """Ripples longer than they are high, with a sparkle on the crests."""
    waves = noise(u, v * 2.6, 34, random, 2) * 0.55 + noise(u, v * 3.4, 9, random, 3) * 0.75
    crests = smooth(noise(u, v * 3.2, 7, random, 2) + waves * 0.5, 0.75, 1.15)
    return blend(ramp(waves, *stops), np.full((*u.shape, 3), 250, np.float32), crests * 0.75)


def grass(u: Array, v: Array, random: Random, *stops: str) -> Array:
    """A meadow: patches, and blades that stand upright."""
    patches = noise(u, v * 1.4, 70, random, 3) * 0.55
    blades = noise(u, v * 0.35, 3.2, random, 3) * 0.5 + noise(u, v, 12, random, 3) * 0.35
    return ramp(patches + blades, *stops)


def sky(
    x: Array, y: Array, random: Random, air: tuple[str, ...], cloud: tuple[str, str], span: float
) -> Array:
    """A gradient over `span` units from the top, with clouds lit from above: `cloud` is (shaded, lit)."""
    backdrop = ramp(y / span * 2 - 1, *air)
    nearer = 1.0 + np.maximum(span - y, 0) / span  # clouds overhead are larger than those far off
    u, v = x / nearer, y / nearer * 2.4
    private = random.spawn(1)[0]
    seed = int(private.integers(1 << 31))
    body, above = (noise(u, v - lift, 95, np.random.default_rng(seed), 5) for lift in (0.0, 14.0))
    cover = smooth(body, -0.12, 0.62) * smooth(span * 1.04 - y, 0, span * 0.3)
    lit = ramp(np.clip((body - above) * 2.2, -1, 1), *cloud)
    return blend(backdrop, lit, cover * 0.93)


def _wrap(cells: Array) -> Array:
    return (cells - np.floor(cells * np.float32(1 / _LATTICE)) * _LATTICE) * _DETAIL


def _lattice(random: Random) -> Array:
    cells = random.uniform(-1, 1, (_LATTICE, _LATTICE)).astype(np.float32)
    margin = 4
    wrapped = cv2.copyMakeBorder(cells, margin, margin, margin, margin, cv2.BORDER_WRAP)
    fine = cv2.resize(wrapped, None, fx=_DETAIL, fy=_DETAIL, interpolation=cv2.INTER_CUBIC)
    start = margin * _DETAIL
    return fine[start : start + _LATTICE * _DETAIL + 1, start : start + _LATTICE * _DETAIL + 1]
