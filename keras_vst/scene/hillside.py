"""The second shot: a hillside village at dusk, with a windmill and a lane through the meadow."""

from __future__ import annotations

import numpy as np

from keras_vst.scene.canvas import Canvas
from keras_vst.scene.figures import Walker, walker
from keras_vst.scene.layers import Camera, Layer, Shot, about, layer, lean, move
from keras_vst.scene.textures import (
    Array,
    Random,
    blend,
    courses,
    grass,
    ground,
    noise,
    plaster,
    ramp,
    rgb,
    sky,
    smooth,
)
from keras_vst.scene.trees import cypress

HORIZON = 176.0
_FIELD = 214.0  # the far edge of the meadow
_DUSK = ("#17202b", "#24352f", "#35503a", "#5b6b3c")


def hillside(scale: float, random: Random, seconds: float) -> Shot:
    """Build the shot; `scale` is texels per unit."""
    camera = Camera(HORIZON, seconds, slide=(30, -30), pan=(10, -12), zoom=(1.17, 1.06), roll=(0.7, -0.8))
    people = (
        Walker((150, 300), 74, 24, "#7a3b5c", "#33304a", "#2a2338", skirt=True),
        Walker((188, 302), 80, 24, "#46527c", "#2a2a3c", "#8a6a3c", phase=1.4),
    )
    return Shot(camera, [
        _sky(scale, random), _mountains(scale, random), _slope(scale, random),
        _mill(scale, random), _vanes(scale),
        *(cypress(foot, height, _DUSK, random, scale) for foot, height in (
            ((92, 206), 74), ((118, 208), 92), ((468, 207), 66), ((612, 208), 84), ((640, 209), 70))),
        _meadow(scale, random), _wall(scale, random),
        cypress((30, 262), 150, _DUSK, random, scale),
        *(part for each in people for part in walker(each, scale)),
        *(_flowers(scale, random, foot) for foot in (330, 372)),
    ])  # fmt: skip


def _sky(scale: float, random: Random) -> Layer:
    canvas = Canvas((-90, -50, 820, 290), scale)
    air = ("#2b2f63", "#5a4a86", "#a85f86", "#ea8a68", "#ffc878", "#ffe3a0")
    canvas.cover(sky(canvas.x, canvas.y + 50, random, air, ("#6a4a7c", "#ffb07a"), HORIZON + 74))
    reach = np.hypot(canvas.x - 400, (canvas.y - 108) * 1.2)
    glow = np.broadcast_to(rgb("#fff0b8"), canvas.colour.shape).astype(np.float32)
    canvas.cover(glow, np.exp(-reach / 60).astype(np.float32) * 0.85)
    canvas.ellipse((400, 106), (19, 19), "#fff6d0", soft=0.7)
    for _ in range(60):
        canvas.ellipse((random.uniform(-80, 720), random.uniform(-40, 60)), (0.8, 0.8), "#f6ecff", 0.8)
    return layer(canvas, HORIZON, lambda time: move(-0.9 * time, 0))


def _mountains(scale: float, random: Random) -> Layer:
    canvas = Canvas((-110, 80, 860, 150), scale)
    x = np.linspace(-110, 750, 160)
    for lift, colours in (
        (0, ("#8a5f8c", "#b87a92")), (20, ("#64487c", "#8f5d84")), (38, ("#463a66", "#6b4f74")),
    ):  # fmt: skip
        jag = 9 * np.abs(np.mod(x / 44 + lift, 2) - 1) + 5 * np.abs(np.mod(x / 17 + lift, 2) - 1)
        ridge = 122 + lift + 16 * np.sin(x / 108 + lift) - jag * (1 - lift / 60)
        surface = ramp(noise(canvas.x + canvas.y, canvas.y, 20, random), *colours)
        canvas.polygon([*zip(x, ridge, strict=True), (750, 240), (-110, 240)], surface)
    return layer(canvas, HORIZON + 3)


def _slope(scale: float, random: Random) -> Layer:
    """The near hill with its vineyard and the village."""
    canvas = Canvas((-130, 90, 900, 140), scale)
    x = np.linspace(-130, 770, 120)
    ridge = (
        186
        - 30 * np.exp(-(((x - 245) / 120) ** 2))
        - 22 * np.exp(-(((x - 560) / 90) ** 2))
        + 3 * np.sin(x / 40)
    )
    rows = np.sin((canvas.x * 0.35 + canvas.y * 1.9) * 0.75 + 2 * noise(canvas.x, canvas.y, 60, random, 2))
    fields = blend(
        ramp(noise(canvas.x, canvas.y * 2, 16, random), "#2a3a3c", "#41533f", "#7a7444"),
        ramp(rows, "#33303e", "#56663c", "#a08a4a"),
        smooth(noise(canvas.x, canvas.y * 2, 120, random, 2), 0.0, 0.12),
    )
    walls = plaster(canvas.x, canvas.y, random, "#8c7a94", "#a2868a", "#b8938a", "#7a7090")
    roofs = [courses(canvas.x, canvas.y, random, tile, (3, 2)) for tile in ("#6b3b45", "#57344a", "#7a4640")]
    homes = [(150 + 17 * index + random.uniform(-4, 4), random.uniform(0, 22)) for index in range(12)]
    canvas.polygon([*zip(x, ridge, strict=True), (770, 232), (-130, 232)], fields)
    for left, down in sorted(homes, key=lambda home: home[1]):
        top = float(np.interp(left, x, ridge)) + down - 8
        surfaces = walls[int(random.integers(len(walls)))], roofs[int(random.integers(len(roofs)))]
        _cottage(canvas, (left, top, random.uniform(15, 24), random.uniform(13, 20)), surfaces, random)
    canvas.polygon([(-130, 222), (770, 222), (770, 232), (-130, 232)], "#131a24", 0.5, 4, True)
    return layer(canvas, 206)


def _cottage(
    canvas: Canvas, box: tuple[float, float, float, float], surfaces: tuple[Array, Array], random: Random
) -> None:
    left, top, width, height = box
    wall, roof = surfaces
    canvas.box(left, top, width, height, wall)
    canvas.box(left, top, width * 0.35, height, "#1b1a38", 0.35)
    canvas.polygon(
        [(left - 2, top), (left + 3, top - 7), (left + width - 3, top - 7), (left + width + 2, top)], roof
    )
    for at in np.arange(0.25, 0.9, 0.3):
        if random.random() < 0.7:
            spot = left + width * at, top + height * 0.4
            canvas.ellipse(spot, (5, 5), "#ffb648", 0.5, 2.0)
            canvas.box(spot[0] - 1.3, spot[1] - 2, 2.6, 4, "#ffe08a")


def _mill(scale: float, random: Random) -> Layer:
    canvas = Canvas((490, 50, 130, 170), scale)
    stones = courses(canvas.x, canvas.y, random, "#a8909c", (8, 4))
    canvas.polygon([(532, 206), (541, 104), (571, 104), (580, 206)], stones)
    canvas.polygon([(556, 206), (556, 104), (571, 104), (580, 206)], "#1b1a38", 0.4, 5, True)
    canvas.polygon([(532, 206), (541, 104), (546, 104), (540, 206)], "#ffb070", 0.4, 2, True)
    canvas.polygon([(537, 106), (543, 92), (556, 85), (569, 92), (575, 106)], "#4a2f42")
    canvas.ellipse((556, 142), (7, 8), "#ffb648", 0.6, 2.5)
    canvas.box(553, 137, 6, 9, "#ffe08a")
    canvas.box(550, 186, 12, 20, "#3a2838")
    return layer(canvas, 206)


def _vanes(scale: float) -> Layer:
    hub = (556.0, 100.0)
    canvas = Canvas((hub[0] - 66, hub[1] - 66, 132, 132), scale)
    for quarter in range(4):
        turn = np.radians(90 * quarter)
        out, side = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
        cloth = [
            hub + out * 14 + side * 1,
            hub + out * 62 + side * 1,
            hub + out * 62 + side * 13,
            hub + out * 14 + side * 10,
        ]
        canvas.polygon(cloth, "#f0d6bc" if quarter % 2 else "#e4bfae")
        for at in np.linspace(14, 62, 7):
            canvas.stroke([hub + out * at + side, hub + out * at + side * (10 + at / 21)], 1, "#5a3d48")
        canvas.stroke([hub, hub + out * 64], 2.6, "#3d2836", 0.7)
    canvas.ellipse(hub, (4, 4), "#2c1e2c")
    return layer(canvas, 206, lambda time: about(hub, 38 * time))


def _meadow(scale: float, random: Random) -> Layer:
    canvas = Canvas((-330, _FIELD - 10, 1300, 230), scale)
    u, v = ground(canvas.x, canvas.y, HORIZON)
    turf = grass(u, v * 1.5, random, "#1f2f33", "#33503c", "#5c7440", "#b09a4c", "#e6c068")
    lane = smooth(26 - np.abs(v - 128 + 9 * np.sin(u / 90)) + 3 * noise(u, v, 12, random), -2, 5)
    turf = blend(turf, ramp(noise(u, v, 14, random), "#6a5360", "#a07a6c", "#e0b088"), lane)
    edge = [(x, _FIELD + 3 * np.sin(x / 60)) for x in np.linspace(-330, 970, 80)]
    canvas.polygon([*edge, (970, 440), (-330, 440)], turf)
    canvas.polygon([*edge, (970, 226), (-330, 226)], "#151d2b", 0.35, 5, True)
    for _ in range(900):
        depth = random.uniform(0.05, 1) ** 1.6
        x, y = random.uniform(-330, 970), _FIELD + 6 + depth * 200
        if abs(y - 301) > 26:
            colour = ("#f4d35e", "#e8e0f0", "#d8577a", "#b58ad8")[int(random.integers(4))]
            canvas.ellipse((x, y), (0.6 + 2.2 * depth, 0.5 + 1.7 * depth), colour)
    return layer(canvas, None)


def _wall(scale: float, random: Random) -> Layer:
    """A dry stone wall and a shrub beside the lane."""
    canvas = Canvas((400, 222, 330, 60), scale)
    stones = courses(
        canvas.x, canvas.y + 3 * noise(canvas.x, canvas.y, 30, random), random, "#8a7884", (13, 7)
    )
    top = [(x, 240 + 2.5 * np.sin(x / 13)) for x in np.linspace(420, 720, 60)]
    canvas.polygon([(410, 268), (730, 262), (730, 276), (400, 276)], "#151a2c", 0.45, 3)
    canvas.polygon([*top, (720, 269), (420, 269)], stones)
    canvas.polygon([*top, (720, 244), (420, 244)], "#ffc890", 0.35, 1, True)
    return layer(canvas, 270)


def _flowers(scale: float, random: Random, foot: float) -> Layer:
    """A fringe of long grass and flowers, near the camera."""
    canvas = Canvas((-260, foot - 66, 1160, 130), scale)
    greens = ("#131d22", "#1d2f2b", "#2f4a34", "#5a6e3c", "#a8944c")
    for depth in np.linspace(0, 1, 1500):
        x, high = random.uniform(-260, 900), random.uniform(16, 46) * (1.1 - 0.4 * depth)
        bend = random.normal(2, 7)
        colour = greens[int(np.clip((depth * 0.7 + random.normal(0.1, 0.15)) * 5, 0, 4))]
        canvas.stroke(
            [(x, foot + 26), (x + bend * 0.3, foot + 20 - high * 0.6), (x + bend, foot + 20 - high)],
            2.6,
            colour,
            0.15,
        )
    for _ in range(110):
        x, y = random.uniform(-260, 900), foot - random.uniform(-4, 24)
        colour = ("#e8475a", "#f0b840", "#e9dcf4", "#9a6ad0")[int(random.integers(4))]
        for turn in np.linspace(0, 2 * np.pi, 5, endpoint=False):
            canvas.ellipse((x + 3 * np.cos(turn), y + 2.6 * np.sin(turn)), (2.6, 2.3), colour)
        canvas.ellipse((x, y), (1.6, 1.5), "#3a2420")
    return layer(canvas, foot, lambda time: lean(foot + 26, 0.05 * np.sin(1.9 * time + foot)))
