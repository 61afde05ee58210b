"""Figures over a picture: lines of text in its corner, on (H, W, 3) uint8 RGB."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from keras_vst.frames import Pixels

FONT = cv2.FONT_HERSHEY_SIMPLEX
LINES = 24  # so many would fill the height
SMALLEST = 8  # pixels of a line; a picture too small for it is left alone


def draw(pixels: Pixels, lines: Sequence[str]) -> Pixels:
    """A copy with the lines in its upper left corner, white on a darkened ground."""
    height, width = pixels.shape[:2]
    step = max(height // LINES, SMALLEST)
    drawn = pixels.copy()
    if not lines or step * (len(lines) + 1) > height:
        return drawn
    scale = step / 30  # the font is 22 pixels high at scale 1
    longest = max(cv2.getTextSize(line, FONT, scale, 1)[0][0] for line in lines)
    ground = drawn[: step * len(lines) + step // 2, : min(width, longest + step)]
    ground[:] = ground // 3
    for row, line in enumerate(lines, 1):
        place = step // 2, step * row
        cv2.putText(drawn, line, place, FONT, scale, (255, 255, 255), 1, cv2.LINE_AA)
    return np.asarray(drawn, np.uint8)
