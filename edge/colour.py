"""What is done to a painted frame with the frame it was painted from: (H, W, 3) uint8 RGB both, and out."""

from __future__ import annotations

import cv2
import numpy as np

from keras_vst.frames import Pixels

Size = tuple[int, int]  # (height, width)


def mix(before: Pixels, after: Pixels, strength: float) -> Pixels:
    """`strength` 0 is the one as it was, 1 the other."""
    if strength in (0, 1):
        return after if strength else before
    return np.asarray(cv2.addWeighted(before, 1 - strength, after, strength, 0), np.uint8)


def recolour(before: Pixels, after: Pixels, *, keep_color: bool, detail: float, size: Size) -> Pixels:
    """Give the painting the frame's colours, its fine detail, or both.

    `detail` (0 to 1) is the share of the frame's lightness that is too fine for `size`, the size the network
    worked at, and is added to the painting's; a network at full size is taken to see half of it.
    """
    light, red, blue = cv2.split(cv2.cvtColor(after, cv2.COLOR_RGB2YCrCb))
    grey = None
    if keep_color:
        grey, red, blue = cv2.split(cv2.cvtColor(before, cv2.COLOR_RGB2YCrCb))
    if detail > 0:
        grey = cv2.cvtColor(before, cv2.COLOR_RGB2GRAY) if grey is None else grey
        fine = cv2.subtract(grey, _coarse(np.asarray(grey, np.uint8), size), dtype=cv2.CV_16S)
        light = cv2.add(light, cv2.multiply(fine, np.array([detail])), dtype=cv2.CV_8U)
    return np.asarray(cv2.cvtColor(cv2.merge([light, red, blue]), cv2.COLOR_YCrCb2RGB), np.uint8)


def half_and_half(before: Pixels, after: Pixels) -> Pixels:
    """The left half of one picture and the right half of the other, a white line between them."""
    middle = before.shape[1] // 2
    joined = np.concatenate([before[:, :middle], after[:, middle:]], axis=1)
    if middle > 8:
        joined[:, middle - 1 : middle + 1] = 255
    return joined


def _coarse(grey: Pixels, size: Size) -> Pixels:
    """What `size` can show of a picture of lightness, at the picture's own size."""
    height, width = grey.shape
    small = min(size[1], -(-width // 2)), min(size[0], -(-height // 2))
    shrunk = cv2.resize(grey, small, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
