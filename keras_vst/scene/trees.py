"""Foliage, leaf by leaf: crowns of broad-leaved trees, and cypresses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from keras_vst.scene.canvas import Canvas
from keras_vst.scene.layers import Layer, layer, lean
from keras_vst.scene.textures import Random


@dataclass(frozen=True)
class Crown:
    """A mass of leaves.  `colours` run from dark to light."""

    middle: tuple[float, float]
    radii: tuple[float, float]
    leaves: int
    colours: tuple[str, ...]


def foliage(canvas: Canvas, crown: Crown, random: Random) -> None:
    """Draw a crown: dark leaves inside, light ones above and to the left."""
    lumps = random.normal(0, 0.42, (9, 2)).clip(-0.75, 0.75)
    for depth in np.linspace(0, 1, crown.leaves):
        offset = lumps[random.integers(len(lumps))] + random.normal(0, 0.22, 2) * (1.15 - 0.35 * depth)
        light = depth * 0.75 - 0.30 * offset[1] - 0.15 * offset[0] + random.normal(0, 0.12)
        place = np.asarray(crown.middle) + offset * crown.radii
        turn, long = random.uniform(0, np.pi), random.uniform(3.5, 6.5)
        along = np.array([np.cos(turn), np.sin(turn)]) * long
        aside = along[::-1] * (-0.42, 0.42)
        leaf = np.stack([place - along, place - aside, place + along, place + aside])
        canvas.polygon(leaf, _tone(crown.colours, light))


def cypress(
    foot: tuple[float, float], height: float, colours: tuple[str, ...], random: Random, scale: float
) -> Layer:
    """A slender tree that sways a little."""
    width, long = height * 0.3, 2 + height / 45
    canvas = Canvas((foot[0] - width, foot[1] - height * 1.1, 2 * width, height * 1.15), scale)
    canvas.box(foot[0] - 1.2, foot[1] - height * 0.2, 2.4, height * 0.2, "#3a2a22")
    for depth in np.linspace(0, 1, round(8 * height)):
        up, side = random.beta(1.5, 1.6), random.uniform(-1, 1)
        half = width * 0.4 * np.sin(np.pi * (0.08 + 0.9 * up) ** 0.75)
        x, y = foot[0] + side * half, foot[1] - height * (0.08 + 0.88 * up)
        tone = _tone(colours, depth * 0.6 + side * 0.35 + random.normal(0, 0.12))
        canvas.stroke([(x, y + long), (x + side, y), (x + side * 0.6, y - long)], 0.6 * long, tone, 0.3)
    return layer(canvas, foot[1], lambda time: lean(foot[1], 0.012 * np.sin(1.6 * time + foot[0])))


def _tone(colours: tuple[str, ...], light: float) -> str:
    return colours[int(np.clip(light * len(colours), 0, len(colours) - 1))]
