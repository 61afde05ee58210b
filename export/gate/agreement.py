"""Do other runtimes give the same pixels?  Clips are (T, H, W, 3), float32 in [0, 1] or uint8."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from export.gate.check import Check, rounded
from export.runtimes import CannotPlay
from keras_vst.frames import to_uint8

# Levels of 255.  Floats differ by the order of summation, so a pixel between two levels may go either way.  Kernels
# for int8 round their sums in different ways: the mean is what must agree, to less than int8 itself may differ from
# the network (44 dB, 1.6 levels).
MOST_LEVELS, MOST_MEAN_LEVELS = 1, 1.0

Clip = npt.NDArray[Any]


def agrees(label: str, precision: str, expected: Clip, play: Callable[[], Clip]) -> Check:
    """Whether a runtime, called `label`, plays the same clip as the LiteRT Interpreter, which played `expected`."""
    int8 = precision == "int8"
    limit = (
        f"<= {MOST_MEAN_LEVELS:g} level of 255 on average"
        if int8
        else f"<= {MOST_LEVELS} level of 255 at every pixel"
    )
    try:
        played = play()
    except CannotPlay as error:
        message = f"{error}. Look at the checks of `operations`, and at that runtime's version."
        return Check("agreement", label, False, limit, message=message)
    if played.shape != expected.shape:
        message = (
            f"it gave {played.shape} instead of {expected.shape}: a size worked out when the file was built."
        )
        return Check("agreement", label, False, limit, message=message)
    difference = np.abs(_levels(played) - _levels(expected))
    largest, mean = float(difference.max()), float(difference.mean())
    passed = mean <= MOST_MEAN_LEVELS if int8 else largest <= MOST_LEVELS
    message = "" if passed else _cause(played)
    measured = {"largest": largest, "mean": rounded(mean, 4), "frames": float(len(played))}
    return Check("agreement", label, passed, limit, measured, message)


def _cause(played: Clip) -> str:
    if not np.isfinite(played.astype(np.float32)).all():
        return "it gave NaN: an operation that this runtime computes in another way; see docs/deploy.md."
    return "its pixels differ; release this file for the other runtimes only, or in another precision."


def _levels(clip: Clip) -> npt.NDArray[np.int16]:
    if clip.dtype == np.uint8:
        return clip.astype(np.int16)
    return np.stack([to_uint8(np.nan_to_num(frame)) for frame in clip]).astype(np.int16)
