"""The loss curves of a run as one PNG: rows of metrics.jsonl -> a small plot for each term."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

COLUMNS = 3
SHORTEST = 2  # points; one makes no curve

Row = dict[str, float]


def draw_curves(rows: Sequence[Row]) -> bytes | None:
    """A PNG with one plot a term, raw values over steps; None where there is nothing to draw yet."""
    names = plotted(rows)
    if len(rows) < SHORTEST or not names:
        return None
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # half a second to import, and rarely needed
    from matplotlib.figure import Figure

    height = math.ceil(len(names) / COLUMNS)
    figure = Figure(figsize=(4 * COLUMNS, 2.4 * height), dpi=100)
    FigureCanvasAgg(figure)
    figure.subplots_adjust(0.05, 0.06, 0.99, 0.95, hspace=0.4)  # a layout engine takes seconds
    for place, name in enumerate(names, start=1):
        axes = figure.add_subplot(height, COLUMNS, place)
        steps = [row["step"] for row in rows if name in row]
        values = [row[name] for row in rows if name in row]
        axes.plot(steps, values, linewidth=0.8, alpha=0.4, color="tab:blue")
        axes.plot(steps, smoothed(values), linewidth=1.5, color="tab:blue")
        if min(values) > 0:
            axes.set_yscale("log")
        axes.set_title(name, fontsize=9)
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.2)
    png = io.BytesIO()
    figure.savefig(png, format="png")
    return png.getvalue()


def plotted(rows: Sequence[Row]) -> list[str]:
    """The terms worth a plot, in the order in which they appear: raw ones, and the objective first."""
    names = dict.fromkeys(name for row in rows for name in row)
    return [name for name in names if name not in ("step", "minutes") and not name.startswith("weighted_")]


def smoothed(values: Sequence[float], keep: float = 0.9) -> list[float]:
    """The running mean of a curve, without the lag of a zero start."""
    mean, weight, found = 0.0, 0.0, []
    for value in values:
        mean, weight = keep * mean + (1 - keep) * value, keep * weight + 1 - keep
        found.append(mean / weight)
    return found
