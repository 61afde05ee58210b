"""Does a file compute what the Keras network computes, looped over a clip with its state fed back?

Clips are (T, H, W, 3): float32 in [0, 1], or uint8 for the signature of bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from export.anatomy import Anatomy
from export.gate.check import Check, rounded
from export.parity import psnr

FLOORS = {"fp32": 80.0, "fp16": 50.0, "int8": 35.0}  # dB of PSNR
Clip = npt.NDArray[Any]


def parity(
    name: str, expected: Clip, played: Clip, precision: str, anatomy: Anatomy | None, kept: Sequence[str] = ()
) -> Check:
    """fp32 and fp16 are judged by their worst frame, int8 by the first and the last: there it must not drift.

    `kept` names the layers of an int8 file that stay float, because they cost the most.
    """
    decibels = frame_psnr(expected, played)
    first, last, worst = decibels[0], decibels[-1], float(np.min(decibels))  # min keeps a NaN
    floor = FLOORS[precision]
    judged = (first, last) if precision == "int8" else (worst,)
    passed = all(one >= floor for one in judged) and not np.isnan(worst)
    where = "at the first and the last frame" if precision == "int8" else "at the worst frame"
    limit = f">= {floor:.0f} dB {where} of {len(played)}"
    measured = {"first": rounded(first), "last": rounded(last), "worst": rounded(worst)}
    message = "" if passed else _cause(decibels, floor, precision, anatomy, kept)
    return Check("parity", name, passed, limit, measured, message)


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


def _cause(
    decibels: list[float], floor: float, precision: str, anatomy: Anatomy | None, kept: Sequence[str]
) -> str:
    if np.isnan(decibels).any():
        return f"frame {int(np.argmax(np.isnan(decibels))) + 1} holds NaN; look at the checks of `numbers`."
    stored = anatomy.precision if anatomy else precision
    if stored != precision:
        example = anatomy.example(stored).layer if anatomy else ""
        return (
            f"the file is judged as {precision}, but its weights are stored as {stored}, for instance those of "
            f"`{example}`; judge it as {stored} (--precisions {stored}), or convert it as {precision}."
        )
    if precision == "int8":
        return _int8_cause(decibels, floor, kept)
    worst = int(np.argmin(decibels)) + 1
    return (
        f"frame {worst} differs, though the weights are stored as {stored}: the file was made from other "
        "weights, or holds an operation that converts inexactly; convert it again from this run."
    )


def _int8_cause(decibels: list[float], floor: float, kept: Sequence[str]) -> str:
    first, last = decibels[0], decibels[-1]
    remedy = (
        f"{', '.join(kept)} cost the most and are float already; if better clips do not help, ship fp16."
        if kept
        else "let tflite.sensitive_layers find the layers that must stay float (keep_float)."
    )
    if first >= floor:
        return (
            f"it drifts, from {first:.1f} dB at frame 1 to {last:.1f} dB at frame {len(decibels)}: calibration "
            "did not see the states that really occur. Calibrate on states rolled out over real clips "
            f"(--calibrate); {remedy}"
        )
    return (
        f"{first:.1f} dB at frame 1 already: calibration saw other pictures than real ones (noise?), or a layer "
        f"suffers from int8. Calibrate on real clips (--calibrate); {remedy}"
    )
