"""What the brushwork of a picture is like, in 32 numbers that know nothing of its colours.

In: (H, W, 3) uint8 RGB.  Out: (N,) float32, alike for pictures whose strokes are alike.  Light is taken in units of the
picture's own contrast, so that a faint print and a bold one with the same lines are near each other.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from keras_vst.frames import Pixels

Numbers = npt.NDArray[np.float32]
SIDE = 512  # the longer side at which a painting is looked at, as in training
OCTAVES = 4  # strokes of 2 to 16 pixels
FLAT = (0.02, 0.05, 0.1, 0.2)  # of the contrast: gradients below it are none


def texture(picture: Pixels) -> Numbers:
    """The numbers of one picture, at the size it has."""
    plane, found = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.float32), []
    plane = (plane - plane.mean()) / (plane.std() + 2.0)
    for _ in range(OCTAVES):
        blurred = cv2.GaussianBlur(plane, (0, 0), 1.0)
        found += [_band(plane - blurred), _gradients(blurred)]
        plane = np.asarray(
            cv2.resize(blurred, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.float32
        )
    return np.concatenate(found).astype(np.float32)


def at_side(picture: Pixels, side: int = SIDE) -> Pixels:
    """The picture with its longer side brought to `side`."""
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    size = max(16, round(width * scale)), max(16, round(height * scale))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, size, interpolation=way), np.uint8)


def _band(plane: Numbers) -> Numbers:
    """How much there is of one octave, and how rarely: dots and lines are rare and strong, grain is everywhere."""
    size = np.abs(plane)
    strength = float(np.sqrt(np.mean(plane**2))) + 1e-4
    skew = float(np.mean(plane**3)) / strength**3
    return np.array([np.log(strength), size.mean() / strength, np.clip(skew, -3, 3)], np.float32)


def _gradients(plane: Numbers) -> Numbers:
    """How much of the picture is flat, and how long strokes keep their direction.

    Which directions there are is left out: it is the drawing's, not the brush's, and misleads.
    """
    across, down = (cv2.Sobel(plane, cv2.CV_32F, *each, scale=0.25) for each in ((1, 0), (0, 1)))
    size = np.hypot(across, down)
    flat = [float(np.mean(size < limit)) for limit in FLAT]
    along, aside, both = (cv2.GaussianBlur(each, (0, 0), 3.0) for each in (across**2, down**2, across * down))
    coherent = float(np.hypot(along - aside, 2 * both).sum() / ((along + aside).sum() + 1e-6))
    return np.array([*flat, coherent], np.float32)
