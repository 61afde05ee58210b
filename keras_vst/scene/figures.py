"""Living things in parts, each part one layer with its own affine motion: walkers and gulls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from keras_vst.scene.canvas import Canvas
from keras_vst.scene.layers import Layer, Matrix, about, layer, move
from keras_vst.scene.textures import blend, noise, rgb

_HIP, _KNEE, _SHOULDER = (0.0, -50.0), (0.0, -26.0), (0.0, -80.0)  # of a walker drawn 100 units high


@dataclass(frozen=True)
class Walker:
    """Somebody who walks past: how they look, and where each part is at a moment."""

    start: tuple[float, float]  # where the feet are at time 0
    height: float
    step: float  # units per second, negative to the left
    coat: str
    legs: str
    hat: str
    skirt: bool = False
    phase: float = 0.0

    def stand(self, time: float) -> Matrix:
        """The ground under the feet."""
        size = self.height / 100
        return move(self.start[0] + self.step * time, self.start[1]) @ np.diag([size, size, 1.0])

    def body(self, time: float) -> Matrix:
        """The trunk, facing the way it goes; highest when the legs pass each other."""
        facing = np.diag([np.sign(self.step), 1.0, 1.0])
        return self.stand(time) @ facing @ move(0, -1.4 * abs(np.cos(self._stride(time))))

    def thigh(self, time: float, side: int) -> Matrix:
        """The upper leg of the near (1) or the far side (-1)."""
        return self.body(time) @ about(_HIP, -side * 25 * np.sin(self._stride(time)))

    def shin(self, time: float, side: int) -> Matrix:
        """The lower leg, bent while it swings forward."""
        bend = 8 + 26 * max(0.0, side * float(np.cos(self._stride(time))))
        return self.thigh(time, side) @ about(_KNEE, bend)

    def arm(self, time: float, side: int) -> Matrix:
        """The arm, against the leg of its side."""
        return self.body(time) @ about(_SHOULDER, side * 22 * np.sin(self._stride(time)))

    def _stride(self, time: float) -> float:
        return abs(self.step) / (self.height * 0.16) * time + self.phase  # the feet hardly slide at this pace


def walker(who: Walker, scale: float) -> list[Layer]:
    """Shadow, far limbs, body and near limbs, from back to front."""
    texels, foot = scale * who.height / 100, who.start[1]

    def limbs(side: int) -> tuple[Layer, Layer, Layer]:
        upper, lower = _leg(who.legs, texels, side)
        return (
            layer(lower, foot, lambda time: who.shin(time, side)),
            layer(upper, foot, lambda time: who.thigh(time, side)),
            layer(_sleeve(who.coat, texels, side), foot, lambda time: who.arm(time, side)),
        )

    far_shin, far_thigh, far_arm = limbs(-1)
    shin, thigh, arm = limbs(1)
    trunk, shadow = layer(_torso(who, texels), foot, who.body), layer(_shadow(texels), foot, who.stand)
    return [shadow, far_arm, far_shin, far_thigh, shin, thigh, trunk, arm]


def gull(
    start: tuple[float, float], step: tuple[float, float], span: float, foot: float, scale: float
) -> list[Layer]:
    """A bird that beats its wings; `foot` is the place on the ground below it, which is its depth."""

    def wing(side: int) -> Layer:
        canvas = Canvas((-1.2, -0.5, 2.4, 1.0), scale * span)
        outline = [(0, 0), (0.3, -0.16), (0.6, -0.13), (1, 0.06), (0.55, -0.03), (0.25, 0.02), (0, 0.07)]
        feathers = np.array(outline) * (side, 1)
        canvas.polygon(feathers, "#f7f4ec" if side > 0 else "#cfd3d6")
        canvas.polygon(feathers[2:5], "#6d7680")
        canvas.ellipse((0, 0.02), (0.17, 0.06), "#ffffff")

        def motion(time: float) -> Matrix:
            beat = 5.5 * time + start[0]
            at = move(start[0] + step[0] * time, start[1] + step[1] * time + 0.06 * span * np.cos(beat))
            return at @ about((0, 0), side * (16 * np.sin(beat) - 6), (span, span))

        return layer(canvas, foot, motion)

    return [wing(-1), wing(1)]


def _torso(who: Walker, scale: float) -> Canvas:
    canvas = Canvas((-30, -112, 60, 112), scale)
    hem = -22 if who.skirt else -44
    flare = 17 if who.skirt else 11
    white = np.full((*canvas.x.shape, 3), 255, np.float32)
    folds = noise(canvas.x, canvas.y, 9, np.random.default_rng(7), 3) * 0.10 + canvas.x * 0.012
    coat = blend(np.broadcast_to(rgb(who.coat), white.shape), white, folds)
    canvas.polygon(
        [(-8, -84), (8, -84), (11, -66), (9, -56), (flare, hem), (-flare, hem), (-9, -56), (-11, -66)], coat
    )
    canvas.stroke([(-9.5, -57), (0, -56), (9.5, -57)], 2.4, "#2b2320")
    canvas.stroke([(0, -90), (0.5, -83)], 6, "#c98d6b")
    canvas.ellipse((1.2, -95), (7.2, 8.4), "#dba783")
    canvas.ellipse((-2.8, -95.5), (6.0, 8.2), "#4a3327")
    canvas.ellipse((8.6, -94), (1.6, 1.4), "#dba783")
    canvas.ellipse((4.6, -96), (0.9, 1.2), "#2b211f")
    canvas.ellipse((0.5, -101.5), (12.5, 2.2), who.hat)
    canvas.polygon([(-7, -101), (-6, -109), (5.5, -109), (7, -101)], who.hat)
    canvas.stroke([(-6.8, -102.6), (6.8, -102.6)], 1.8, "#1c1714", opacity=0.6)
    return canvas


def _leg(colour: str, scale: float, side: int) -> tuple[Canvas, Canvas]:
    upper, lower = Canvas((-10, -58, 20, 40), scale), Canvas((-10, -34, 24, 38), scale)
    upper.stroke([(0, -51), (0, -38), (0, -25)], 10.5, colour, 0.72)
    lower.stroke([(0, -27), (0, -14), (0, -2)], 7.6, colour, 0.72)
    lower.polygon([(-4, -5), (3, -5), (10, -1.6), (10, 0), (-4, 0)], "#2a201c")
    for canvas in (upper, lower) if side < 0 else ():
        canvas.cover("#101018", canvas.alpha * 0.3)
    return upper, lower


def _sleeve(colour: str, scale: float, side: int) -> Canvas:
    canvas = Canvas((-12, -88, 28, 50), scale)
    canvas.stroke([(0, -81), (-0.5, -68), (2, -54)], 7.4, colour, 0.78)
    canvas.ellipse((2.6, -51.5), (2.8, 3.2), "#dba783")
    canvas.stroke([(-3.2, -79), (-3.6, -68), (-1, -55)], 1.4, "#1a1a22", 0.6, 0.35)
    if side < 0:
        canvas.cover("#101018", canvas.alpha * 0.3)
    return canvas


def _shadow(scale: float) -> Canvas:
    canvas = Canvas((-60, -14, 100, 28), scale)
    canvas.polygon([(6, -3), (-44, -6), (-46, 1), (6, 4)], "#1c1830", 0.34, 2.2)
    return canvas
