"""A plot as PNG: texture against steadiness, one point for each row of each network."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from training.evaluation.cards import Card
from training.evaluation.measures import MEASURES

MARKS = ("o", "x", "+", "s", "d", "^", "v")  # one a row: network, controls, peers
ACROSS, UP = "texture", "steady"
HIGHEST = 0.1  # three floors; what has no contrast lies far above


def texture_against_flicker(cards: Sequence[Card]) -> bytes | None:
    """Down and left is better; to be low alone is easy, as the controls show."""
    points = [
        (row, values[ACROSS], values[UP])
        for card in cards
        for row, values in card.rows.items()
        if ACROSS in values and UP in values
    ]
    if not points:
        return None
    figure, axes = _axes()
    for index, row in enumerate(dict.fromkeys(name for name, _, _ in points)):
        own = [(x, y) for name, x, y in points if name == row]
        axes.scatter(*zip(*own, strict=True), marker=MARKS[index % len(MARKS)], label=row, s=36)
    for line, key in ((axes.axvline, ACROSS), (axes.axhline, UP)):
        line(MEASURES[key].floor, color="grey", linewidth=0.8, linestyle="--")
    axes.set_ylim(0, HIGHEST)
    axes.legend(fontsize=7)
    data = io.BytesIO()
    figure.savefig(data, format="png")
    return data.getvalue()


def _axes() -> tuple[Any, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # half a second to import
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), dpi=110)
    FigureCanvasAgg(figure)
    figure.subplots_adjust(0.13, 0.13, 0.97, 0.97)  # a layout engine takes seconds
    axes = figure.add_subplot()
    axes.set_xlabel(MEASURES[ACROSS].title, fontsize=9)
    axes.set_ylabel(MEASURES[UP].title, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.2)
    return figure, axes
