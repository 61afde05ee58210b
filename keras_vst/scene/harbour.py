"""The first shot: a harbour town by day, seen from the quay."""

from __future__ import annotations

import numpy as np

from keras_vst.scene.boats import fishing_boat, sailboat
from keras_vst.scene.canvas import Canvas
from keras_vst.scene.figures import Walker, gull, walker
from keras_vst.scene.layers import Camera, Layer, Shot, layer, lean, move
from keras_vst.scene.textures import Random, blend, courses, grass, ground, noise, ramp, sky, smooth, water
from keras_vst.scene.town import town
from keras_vst.scene.trees import Crown, foliage

HORIZON = 168.0
SHORE, QUAY = 190.0, 276.0  # the town's water line and the quay's edge


def harbour(scale: float, random: Random, seconds: float) -> Shot:
    """Build the shot; `scale` is texels per unit."""
    camera = Camera(HORIZON, seconds, slide=(-34, 34), pan=(-14, 16), zoom=(1.06, 1.17), roll=(-0.9, 0.8))
    people = (
        Walker((120, 314), 92, 30, "#b8402f", "#3b3a4a", "#2c2a2e"),
        Walker((505, 326), 100, -34, "#2d5f8a", "#40566b", "#d9c08a", skirt=True, phase=1.0),
        Walker((330, 299), 78, 24, "#d9a441", "#4a3b30", "#5b3a2a", phase=2.2),
    )
    return Shot(camera, [
        _sky(scale, random), _hills(scale, random),
        *gull((180, 70), (15, 2), 17, 195, scale), *gull((430, 96), (-19, -3), 12, 180, scale),
        *gull((300, 48), (22, 5), 21, 205, scale),
        town(scale, random, SHORE), _water(scale, random),
        sailboat((430, 207), 66, -7.0, ("#f6f1e2", "#2f5f7a"), scale),
        sailboat((215, 216), 88, 8.5, ("#d96b45", "#f1e7d2"), scale),
        fishing_boat((520, 252), scale), _quay(scale, random),
        _lamp((148, 284), scale), _lamp((566, 284), scale),
        *(part for each in sorted(people, key=lambda who: who.start[1]) for part in walker(each, scale)),
        _goods(scale, random), _tree(scale, random),
    ])  # fmt: skip


def _sky(scale: float, random: Random) -> Layer:
    canvas = Canvas((-90, -50, 820, 260), scale)
    air = ("#2f77bd", "#5b9fd4", "#9cc9e3", "#dbe9e4", "#f3e8d0")
    canvas.cover(sky(canvas.x, canvas.y + 50, random, air, ("#aeb9cc", "#fffaf0"), HORIZON + 60))
    return layer(canvas, HORIZON, lambda time: move(-2.5 * time, 0))


def _hills(scale: float, random: Random) -> Layer:
    canvas = Canvas((-110, 90, 860, 110), scale)
    x = np.linspace(-110, 750, 130)
    for lift, colours in (
        (0, ("#7f9dba", "#9ab3c6")),
        (17, ("#5f8a86", "#88a98d")),
        (30, ("#4f7a55", "#8aa663")),
    ):
        ridge = 132 + lift + 15 * np.sin(x / (95 - lift) + lift) + 7 * np.sin(x / 31 + 2 * lift)
        surface = ramp(noise(canvas.x, canvas.y * 1.6, 22, random), *colours)
        canvas.polygon([*zip(x, ridge, strict=True), (750, 210), (-110, 210)], surface)
    return layer(canvas, HORIZON + 3)


def _water(scale: float, random: Random) -> Layer:
    canvas = Canvas((-200, SHORE - 4, 1040, QUAY - SHORE + 30), scale)
    u, v = ground(canvas.x, canvas.y, HORIZON)
    surface = water(u, v, random, "#1d4f74", "#2a6f93", "#4b97ad", "#8cc3c4")
    far = smooth(-canvas.y, -SHORE - 46, -SHORE)
    warm = ramp(noise(canvas.x, canvas.y * 5, 30, random, 3), "#4a7f92", "#b98f74", "#d8c4a0")
    canvas.cover(blend(surface, warm, far * 0.7))  # the town's colours, broken up by the ripples
    return layer(canvas, None, lambda time: move(3.0 * time, 0))


def _quay(scale: float, random: Random) -> Layer:
    canvas = Canvas((-260, QUAY, 1160, 160), scale)
    u, v = ground(canvas.x, canvas.y, HORIZON)
    stones = courses(u, v, random, "#b7a68c", (30, 15))
    stones = blend(
        stones, grass(u, v, random, "#4d5b36", "#8c9a5c"), smooth(noise(u, v, 60, random), 0.55, 0.9) * 0.5
    )
    canvas.cover(stones)
    edge = courses(canvas.x, canvas.y, random, "#d5c7ab", (34, 40))
    canvas.box(-260, QUAY, 1160, 6, edge)
    canvas.box(-260, QUAY + 6, 1160, 1.6, "#4a4038", 0.7)
    canvas.polygon([(-40, 304), (190, 296), (260, 312), (60, 345), (-40, 350)], "#241c3a", 0.32, 9, True)
    canvas.polygon([(520, 330), (700, 318), (760, 352), (560, 362)], "#241c3a", 0.3, 7, True)
    return layer(canvas, None)


def _lamp(foot: tuple[float, float], scale: float) -> Layer:
    x, y = foot
    canvas = Canvas((x - 20, y - 140, 70, 150), scale)
    canvas.polygon([(x, y - 1), (x + 42, y + 3), (x + 42, y + 6), (x, y + 2)], "#241c3a", 0.3, 1.5)
    canvas.stroke([(x, y), (x, y - 60), (x, y - 112)], 4.2, "#27343a", 0.6)
    canvas.polygon([(x - 6, y + 1), (x - 4, y - 10), (x + 4, y - 10), (x + 6, y + 1)], "#27343a")
    canvas.box(x - 10, y - 106, 20, 2.2, "#27343a")
    canvas.polygon([(x - 5, y - 112), (x - 8, y - 128), (x + 8, y - 128), (x + 5, y - 112)], "#f3e4b5")
    canvas.stroke([(x, y - 112), (x, y - 128)], 1.2, "#27343a")
    canvas.polygon([(x - 10, y - 127), (x, y - 137), (x + 10, y - 127)], "#27343a")
    canvas.ellipse((x - 13, y - 98), (4, 5), "#d85a6a")
    canvas.ellipse((x + 13, y - 98), (4, 5), "#e0b23c")
    return layer(canvas, y)


def _goods(scale: float, random: Random) -> Layer:
    canvas = Canvas((470, 250, 260, 140), scale)
    canvas.ellipse((600, 353), (104, 11), "#1c1830", 0.42, 4)
    planks = ramp(noise(canvas.x, canvas.y * 0.15, 5, random), "#7a4f2e", "#a8743f", "#c89a5c")
    for left, top, wide, high in ((560, 296, 62, 56), (626, 306, 58, 48), (578, 262, 46, 34)):
        canvas.box(left, top, wide, high, planks)
        for at in np.linspace(0, 1, 5):
            canvas.box(left, top + at * (high - 4), wide, 4 if at in (0, 1) else 1.1, "#5a3820", 0.8)
        canvas.stroke([(left + 2, top + high - 2), (left + wide - 2, top + 3)], 4.4, "#8a5a32")
        canvas.box(left + wide * 0.8, top, wide * 0.2, high, "#1c1830", 0.28)
    for index in range(90):
        spot = (522 + random.normal(0, 15), 334 + 5 * random.normal())
        fruit = ("#e8872e", "#f2b63d", "#d95a32")[index % 3]
        canvas.ellipse(spot, (4.2, 4.2), fruit)
        canvas.ellipse((spot[0] - 1.2, spot[1] - 1.4), (1.4, 1.2), "#fff0c8", 0.6)
    canvas.polygon(
        [(488, 336), (556, 336), (549, 358), (495, 358)],
        ramp(noise(canvas.x, canvas.y, 4, random), "#8a6236", "#d0a868"),
    )
    for at in (340, 346, 352):
        canvas.stroke([(490, at), (554, at)], 1.4, "#6a4526", opacity=0.7)
    return layer(canvas, 356)


def _tree(scale: float, random: Random) -> Layer:
    canvas = Canvas((-190, -70, 420, 470), scale)
    bark = ramp(noise(canvas.x, canvas.y * 0.25, 7, random), "#33261f", "#5e4737", "#8a6d52")
    canvas.polygon(
        [(-62, 400), (-34, 300), (-30, 180), (-40, 60), (-8, 60), (-2, 180), (8, 300), (34, 400)], bark
    )
    canvas.stroke([(-14, 130), (30, 70), (90, 34)], 15, bark, 0.3)
    canvas.stroke([(-20, 110), (-60, 40)], 14, bark, 0.4)
    greens = ("#1d3a26", "#2c5530", "#44763a", "#6f9c45", "#a3c25a", "#d6df86")
    for middle, radii, count in (
        ((-30, 26), (90, 62), 1300), ((66, 4), (96, 46), 1200), ((128, 34), (58, 30), 620),
    ):  # fmt: skip
        foliage(canvas, Crown(middle, radii, count, greens), random)
    return layer(canvas, 352, lambda time: lean(352, 0.008 * np.sin(1.4 * time)))
