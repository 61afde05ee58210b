"""A row of old houses along the water, with a church; everything in scene units."""

from __future__ import annotations

from keras_vst.scene.canvas import Canvas
from keras_vst.scene.layers import Layer, layer
from keras_vst.scene.textures import Array, Random, courses, plaster

_WALLS = ("#e9c48c", "#d9785a", "#f0ead8", "#8fb3b0", "#e3a15f", "#c9604e", "#d8d3a4", "#b98aa0", "#f3d9b1")
_ROOFS = ("#b5533c", "#9c4a3a", "#7d5a52")
_SHUTTERS = ("#2f6b6f", "#35563b", "#7b2d2a", "#274a78", "#5b4636")


def town(scale: float, random: Random, shore: float) -> Layer:
    """The houses, down to the harbour wall whose foot is at y = `shore`."""
    canvas = Canvas((-110, 50, 860, shore - 46), scale)
    walls = plaster(canvas.x, canvas.y, random, *_WALLS)
    walls += [courses(canvas.x, canvas.y, random, "#b5614a", (5.2, 2.4))] * 4
    roofs = [courses(canvas.x, canvas.y, random, colour, (3.6, 2.6)) for colour in _ROOFS]
    left, previous = -112.0, -1
    while left < 750:
        width, height = random.uniform(34, 58), random.uniform(48, 92)
        chosen = int(random.choice([index for index in range(len(walls)) if index != previous]))
        box = left, shore - 7 - height, width, height
        _house(canvas, box, (walls[chosen], roofs[int(random.integers(len(roofs)))]), random)
        left, previous = left + width, chosen
    _church(canvas, (372, shore - 7), random)
    wall = courses(canvas.x, canvas.y, random, "#9c8f80", (11, 4.2))
    canvas.polygon([(-110, shore - 9), (750, shore - 9), (750, shore), (-110, shore)], wall)
    canvas.box(-110, shore - 2.6, 860, 2.6, "#3f4a43", 0.75)
    return layer(canvas, shore)


def _house(
    canvas: Canvas, box: tuple[float, float, float, float], surfaces: tuple[Array, Array], random: Random
) -> None:
    left, top, width, height = box
    wall, roof = surfaces
    canvas.box(left, top, width, height, wall)
    rise = random.uniform(9, 18)
    canvas.polygon(
        [(left - 2, top), (left + 5, top - rise), (left + width - 5, top - rise), (left + width + 2, top)],
        roof,
    )
    canvas.polygon(
        [(left, top), (left + width, top), (left + width, top + 5), (left, top + 3)],
        "#2b2238",
        0.33,
        1.2,
        True,
    )
    shutter = str(random.choice(_SHUTTERS))
    columns, floors = max(2, int(width // 15)), max(2, int(height // 24))
    for floor in range(floors):
        for column in range(columns):
            x = left + width * (column + 0.5) / columns
            y = top + 8 + (height - 10) * floor / floors
            _window(canvas, (x, y), shutter, door=floor == floors - 1 and column == columns // 2)
    canvas.box(left + width - 3.4, top, 3.4, height, "#2a2444", 0.22)


def _window(canvas: Canvas, at: tuple[float, float], shutter: str, door: bool) -> None:
    x, y = at
    tall = 16.0 if door else 10.5
    canvas.box(x - 3.9, y - 0.8, 7.8, tall + 1.6, "#f4ecdc")
    canvas.box(x - 3, y, 6, tall, shutter if door else "#33445a")
    if door:
        return
    canvas.polygon([(x - 3, y), (x + 3, y), (x - 3, y + 6)], "#9cc0d6", 0.75)
    canvas.box(x - 0.35, y, 0.7, tall, "#efe6d4")
    canvas.box(x - 7.2, y - 0.3, 3.2, tall + 0.6, shutter)
    canvas.box(x + 4.0, y - 0.3, 3.2, tall + 0.6, shutter)
    canvas.box(x - 4.5, y + tall + 0.6, 9, 1.5, "#7c6a5a")


def _church(canvas: Canvas, foot: tuple[float, float], random: Random) -> None:
    x, y = foot
    stone = courses(canvas.x, canvas.y, random, "#dccfb4", (6, 3.2))
    canvas.box(x - 12, y - 112, 24, 112, stone)
    canvas.box(x + 4, y - 112, 8, 112, "#2a2444", 0.22)
    canvas.box(x - 14, y - 114, 28, 3.4, "#b9a98c")
    canvas.polygon(
        [(x - 11, y - 114), (x - 8, y - 124), (x, y - 130), (x + 8, y - 124), (x + 11, y - 114)], "#4f8f86"
    )
    canvas.polygon([(x + 2, y - 114), (x + 2, y - 129), (x + 8, y - 124), (x + 11, y - 114)], "#28585c", 0.7)
    canvas.box(x - 0.5, y - 136, 1, 7, "#c9a24a")
    canvas.ellipse((x, y - 97), (5.4, 5.4), "#f6efdc")
    canvas.stroke([(x, y - 97), (x, y - 101)], 1, "#2b2b33")
    canvas.stroke([(x, y - 97), (x + 3, y - 95.5)], 1, "#2b2b33")
    for up in (82, 60):
        canvas.box(x - 3, y - up, 6, 12, "#3a3440")
        canvas.ellipse((x, y - up), (3, 3), "#3a3440")
