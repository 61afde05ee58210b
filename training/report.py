"""The page that tells of a run, made of what the run directory holds."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from keras_vst.files import write_whole
from keras_vst.page import figure, page, table, tag
from keras_vst.runs import RunDirectory
from training.samples import Row, plotted

MOST_STRIPS = 8  # of photos over time; the first and the last among them
WIDTH = 900  # pixels of a strip in the page


def write_report(run: RunDirectory) -> Path:
    """Make report.html of the run's directory; the path of the page."""
    record, rows, name = run.record(), run.rows(), run.path.resolve().name
    skipped = record.get("skipped", {"count": 0, "files": []})
    parts = [
        tag("h1", name),
        table([(tag("th", name), value) for name, value in _facts(run, record, rows).items()]),
        *_terms(rows),
        *_score(record.get("score", {})),
        *(tag("p", warning, "warning") for warning in record.get("warnings", [])),
        *_strips(run),
        *_curves(run),
        tag("h2", f"{skipped['count']} files were skipped") if skipped["count"] else "",
        table([(line,) for line in skipped["files"]]),
        tag("h2", "What to do with it"),
        tag("pre", _next(run)),
        tag("h2", "All settings"),
        tag("pre", json.dumps(record["config"], indent=2)),
    ]
    write_whole(run.report_file, page(name, parts))
    return run.report_file


def _facts(run: RunDirectory, record: dict[str, Any], rows: list[Row]) -> dict[str, Any]:
    steps, minutes = run.last_step(), rows[-1].get("minutes", 0.0) if rows else 0.0
    planned = record["config"]["schedule"]["steps"]
    found = {
        "recipe": record.get("recipe", ""),
        "learned from": (record.get("style") or {}).get("file", ""),
        "teacher": record.get("inputs", {}).get("teacher", ""),
        "began with": Path(record.get("init", "")).name,
        "command": record.get("command", ""),
        **{name.replace("_", " "): value for name, value in record.get("data", {}).items()},
        "licences": _licences(record.get("licences", {})),
        "steps": f"{steps} of {planned}" + ("" if steps >= planned else ", not finished"),
        "time": f"{minutes:.1f} min, {60 * minutes / steps:.2f} s a step" if steps else "",
        "seed": record["config"].get("seed", ""),
        "versions": ", ".join(f"{name} {version}" for name, version in record.get("versions", {}).items()),
    }
    return {name: value for name, value in found.items() if value not in ("", None)}


def _licences(found: dict[str, dict[str, int]]) -> str:
    return "; ".join(
        f"{source}: " + ", ".join(f"{licence} ({count})" for licence, count in counts.items())
        for source, counts in found.items()
    )


def _terms(rows: list[Row]) -> Iterable[str]:
    """Each term at the start and at the end, raw, and its part in the objective."""
    yield tag("h2", "Terms")
    if not rows:
        yield tag("p", "Nothing was logged yet.")
        return
    first, last = rows[0], rows[-1]
    yield table(
        [
            (name, f"{first.get(name, math.nan):.4g}", f"{last[name]:.4g}", _part(last, name))
            for name in plotted(rows)
            if name in last
        ],
        ("term", "at first", "at last", "share of the objective"),
    )


def _part(row: Row, name: str) -> str:
    weighted, whole = row.get(f"weighted_{name}"), row.get("objective")
    return f"{100 * weighted / whole:.0f} %" if weighted is not None and whole else ""


def _score(found: dict[str, float]) -> Iterable[str]:
    """What the score-card says, beside the least that a network of the zoo must reach."""
    if not found:
        return
    from training.evaluation.measures import MEASURES  # of runs that were scored

    measured = [(MEASURES[name], value) for name, value in found.items()]
    yield tag("h2", "Score-card, on photos of the run")
    yield table(
        [(each.title, f"{value:.{each.digits}f}", each.floor or "", each.told) for each, value in measured],
        ("measure", "here", "floor", ""),
    )


def _strips(run: RunDirectory) -> Iterable[str]:
    photos = sorted(run.samples.glob("step_*.png"))
    if not photos:
        return
    yield tag("h2", "What it paints")
    if clips := sorted(run.samples.glob("clip_*.png")):
        told = "Three frames of a clip; below, what changed against the frame before, four times enlarged."
        yield _strip(clips[-1], told)
    chosen = sorted({round(place) for place in np.linspace(0, len(photos) - 1, MOST_STRIPS)}, reverse=True)
    for place in chosen:
        yield _strip(photos[place], f"Step {int(photos[place].stem.removeprefix('step_'))}")


def _strip(path: Path, caption: str) -> str:
    picture = cv2.imread(str(path))
    if picture is None:
        return ""
    height = round(picture.shape[0] * WIDTH / picture.shape[1])
    small = cv2.resize(picture, (WIDTH, height), interpolation=cv2.INTER_AREA)
    return figure(np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2RGB), np.uint8), caption)


def _curves(run: RunDirectory) -> Iterable[str]:
    if run.curves_file.is_file():
        yield tag("h2", "Curves")
        told = "Each term over the steps, raw; the dark line is its running mean."
        yield figure(run.curves_file.read_bytes(), told)


def _next(run: RunDirectory) -> str:
    return (
        f"python -m training.fit --run {run.path} --resume    # if it is not finished\n"
        f"python -m export --run {run.path} --out {run.path}           # if it has not been\n"
        f"vst stylize clip.mp4 -o painted.mp4 --model {run.path / run.path.resolve().name}.tflite"
    )
