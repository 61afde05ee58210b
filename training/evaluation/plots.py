"""Two plots as PNG: style against flicker, one point a style; style against milliseconds, one a network."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from training.evaluation.cards import NETWORK, PEER_STYLES, Card
from training.evaluation.measures import MEASURES

MARKS = ("o", "x", "+", "s", "d", "^", "v")  # one a row: network, controls, peers


def style_against_flicker(cards: Sequence[Card]) -> bytes | None:
    """Down and left is better; to be low alone is easy, as the controls show."""
    points = [
        (row, values["style"], values["warp"])
        for card in cards
        for style in card.styles
        for row, values in style.rows.items()
        if "style" in values and "warp" in values
    ]
    if not points:
        return None
    figure, axes = _axes("style distance", "warp error, next frame")
    for index, row in enumerate(dict.fromkeys(name for name, _, _ in points)):
        ours = [(x, y) for name, x, y in points if name == row]
        axes.scatter(*zip(*ours, strict=True), marker=MARKS[index % len(MARKS)], label=row, s=36)
    _bars(axes, MEASURES["style"].most, MEASURES["warp"].most)
    axes.legend(fontsize=7)
    return _png(figure)


def quality_against_time(cards: Sequence[Card]) -> bytes | None:
    """Median style distance over milliseconds a frame, the peer's in the same run."""
    points = []
    for card in cards:
        medians = card.medians()
        for row in (NETWORK, PEER_STYLES):
            if row in card.milliseconds and "style" in medians.get(row, {}):
                name = card.name if row == NETWORK else row
                points.append((name, card.milliseconds[row], medians[row]["style"]))
    if not points:
        return None
    figure, axes = _axes("milliseconds a frame at 640x360", "style distance")
    middle = max(x for _, x, _ in points) / 2
    for name, x, y in points:
        axes.scatter([x], [y], s=36)
        place, side = ((-6, 6), "right") if x > middle else ((6, 6), "left")  # so that no name is cut off
        axes.annotate(name, (x, y), xytext=place, textcoords="offset points", ha=side, fontsize=7)
    _bars(axes, None, MEASURES["style"].most)
    axes.set_xlim(left=0)
    return _png(figure)


def _axes(across: str, up: str) -> tuple[Any, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # half a second to import
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), dpi=110)
    FigureCanvasAgg(figure)
    figure.subplots_adjust(0.13, 0.13, 0.97, 0.97)  # a layout engine takes seconds
    axes = figure.add_subplot()
    axes.set_xlabel(across, fontsize=9)
    axes.set_ylabel(up, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.2)
    return figure, axes


def _bars(axes: Any, across: float | None, up: float | None) -> None:
    if across is not None:
        axes.axvline(across, color="grey", linewidth=0.8, linestyle="--")
    if up is not None:
        axes.axhline(up, color="grey", linewidth=0.8, linestyle="--")


def _png(figure: Any) -> bytes:
    data = io.BytesIO()
    figure.savefig(data, format="png")
    return data.getvalue()
