"""Does a file compute what the Keras network computes, over a whole clip?

Clips are (T, H, W, 3): float32 in [0, 1], or uint8 for the signature of bytes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from export.anatomy import Anatomy
from export.gate.check import Check, rounded
from export.players import psnr

# dB of PSNR.  At 44 dB int8 is 1.6 of 255 levels off; below, the rounding begins to be seen as flicker.
FLOORS = {"fp32": 80.0, "fp16": 50.0, "int8": 44.0}
Clip = npt.NDArray[Any]


def parity(name: str, expected: Clip, played: Clip, precision: str, anatomy: Anatomy | None) -> Check:
    """Judged by the worst frame; int8 by all of them together, whose rounding differs from scene to scene."""
    decibels, floor = frame_psnr(expected, played), FLOORS[precision]
    whole, worst = _together(decibels), float(np.min(decibels))  # min keeps a NaN
    judged = whole if precision == "int8" else worst
    passed = bool(judged >= floor)
    limit = f">= {floor:.0f} dB {'over' if precision == 'int8' else 'at the worst of'} {len(played)} frames"
    measured = {"clip": rounded(whole), "worst": rounded(worst)}
    message = "" if passed else _cause(decibels, floor, precision, anatomy)
    return Check("parity", name, passed, limit, measured, message)


def _together(decibels: list[float]) -> float:
    """The PSNR of the clip, whose error is the mean of its frames'."""
    error = float(np.mean(np.power(10.0, -np.asarray(decibels) / 10)))
    return float("inf") if error == 0 else -10.0 * float(np.log10(error))


def frame_psnr(expected: Clip, played: Clip) -> list[float]:
    """Per frame, dB.  Of bytes only what is more than rounding counts: half a level is no error, either way."""
    if expected.shape != played.shape:
        raise ValueError(
            f"Both clips must have one shape. Received: {expected.shape} and {played.shape}. "
            "Play the same frames."
        )
    compare = _psnr_beyond_rounding if played.dtype == np.uint8 else psnr
    return [compare(one, other) for one, other in zip(expected, played, strict=True)]


def _psnr_beyond_rounding(expected: Clip, levels: Clip) -> float:
    apart = np.abs(levels.astype(np.float32) - expected * np.float32(255))
    return psnr(np.maximum(apart - np.float32(0.5), 0) / 255, np.zeros_like(apart))


def _cause(decibels: list[float], floor: float, precision: str, anatomy: Anatomy | None) -> str:
    worst = int(np.argmin(decibels)) + 1
    if np.isnan(decibels).any():
        return f"frame {int(np.argmax(np.isnan(decibels))) + 1} holds NaN; look at the checks of `numbers`."
    stored = anatomy.precision if anatomy else precision
    if stored != precision:
        return (
            f"the file is judged as {precision}, but its weights are stored as {stored}, for instance those of "
            f"`{anatomy.example(stored).layer if anatomy else ''}`; judge it as {stored} (--precisions {stored}), or "
            f"convert it as {precision}."
        )
    if precision == "int8":
        return (
            f"{decibels[worst - 1]:.1f} dB at frame {worst}: its ranges come from other pictures than these. Give "
            "clips like those to come (--calibrate); failing that, ship fp16."
        )
    return (
        f"frame {worst} differs, though the weights are stored as {stored}: the file was made from other "
        "weights, or holds an operation that converts inexactly; convert it again from this run."
    )
