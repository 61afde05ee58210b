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
# for int8 round their sums in different ways, and the memory carries that on: the mean is what must agree, to less than
# half of what int8 itself may differ from the network (35 dB, 4.5 levels).
MOST_LEVELS = {"fp32": 1, "fp16": 1}
MOST_MEAN_LEVELS = {"int8": 2.0}

Clip = npt.NDArray[Any]


def agrees(label: str, precision: str, expected: Clip, play: Callable[[], Clip]) -> Check:
    """Whether a runtime, called `label`, plays the same clip as the LiteRT Interpreter, which played `expected`."""
    limit = (
        f"<= {MOST_MEAN_LEVELS[precision]:.0f} levels of 255 on average"
        if precision in MOST_MEAN_LEVELS
        else f"<= {MOST_LEVELS[precision]} level of 255 at every pixel"
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
    passed = (
        mean <= MOST_MEAN_LEVELS[precision]
        if precision in MOST_MEAN_LEVELS
        else largest <= MOST_LEVELS[precision]
    )
    message = "" if passed else _cause(played, difference)
    measured = {"largest": largest, "mean": rounded(mean, 4), "frames": float(len(played))}
    return Check("agreement", label, passed, limit, measured, message)


def _cause(played: Clip, difference: Clip) -> str:
    by_frame = difference.reshape(len(difference), -1).mean(axis=1)
    if not np.isfinite(played.astype(np.float32)).all():
        return "it gave NaN: an operation that this runtime computes in another way; see docs/deploy.md."
    growing = len(by_frame) > 2 and by_frame[-1] > 4 * max(by_frame[0], 1e-3)
    how = (
        "more with every frame, so it is the state that goes astray" if growing else "from the first frame on"
    )
    return f"its pixels differ {how}; release this file for the other runtimes only, or in another precision."


def _levels(clip: Clip) -> npt.NDArray[np.int16]:
    if clip.dtype == np.uint8:
        return clip.astype(np.int16)
    return np.stack([to_uint8(np.nan_to_num(frame)) for frame in clip]).astype(np.int16)
