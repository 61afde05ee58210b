"""How far a network is pruned, as it is written: 8ms@640x360/2threads, 250M, 0.5."""

from __future__ import annotations

import re
from dataclasses import dataclass

from keras_vst.errors import UserError
from keras_vst.networks.base import MULTIPLE
from keras_vst.zoo import DEFAULT_MARGIN

UNITS = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9}
MOST_THREADS = 256


@dataclass(frozen=True)
class Goal:
    """One of the three, the others None."""

    told: str  # as it was given
    milliseconds: float | None = None  # a frame of `size`, by so many threads
    macs: float | None = None
    ratio: float | None = None
    size: tuple[int, int] = (0, 0)  # (height, width), margin included
    threads: int = 0


def latency(text: str) -> Goal:
    """8ms@640x360/2threads."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)ms@(\d{1,5})x(\d{1,5})/(\d{1,3})threads?", text)
    if not found:
        raise UserError(f"--target is written 8ms@640x360/2threads. Received: {text}.")
    time, width, height, threads = float(found[1]), int(found[2]), int(found[3]), int(found[4])
    if time <= 0 or min(width, height) < MULTIPLE or not 1 <= threads <= MOST_THREADS:
        raise UserError(
            f"--target {text} cannot be met: a time above 0, sides from {MULTIPLE} pixels and 1 to {MOST_THREADS} "
            "threads are needed, for example 8ms@640x360/2threads."
        )
    size = tuple(-(-(side + 2 * DEFAULT_MARGIN) // MULTIPLE) * MULTIPLE for side in (height, width))
    return Goal(text, milliseconds=time, size=(size[0], size[1]), threads=threads)


def macs(text: str) -> Goal:
    """250M, 0.25G or a plain number."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?(?:e\d+)?)([kmg]?)", text.lower())
    value = float(found[1]) * UNITS[found[2]] if found else 0.0
    if not 0 < value < 1e15:
        raise UserError(f"--macs is a number above 0, such as 250M or 0.25G. Received: {text}.")
    return Goal(text, macs=value)


def ratio(text: str) -> Goal:
    """Between 0 and 1."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise UserError(
            f"--ratio is the share of the arithmetic that stays, between 0 and 1. Received: {text}. Try 0.5."
        )
    return Goal(text, ratio=value)
