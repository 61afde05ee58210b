"""What was found of one network, as data: a row for it and for each control, times, bars passed or failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from keras_vst.frames import Pixels
from training.evaluation.measures import MEASURES, Row

NETWORK = "network"
BLURRED = "blurred"
TWO_COLOURED = "two-coloured photo"
LEFT_ALONE = "frame left alone"
PEER_STYLES = "peer, its nearest of 26"
PEER_PICTURE = "peer, this painting"

LEAST_DECIBELS = 44.0
MOST_FLICKER = 1.03
SHARE_OF_PEER = 0.16  # of its time: 18.7 of 118 ms, as an earlier network took, when this was set


@dataclass(frozen=True)
class Bar:
    """One floor that a network has to reach."""

    title: str
    value: float
    limit: str
    passed: bool
    unfit: bool = False  # worse than half of the floor

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        told = {"of": self.title, "value": round(self.value, 4), "limit": self.limit}
        return {**told, "passed": bool(self.passed), "unfit": bool(self.unfit)}


@dataclass
class Card:
    """One network: one style, one painting."""

    name: str
    file: str
    bytes: int | None
    rows: dict[str, Row]  # the network's own, its controls' and the peer's
    milliseconds: dict[str, float] = field(default_factory=dict)
    rounded: dict[str, float] = field(
        default_factory=dict
    )  # decibels, flicker_ratio, bytes of an int8 file beside it
    tiles: list[Pixels] = field(default_factory=list)  # photos as painted
    strip: Pixels | None = None  # three frames in a row, enlarged

    def bars(self) -> list[Bar]:
        """Every bar that could be measured."""
        found = bars_of(self.rows[NETWORK])
        if self.rounded:
            decibels, flicker = self.rounded["decibels"], self.rounded["flicker_ratio"]
            exact, steady = decibels >= LEAST_DECIBELS, flicker <= MOST_FLICKER
            found.append(Bar("int8 over a clip, dB", decibels, f">= {LEAST_DECIBELS:g}", exact))
            told = "int8 over a clip, flicker over that of fp32"
            found.append(Bar(told, flicker, f"<= {MOST_FLICKER:g}", steady))
        if PEER_STYLES in self.milliseconds and NETWORK in self.milliseconds:
            share = self.milliseconds[NETWORK] / self.milliseconds[PEER_STYLES]
            told = f"<= {SHARE_OF_PEER:g}"
            found.append(Bar("network time over the peer's", share, told, share <= SHARE_OF_PEER))
        return found

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "name": self.name,
            "file": self.file,
            "bytes": self.bytes,
            "milliseconds": _rounded(self.milliseconds, 2),
            "int8": _rounded(self.rounded, 4),
            "rows": {row: _rounded(values) for row, values in self.rows.items()},
            "bars": [bar.to_dict() for bar in self.bars()],
        }


def bars_of(row: Row) -> list[Bar]:
    """The floors of a row."""
    found = []
    for key, measure in MEASURES.items():
        if measure.floor is not None and key in row:
            limit, value = f"{'>=' if measure.more else '<='} {measure.floor:g}", row[key]
            passed = measure.reaches(value, measure.floor)
            found.append(Bar(measure.title, value, limit, passed, measure.unfit(value)))
    return found


def medians(cards: Sequence[Card]) -> Row:
    """Over the networks, of their own rows."""
    own = [card.rows[NETWORK] for card in cards]
    return {
        key: float(np.median([row[key] for row in own if key in row]))
        for key in MEASURES
        if any(key in row for row in own)
    }


def _rounded(values: Mapping[str, float], digits: int = 5) -> Row:
    return {name: round(value, digits) for name, value in values.items()}
