"""Which sizes a network works at: (height, width), multiples of 8, its border included.

A frame that is processed small shows larger strokes and costs less; both go with the area.
"""

from __future__ import annotations

from math import sqrt

from keras_vst.errors import UserError
from keras_vst.networks.base import MULTIPLE, Size

# Pixels beyond which a frame is painted small and brought up with its own edges, unless --native or --size
# say otherwise; and about how many pixels are painted then.
LARGEST_NATIVE = 960 * 540
USUAL = 480 * 270
SMALLEST_SIDE = 64  # of the picture inside the border; below that it is no longer recognised
STEP = 0.8  # area of one size over the next larger one: 20 % of the time


def usual_size(frame: Size, margin: int, *, largest: int = LARGEST_NATIVE, usual: int = USUAL) -> Size | None:
    """What a network works at when nothing is said: the frame itself (None), or less for a large one.

    Frames beyond `largest` pixels are worked at with about `usual`.
    """
    if frame[0] * frame[1] <= largest:
        return None
    return scaled(frame, sqrt(usual / (frame[0] * frame[1])), margin)


def scaled(frame: Size, scale: float, margin: int) -> Size:
    """The multiple of 8 nearest to a scaled frame with its margins."""
    height, width = (MULTIPLE * round((side * scale + 2 * margin) / MULTIPLE) for side in frame)
    return max(height, 2 * margin + MULTIPLE), max(width, 2 * margin + MULTIPLE)


def ladder(frame: Size, margin: int, *, largest: Size | None = None, fixed: Size | None = None) -> list[Size]:
    """The sizes a controller may choose from, the largest first; a file that fixes its size has only that.

    `largest` is where to begin, by default the frame itself with its margins.
    """
    if fixed is not None:
        return [fixed]
    top = largest or tuple(-(-(side + 2 * margin) // MULTIPLE) * MULTIPLE for side in frame)
    sizes = [(top[0], top[1])]
    scale = min((top[0] - 2 * margin) / frame[0], (top[1] - 2 * margin) / frame[1])
    while min(frame) * (scale := scale * sqrt(STEP)) >= SMALLEST_SIDE:
        if (size := scaled(frame, scale, margin)) != sizes[-1]:
            sizes.append(size)
    return sizes


def check_size(size: Size | None, margin: int, fixed: Size | None, name: str) -> Size | None:
    """The size to work at: the file's own where it is fixed, else the wanted one; a UserError if it cannot."""
    if size is not None and min(size) <= 2 * margin:
        raise UserError(
            f"the size {size[1]}x{size[0]} leaves nothing inside a margin of {margin}; use a larger one."
        )
    if fixed is None or size == fixed:
        return size
    if size is not None:
        raise UserError(
            f"{name} works at {fixed[1]}x{fixed[0]} only, not at {size[1]}x{size[0]}; leave the size out."
        )
    return fixed
