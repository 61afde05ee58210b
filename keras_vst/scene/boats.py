"""Boats, each with the reflection that the ripples pull apart.

A boat is drawn about the middle of its water line (0, 0), and set into the scene by its motion.
"""

from __future__ import annotations

import numpy as np

from keras_vst.scene.canvas import Canvas
from keras_vst.scene.layers import Layer, Matrix, about, layer, move


def sailboat(
    foot: tuple[float, float], height: float, speed: float, colours: tuple[str, str], scale: float
) -> Layer:
    """A boat under sail; `colours` are sail and hull, `speed` is in units per second."""
    size = height / 100  # it is drawn 100 units high
    sail, hull = colours
    canvas = Canvas((-60, -110, 120, 160), scale * size)
    for step in np.linspace(0, 1, 16):
        width = (30 - 20 * step) * (1 + 0.3 * np.sin(step * 40))
        colour = hull if step < 0.3 else sail
        canvas.box(-4 * np.sin(step * 23) - width / 2, 1 + 36 * step, width, 1.9, colour)
    canvas.stroke([(0, -3), (0, -100)], 2.4, "#5a4334", 0.6)
    canvas.polygon([(1.6, -96), (36, -16), (1.6, -13)], sail)
    jib = [(-1.8, -86), (-27, -14), (-1.8, -16)]
    canvas.polygon(jib, sail)
    canvas.polygon(jib, "#2b3050", 0.18)
    for seam in (35, 55, 75):
        canvas.stroke([(1.6, -seam), (40 * (1.17 - seam / 100), 2 - seam)], 0.9, "#8d7a66", opacity=0.6)
    canvas.polygon([(-34, -10), (40, -12), (28, 2), (-25, 2)], hull)
    canvas.stroke([(-34, -10), (40, -12)], 2, "#f3ead6")

    def motion(time: float) -> Matrix:
        bob, heel = 0.7 * np.sin(1.7 * time + foot[0]), 1.6 * np.sin(1.3 * time + foot[0])
        return move(foot[0] + speed * time, foot[1] + bob) @ about((0, 0), heel, (size, size))

    return layer(canvas, foot[1], motion)


def fishing_boat(foot: tuple[float, float], scale: float) -> Layer:
    """A red trawler at its mooring, dressed with flags."""
    canvas = Canvas((-90, -66, 180, 104), scale)
    for step in np.linspace(0, 1, 12):
        left, colour = 24 * step - 62 + 3 * np.sin(step * 31), "#a33b32" if step < 0.5 else "#e9dfc8"
        canvas.box(left, 2 + step * 26, 116 - 52 * step, 1.3, colour)
    _rigging(canvas)
    canvas.box(-34, -38, 30, 24, "#f2ead8")
    canvas.box(-37, -41, 36, 4, "#2f6b6f")
    for left in (-30, -20, -11):
        canvas.box(left, -33, 6, 9, "#2f4358")
    canvas.polygon([(-68, -18), (70, -24), (52, 4), (-54, 4)], "#a8372f")
    canvas.polygon([(-60, -6), (60, -8), (52, 4), (-54, 4)], "#5f1f24", 0.8)
    canvas.stroke([(-68, -18), (70, -24)], 3.2, "#f2ead8")
    for tyre in np.linspace(-44, 44, 5):
        canvas.ellipse((tyre, -11), (3.6, 4.4), "#22262c")
        canvas.ellipse((tyre, -11), (1.5, 2.0), "#8a3a34")

    def motion(time: float) -> Matrix:
        return move(foot[0], foot[1] + 1.1 * np.sin(1.5 * time)) @ about((0, 0), 1.1 * np.sin(1.15 * time))

    return layer(canvas, foot[1], motion)


def _rigging(canvas: Canvas) -> None:
    canvas.stroke([(8, -20), (8, -62)], 2.2, "#6b4a34", 0.6)
    canvas.stroke([(8, -60), (66, -20)], 0.8, "#3c3540")
    canvas.stroke([(8, -60), (-60, -17)], 0.8, "#3c3540")
    for index, step in enumerate(np.linspace(0.08, 0.92, 9)):
        x, y = 8 - 68 * step, 43 * step - 60
        colour = ("#e0b23c", "#c9483a", "#3a7fa0", "#f2ead8")[index % 4]
        canvas.polygon([(x, y), (x + 5, y + 0.6), (x + 2, y + 6)], colour)
