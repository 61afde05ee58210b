"""The time of day as black and white squares in a picture, and back: (H, W, 3) uint8 RGB, seconds.

Squares of 16 pixels come through JPEG and 4:2:0; 24 of them count tenths of milliseconds for 28 minutes.
"""

from __future__ import annotations

import numpy as np

from keras_vst.frames import Pixels

SIDE = 16  # pixels
BITS = 24
UNIT = 1e-4  # seconds
WEIGHTS = 1 << np.arange(BITS)


def write_stamp(pixels: Pixels, seconds: float) -> None:
    """Draw a time into the upper left corner, in place."""
    bits = (round(seconds / UNIT) & WEIGHTS) > 0
    pixels[:SIDE, : BITS * SIDE] = np.repeat(bits * np.uint8(255), SIDE)[None, :, None]


def age(pixels: Pixels, seconds: float) -> float:
    """How long before `seconds` the picture's stamp was written."""
    squares = pixels[:SIDE, : BITS * SIDE].reshape(SIDE, BITS, SIDE, 3).mean(axis=(0, 2, 3))
    stamp = int(WEIGHTS[squares > 127].sum())
    return ((round(seconds / UNIT) - stamp) % (1 << BITS)) * UNIT
