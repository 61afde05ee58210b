"""The page that tells of a run: one HTML file that needs nothing beside it, made of what the run directory holds."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from keras_vst.runs import RunDirectory
from training.curves import plotted
from training.evaluation.measures import MEASURES

MOST_STRIPS = 8  # of photos over time; the first and the last among them
WIDTH = 900  # pixels of a strip in the page
_STYLE = """body { font: 15px/1.5 system-ui, sans-serif; max-width: 960px; margin: 2em auto; padding: 0 1em }
img { max-width: 100%; display: block } figure { margin: 1em 0 } figcaption { color: #666 }
table { border-collapse: collapse } td, th { padding: .15em .8em .15em 0; text-align: left; vertical-align: top }
code, pre { background: #f3f3f3; padding: .1em .3em } pre { padding: .8em; overflow: auto }
.warning { border-left: 4px solid #c60; padding-left: .8em }"""


def write_report(run: RunDirectory) -> Path:
    """Make report.html of the run's directory; the path of the page."""
    record, rows = run.record(), run.rows()
    parts = [
        f"<h1>{html.escape(run.path.resolve().name)}</h1>",
        _facts(run, record, rows),
        _score(record.get("score", {})),
        *(f'<p class="warning">{html.escape(warning)}</p>' for warning in record.get("warnings", [])),
        *_strips(run),
        *_curves(run),
        _skipped(record),
        _next(run),
        "<h2>All settings</h2>",
        f"<pre>{html.escape(json.dumps(record['config'], indent=2))}</pre>",
    ]
    page = (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{html.escape(run.path.name)}</title>'
        f"<style>{_STYLE}</style>\n{chr(10).join(part for part in parts if part)}\n</html>\n"
    )
    run.write_text(run.report_file, page)
    return run.report_file


def _facts(run: RunDirectory, record: dict[str, Any], rows: list[dict[str, float]]) -> str:
    steps, minutes = run.last_step(), rows[-1].get("minutes", 0.0) if rows else 0.0
    planned = record["config"]["schedule"]["steps"]
    told = {
        "recipe": record.get("recipe", ""),
        "learned from": (record.get("style") or {}).get("file", ""),
        "began with": Path(record.get("init", "")).name,
        "command": record.get("command", ""),
        **{name.replace("_", " "): value for name, value in record.get("data", {}).items()},
        "licences": _licences(record.get("licences", {})),
        "steps": f"{steps} of {planned}" + ("" if steps >= planned else ", not finished"),
        "time": f"{minutes:.1f} min, {60 * minutes / steps:.2f} s a step" if steps else "",
        "seed": record["config"].get("seed", ""),
        "versions": ", ".join(f"{name} {version}" for name, version in record.get("versions", {}).items()),
    }
    lines = (
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(str(value))}</td></tr>"
        for name, value in told.items()
        if value not in ("", None)
    )
    return f"<table>{''.join(lines)}</table>{_terms(rows)}"


def _licences(found: dict[str, dict[str, int]]) -> str:
    return "; ".join(
        f"{source}: " + ", ".join(f"{licence} ({count})" for licence, count in counts.items())
        for source, counts in found.items()
    )


def _terms(rows: list[dict[str, float]]) -> str:
    """Each term at the start and at the end, raw, and its part in the objective."""
    if not rows:
        return "<p>Nothing was logged yet.</p>"
    first, last = rows[0], rows[-1]
    lines = [
        f"<tr><td>{html.escape(name)}</td><td>{first.get(name, float('nan')):.4g}</td><td>{last[name]:.4g}</td>"
        f"<td>{_part(last, name)}</td></tr>"
        for name in plotted(rows)
        if name in last
    ]
    head = "<tr><th>term</th><th>at first</th><th>at last</th><th>share of the objective</th></tr>"
    return f"<h2>Terms</h2><table>{head}{''.join(lines)}</table>"


def _part(row: dict[str, float], name: str) -> str:
    weighted, whole = row.get(f"weighted_{name}"), row.get("objective")
    return f"{100 * weighted / whole:.0f} %" if weighted is not None and whole else ""


def _score(found: dict[str, float]) -> str:
    """What the score-card says, beside the least that a network of the zoo must reach."""
    lines = "".join(
        f"<tr><td>{html.escape(MEASURES[name].title)}</td><td>{value:.{MEASURES[name].digits}f}</td>"
        f"<td>{MEASURES[name].floor or ''}</td><td>{html.escape(MEASURES[name].told)}</td></tr>"
        for name, value in found.items()
    )
    head = "<tr><th>measure</th><th>here</th><th>floor</th><th></th></tr>"
    return f"<h2>Score-card, on photos of the run</h2><table>{head}{lines}</table>" if found else ""


def _strips(run: RunDirectory) -> Iterable[str]:
    photos = sorted(run.samples.glob("step_*.png"))
    if not photos:
        return
    yield "<h2>What it paints</h2>"
    if clips := sorted(run.samples.glob("clip_*.png")):
        told = "Three frames of a clip; below, what changed against the frame before, four times enlarged."
        yield _figure(clips[-1], told)
    chosen = sorted({round(place) for place in np.linspace(0, len(photos) - 1, MOST_STRIPS)}, reverse=True)
    for place in chosen:
        yield _figure(photos[place], f"Step {int(photos[place].stem.removeprefix('step_'))}")


def _figure(path: Path, caption: str) -> str:
    picture = cv2.imread(str(path))
    if picture is None:
        return ""
    height = round(picture.shape[0] * WIDTH / picture.shape[1])
    small = cv2.resize(picture, (WIDTH, height), interpolation=cv2.INTER_AREA)
    data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes()
    return _image("jpeg", data, caption)


def _curves(run: RunDirectory) -> Iterable[str]:
    if run.curves_file.is_file():
        yield "<h2>Curves</h2>"
        told = "Each term over the steps, raw; the dark line is its running mean."
        yield _image("png", run.curves_file.read_bytes(), told)


def _image(kind: str, data: bytes, caption: str) -> str:
    text = base64.b64encode(data).decode("ascii")
    told = html.escape(caption)
    return (
        f'<figure><img alt="{told}" src="data:image/{kind};base64,{text}">'
        f"<figcaption>{told}</figcaption></figure>"
    )


def _skipped(record: dict[str, Any]) -> str:
    found = record.get("skipped", {"count": 0, "files": []})
    if not found["count"]:
        return ""
    lines = "".join(f"<li>{html.escape(line)}</li>" for line in found["files"])
    return f"<h2>{found['count']} files were skipped</h2><ul>{lines}</ul>"


def _next(run: RunDirectory) -> str:
    commands = (
        f"python -m training.fit --run {run.path} --resume    # if it is not finished\n"
        f"python -m export --run {run.path} --out {run.path}           # if it has not been\n"
        f"vst stylize clip.mp4 -o painted.mp4 --model {run.path / run.path.name}.tflite"
    )
    return f"<h2>What to do with it</h2><pre>{html.escape(commands)}</pre>"
