"""What was found of one network, as data: rows of medians, times, bars passed or failed, ready for JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from keras_vst.frames import Pixels
from training.evaluation.measures import MEASURES

NETWORK = "network"
NO_MEMORY = "without its memory"
RUNNING_MEAN = "running mean"
PEER_STYLES = "peer, its nearest of 26"
PEER_PICTURE = "peer, this painting"

LEAST_DECIBELS = 35.0
MOST_FLICKER = 1.05
SHARE_OF_PEER = 0.25  # of the peer's time

Row = dict[str, float]


@dataclass(frozen=True)
class Bar:
    """One floor that a network has to reach."""

    title: str
    value: float
    limit: str
    passed: bool


@dataclass
class StyleCard:
    """One style: medians over the photos and clips, row by row, and what it looks like."""

    name: str
    rows: dict[str, Row]
    tiles: list[Pixels] = field(default_factory=list)  # photos as painted
    strip: Pixels | None = None  # three frames in a row, enlarged


@dataclass
class Card:
    """One network."""

    name: str
    file: str
    bytes: int | None
    styles: list[StyleCard]
    milliseconds: dict[str, float]
    rounded: dict[str, float]  # decibels, flicker_ratio, bytes of the int8 file; empty where there is none

    def medians(self) -> dict[str, Row]:
        """Over the styles, row by row."""
        return {
            row: {
                key: float(np.median(values))
                for key in MEASURES
                if (
                    values := [
                        style.rows[row][key] for style in self.styles if key in style.rows.get(row, {})
                    ]
                )
            }
            for row in dict.fromkeys(row for style in self.styles for row in style.rows)
        }

    def bars(self) -> list[Bar]:
        """Every bar that could be measured."""
        own = self.medians().get(NETWORK, {})
        found = [
            Bar(
                f"{measure.title}: {measure.told}", own[key], f"<= {measure.most:g}", own[key] <= measure.most
            )
            for key, measure in MEASURES.items()
            if measure.most is not None and key in own
        ]
        if self.rounded:
            decibels, flicker = self.rounded["decibels"], self.rounded["flicker_ratio"]
            exact, steady = decibels >= LEAST_DECIBELS, flicker <= MOST_FLICKER
            found.append(Bar("int8 over a clip, dB", decibels, f">= {LEAST_DECIBELS:g}", exact))
            found.append(
                Bar("int8 over a clip, flicker over that of fp32", flicker, f"<= {MOST_FLICKER:g}", steady)
            )
        if PEER_STYLES in self.milliseconds and NETWORK in self.milliseconds:
            share = self.milliseconds[NETWORK] / self.milliseconds[PEER_STYLES]
            found.append(
                Bar("network time over the peer's", share, f"<= {SHARE_OF_PEER:g}", share <= SHARE_OF_PEER)
            )
        return found

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "name": self.name,
            "file": self.file,
            "bytes": self.bytes,
            "milliseconds": _rounded(self.milliseconds, 2),
            "int8": _rounded(self.rounded, 4),
            "median": {row: _rounded(values) for row, values in self.medians().items()},
            "styles": {
                style.name: {row: _rounded(values) for row, values in style.rows.items()}
                for style in self.styles
            },
            "bars": [
                {
                    "of": bar.title,
                    "value": round(bar.value, 4),
                    "limit": bar.limit,
                    "passed": bool(bar.passed),
                }
                for bar in self.bars()
            ],
        }


def _rounded(values: Row, digits: int = 5) -> Row:
    return {name: round(value, digits) for name, value in values.items()}
