"""What procedural photos are made of: squares of texture, uint8 RGB (SIDE, SIDE, 3), and frames of the scene."""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from pathlib import Path

import numpy as np

import keras_vst
from keras_vst.motion import Frame
from keras_vst.scene.textures import Array, courses, grass, noise, plaster, ramp, sky, water
from keras_vst.video import open_source

SCENE = Path(keras_vst.__file__).parent / "assets" / "scene.mp4"  # 640x360
SIDE = 512
NUM_SURFACES = 18
EVERY = 12  # frames of the film from one view to the next
HUES = ((0.08, 0.04), (0.26, 0.06), (0.58, 0.04), (0.5, 0.5))  # wood and skin, leaves, sky, anything
ANYWHERE, ABOVE = (0.45, 0.2, 0.22, 0.13), (0.25, 0.0, 0.75, 0.0)
_Maker = Callable[[Array, Array, np.random.Generator], Array]


def surfaces(rng: np.random.Generator) -> list[Frame]:
    """Textures of several kinds, colours and grains."""
    columns, rows = np.meshgrid(np.arange(SIDE, dtype=np.float32), np.arange(SIDE, dtype=np.float32))
    makers = list(_MAKERS)
    return [_draw(makers[index % len(makers)], columns, rows, rng) for index in range(NUM_SURFACES)]


def skies(rng: np.random.Generator, count: int = 5) -> list[Frame]:
    """Clear and clouded, by day and by night."""
    columns, rows = np.meshgrid(np.arange(SIDE, dtype=np.float32), np.arange(SIDE, dtype=np.float32))
    return [_draw(_sky, columns, rows, rng) for _ in range(count)]


def views() -> list[Frame]:
    """Frames from all over the project's own film, (360, 640, 3)."""
    with open_source(SCENE) as source:
        return [frame.pixels for index, frame in enumerate(source) if index % EVERY == 0]


def colours(
    rng: np.random.Generator,
    count: int,
    dark: float = 0.02,
    light: float = 0.9,
    shares: tuple[float, ...] = ANYWHERE,
) -> list[str]:
    """Of one family, from dark to light, as '#rrggbb'; `shares` says how often it is which of HUES."""
    middle, spread = HUES[rng.choice(len(HUES), p=shares)]
    hue, turn = middle + rng.normal(0, spread), rng.normal(0, 0.06)
    strength = rng.beta(1.6, 3.0)
    low = rng.uniform(dark, 0.6 * light)
    high = rng.uniform(low + 0.25, light + 0.1)
    found = []
    for place in np.linspace(0, 1, count):
        value = np.clip(low + (high - low) * place, 0, 1)
        parts = colorsys.hsv_to_rgb((hue + turn * place) % 1, strength * (1.1 - 0.6 * place), value)
        found.append("#" + "".join(f"{round(255 * part):02x}" for part in parts))
    return found


def _draw(maker: _Maker, columns: Array, rows: Array, rng: np.random.Generator) -> Frame:
    surface = maker(columns, rows, rng)
    grain = rng.uniform(0, 5) * rng.standard_normal(surface.shape[:2]).astype(np.float32)
    return np.clip(surface + grain[..., None], 0, 255).astype(np.uint8)


def _cloudy(u: Array, v: Array, rng: np.random.Generator) -> Array:
    stretch = np.float32(rng.uniform(0.4, 2.5))
    return ramp(noise(u, v * stretch, float(rng.uniform(40, 260)), rng, 6), *colours(rng, 4))


def _marbled(u: Array, v: Array, rng: np.random.Generator) -> Array:
    bend = noise(u, v, float(rng.uniform(60, 200)), rng, 4)
    waves = np.sin((u * rng.uniform(-1, 1) + v) / rng.uniform(4, 30) + rng.uniform(2, 8) * bend)
    return ramp(0.6 * waves + 0.4 * noise(u, v, 12.0, rng, 3), *colours(rng, 4))


def _spotted(u: Array, v: Array, rng: np.random.Generator) -> Array:
    cell = float(rng.uniform(8, 50))
    return ramp(
        np.tanh(4 * noise(u, v, cell, rng, 2)) * 0.8 + 0.2 * noise(u, v, 5.0, rng, 3), *colours(rng, 3)
    )


def _woven(u: Array, v: Array, rng: np.random.Generator) -> Array:
    pitch = rng.uniform(5, 40)
    threads = np.sign(np.sin(u / pitch)) * np.sin(v / pitch * rng.uniform(0.5, 3))
    return ramp(0.5 * threads + 0.6 * noise(u, v, 30.0, rng, 4), *colours(rng, 4))


def _smooth(u: Array, v: Array, rng: np.random.Generator) -> Array:
    across, down = rng.uniform(-1, 1, 2)
    slope = (u / SIDE - 0.5) * across + (v / SIDE - 0.5) * down
    return ramp(np.clip(1.4 * slope, -1, 1) + 0.06 * noise(u, v, 200.0, rng, 5), *colours(rng, 3))


def _paved(u: Array, v: Array, rng: np.random.Generator) -> Array:
    height = float(rng.uniform(8, 40))
    return courses(u, v, rng, colours(rng, 2)[1], (height * float(rng.uniform(1, 3)), height))


def _plastered(u: Array, v: Array, rng: np.random.Generator) -> Array:
    return plaster(u, v, rng, colours(rng, 2)[1])[0]


def _grassy(u: Array, v: Array, rng: np.random.Generator) -> Array:
    return grass(u, v, rng, *colours(rng, 4, 0.05, 0.8))


def _watery(u: Array, v: Array, rng: np.random.Generator) -> Array:
    return water(u, v, rng, *colours(rng, 3))


def _sky(u: Array, v: Array, rng: np.random.Generator) -> Array:
    air, clouds = colours(rng, 3, 0.25, 1.0, ABOVE), colours(rng, 2, 0.4, 1.0, (1.0, 0.0, 0.0, 0.0))
    return sky(u, v, rng, tuple(air), (clouds[0], clouds[1]), float(rng.uniform(300, 700)))


_MAKERS = (_cloudy, _marbled, _spotted, _plastered, _grassy, _smooth, _woven, _watery, _paved)
