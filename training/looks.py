"""Looks made by rule: photo in, the same photo as film, print, night or drawing out; (H, W, 3) uint8 RGB.

Each is a pure function of a neighbourhood of some 20 pixels, at the size at which video is painted: no grain, no
pattern of the screen, nothing random, so that what is the same in two frames looks the same in both, and a network
that sees as far can learn it.  Inside, `light` is linear and `print` is as it is shown, both in [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from keras_vst.errors import UserError
from keras_vst.frames import Pixels, to_uint8

Look = Callable[[Pixels], Pixels]
Plane = npt.NDArray[np.floating]  # (H, W), or (H, W, 3)

LUMA = (0.2126, 0.7152, 0.0722)  # of linear Rec. 709
# Film that sees all colours, behind the yellow filter that brings out the clouds.
PANCHROMATIC = (0.42, 0.51, 0.07)
PAPER, GRAPHITE = (0.975, 0.965, 0.94), (0.15, 0.15, 0.17)
_STORED = np.arange(256, dtype=np.float32) / 255
LINEAR = np.where(_STORED <= 0.04045, _STORED / 12.92, ((_STORED + 0.055) / 1.055) ** 2.4).astype(np.float32)


def silver(photo: Pixels) -> Pixels:
    """Black and white on silver: panchromatic, light that spreads in the film, a long toe and a soft shoulder."""
    light = _mixed(LINEAR[photo], PANCHROMATIC)
    light = light + 0.35 * _halo(light, 5)
    grey = 0.02 + 0.94 * _curve(_shown(light), contrast=1.1, middle=0.42)
    grey = np.clip(grey + 0.25 * (grey - _blur(grey, 2.5)), 0, 1)  # the edge that a developer leaves
    return _finished(grey[..., None] ** np.array([0.97, 1.0, 1.04], np.float32))  # warm paper


def stock(photo: Pixels) -> Pixels:
    """A warm colour negative: dyes that see each other's light, a red halo, lifted shadows, creamy highlights."""
    light = LINEAR[photo]
    halo = _halo(_mixed(light, LUMA), 5)[..., None] * np.array([0.55, 0.2, 0.07], np.float32)
    crosstalk = np.array([[0.90, 0.09, 0.01], [0.05, 0.90, 0.05], [0.02, 0.13, 0.85]], np.float32)
    seen = _shown(cv2.transform(light + halo, crosstalk))
    seen = np.dstack(
        [
            _curve(seen[..., 0], contrast=1.25, middle=0.43),
            _curve(seen[..., 1], contrast=1.18, middle=0.45),
            _curve(seen[..., 2], contrast=1.02, middle=0.50),
        ]
    )
    black, white = np.array([0.045, 0.06, 0.085], np.float32), np.array([1.0, 0.97, 0.88], np.float32)
    return _finished(black + seen * (white - black))


def faded(photo: Pixels) -> Pixels:
    """A colour print of fifty summers: cyan gone first, blacks brown, whites yellow, contrast and colour low."""
    seen = _saturated(_shown(LINEAR[photo]), 0.62)
    density = -np.log10(np.maximum(seen, 0.03))  # of cyan, magenta and yellow dye, in R, G and B
    left = np.array([0.55, 0.72, 0.66], np.float32)
    stain = np.array([0.02, 0.06, 0.15], np.float32)
    return _finished(10 ** -(density * left + stain))


def day_for_night(photo: Pixels) -> Pixels:
    """A day that was shot as a night: little light, blue and almost colourless, a dark sky; lamps stay lit."""
    light = LINEAR[photo]
    grey = _mixed(light, LUMA)
    lamps = _lamps(light, grey)[..., None]
    lamplight = lamps * light * np.array([1.1, 0.85, 0.5], np.float32)
    even = grey / (grey + 0.55)  # what the sun lit comes down furthest
    tint = np.clip(light / (grey[..., None] + 0.02), 0, 3)  # colour without its lightness
    moonlit = (0.38 * even * (1 - 0.85 * _sky(light, grey)))[..., None] * (0.7 + 0.3 * tint)
    night = moonlit * np.array([0.45, 0.75, 1.35], np.float32)
    seen = _shown(night * (1 - lamps) + lamplight + 0.9 * _blur(lamplight, 6))
    return _finished(_curve(seen, contrast=1.2, middle=0.36))


def pencil(photo: Pixels) -> Pixels:
    """Graphite on paper: contours, and strokes that are thicker and blacker where it is darker."""
    grey = _shown(_mixed(LINEAR[photo], LUMA))
    tone = 0.7 * grey**0.85 + 0.3 * np.clip(0.5 + grey - _blur(grey, 12), 0, 1)  # dark places are opened up
    shade = 1 - _smooth_step(_blur(tone, 1.2), 0.02, 0.9)
    rising = _rising(grey**0.7)
    stroke = _smooth_step(rising / (np.abs(rising) + 0.02), 0.5 - shade, 1.2 - shade)
    lines = 0.8 * _contours(grey, 0.8) + 0.3 * _contours(grey, 1.6)
    graphite = np.clip(0.3 * shade + (0.3 + 0.45 * shade) * stroke + lines, 0, 0.97)[..., None]
    return _finished((1 - graphite) * np.array(PAPER, np.float32) + graphite * np.array(GRAPHITE, np.float32))


def anime(photo: Pixels) -> Pixels:
    """A cel: colours flat within clean lines, shadows in steps, sky and leaves bright.

    The five steps are soft: flat for most of each, and no edge that a level of noise could move.
    """
    flat = photo
    for _ in range(3):
        flat = np.asarray(cv2.bilateralFilter(flat, 7, 60, 5), np.uint8)
    seen = flat.astype(np.float32) / 255
    grey = _mixed(seen, LUMA)
    bright = grey**0.75
    floor = np.floor(5 * bright)
    lifted = 0.75 * (floor + _smooth_step(5 * bright - floor, 0.25, 0.75)) / 5 + 0.25 * bright
    seen = np.clip(seen * ((lifted + 0.03) / (grey + 0.03))[..., None], 0, 1)
    seen = np.clip(_saturated(seen, 1.3), 0, 1)
    outlines = _contours(_mixed(photo.astype(np.float32) / 255, LUMA), 0.9) + _contours(grey, 1.3)
    lines = np.clip(outlines, 0, 0.9)[..., None]
    return _finished(seen * (1 - lines) + lines * np.array([0.10, 0.08, 0.13], np.float32))


LOOKS: dict[str, Look] = {
    "silver": silver,
    "stock": stock,
    "faded": faded,
    "day-for-night": day_for_night,
    "pencil": pencil,
    "anime": anime,
}


def look_named(name: str) -> Look:
    """The look called so, or a UserError that lists them."""
    if name not in LOOKS:
        raise UserError(f"--look is one of {', '.join(LOOKS)}. Received: {name}.")
    return LOOKS[name]


def _mixed(light: Plane, weights: Sequence[float]) -> Plane:
    return cv2.transform(light, np.array([weights], np.float32)).astype(np.float32)


def _shown(light: Any) -> Plane:
    """Linear light as it is stored; more than white is white."""
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055).astype(np.float32)


def _finished(seen: Any) -> Pixels:
    return to_uint8(np.clip(seen, 0, 1).astype(np.float32))


def _blur(plane: Any, sigma: float) -> Plane:
    return cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101).astype(np.float32)


def _curve(seen: Any, contrast: float, middle: float) -> Plane:
    """The S of a film: steepest by `contrast` about `middle`, black and white where they were."""
    scale = 4 * contrast * 1.15

    def sigmoid(value: Any) -> Any:
        return 1 / (1 + np.exp(-scale * (value - middle)))

    low, high = sigmoid(0.0), sigmoid(1.0)
    s = (sigmoid(seen) - low) / (high - low)
    return np.asarray(0.6 * s + 0.4 * seen, np.float32)


def _halo(light: Plane, sigma: float) -> Plane:
    """What of the brightest light is thrown back by the film's base and spreads there."""
    return _blur(np.clip(light - 0.6, 0, None), sigma)


def _saturated(seen: Plane, factor: float) -> Plane:
    grey = _mixed(seen, LUMA)[..., None]
    return grey + factor * (seen - grey)


def _smooth_step(value: Any, low: Any, high: Any) -> Plane:
    share = np.clip((value - low) / (high - low), 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)


def _sky(light: Plane, grey: Plane) -> Plane:
    """1 where it is bright and blue, less where it is white: sky and clouds, and whatever looks like them."""
    blue = (light[..., 2] - light[..., 0]) / (light[..., 2] + 0.05)
    return (
        _smooth_step(blue, -0.15, 0.45)
        * _smooth_step(light[..., 2], 0.12, 0.5)
        * (1 - 0.25 * _smooth_step(grey, 0.5, 1))
    )


def _lamps(light: Plane, grey: Plane) -> Plane:
    """1 where it is bright and deep yellow, amid something darker: lamps, lit windows, fire."""
    warm = _smooth_step((light[..., 0] - light[..., 2]) / (light[..., 0] + 0.05), 0.45, 0.7)
    stands_out = _smooth_step(grey / (_blur(grey, 10) + 0.02), 1.0, 1.8)
    return warm * stands_out * _smooth_step(grey, 0.22, 0.45)


def _contours(grey: Plane, sigma: float) -> Plane:
    """Lines where it is darker than around, and along the dark side of edges."""
    return _smooth_step(_blur(grey, 1.6 * sigma) - _blur(grey, sigma), 0.006, 0.05)


def _rising(grey: Plane) -> Plane:
    """Where a stroke that rises to the right would lie: what the picture itself has of lines in that direction, some
    six pixels apart, however faint.  So strokes move with it, and a convolution knows where they are.
    """
    y, x = np.mgrid[-16:17, -16:17].astype(np.float32)
    near = np.exp(-np.square(x + y) / (4 * 2.4**2) - np.square(x - y) / (4 * 5.5**2))
    near /= near.sum() / 2
    wave = near * np.cos(2 * np.pi * (x + y) / 9)
    wave -= near * wave.sum() / near.sum()  # plain grey has none
    return -np.asarray(cv2.filter2D(grey, -1, wave, borderType=cv2.BORDER_REFLECT_101), np.float32)
