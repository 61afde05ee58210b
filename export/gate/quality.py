"""Does a file flicker as the Keras network does?  What it paints is asked by parity.

Clips are (T, h, w, 3) of the content, float32 in [0, 1] or uint8.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from export.footage import Footage
from export.gate.check import Check, not_judged, rounded
from keras_vst import metrics
from keras_vst.frames import to_float

WORST_RATIO = 1.03
UNSEEN = 0.001  # a quarter of one level of 255, which rounding the picture to bytes alone comes near to
MOST_PAIRS = 16  # of frames, spread over the clip; flow and warp take 0.2 s a pair at 640x360

Clip = npt.NDArray[Any]


def flicker(footage: Footage, stylized: Clip) -> float:
    """Root mean square warp error over pairs of neighbouring frames; NaN where there is nothing to see."""
    if not np.isfinite(stylized.astype(np.float32)).all():
        return float("nan")  # which the checks of `numbers` tell
    pairs = np.linspace(1, len(stylized) - 1, min(MOST_PAIRS, len(stylized) - 1)).astype(int)
    squares = []
    for time in pairs:
        flow, visible = footage.flow(time)
        if visible.any():
            pair = _unit(stylized[time][None]), _unit(stylized[time - 1][None])
            squares.append(metrics.warp_error(*pair, flow[None], visible[None]) ** 2)
    return float(np.mean(squares)) ** 0.5 if squares else float("nan")


def steadiness(own: float, reference: float) -> Check:
    """The file's flicker against that of the Keras network."""
    limit = f"<= {WORST_RATIO} x the Keras network"
    if not np.isfinite([own, reference]).all():
        return not_judged("flicker", "warp error", limit, "what comes out is no picture")
    measured = {"file": rounded(own, 4), "Keras": rounded(reference, 4)}
    if reference > 0:
        measured["ratio"] = rounded(own / reference, 3)
    passed = own <= max(WORST_RATIO * reference, reference + UNSEEN)
    remedy = "rounding moves from frame to frame; calibrate on clips like those to come (--calibrate), or ship fp16"
    message = "" if passed else f"{own:.4f} against {reference:.4f}: {remedy}."
    return Check("flicker", "warp error", passed, limit, measured, message)


def _unit(frames: Clip) -> Clip:
    """Floats in [0, 1]: int8 files may step out of it by the rounding of their last operation."""
    return to_float(frames) if frames.dtype == np.uint8 else np.clip(frames, 0, 1)
