"""From a trained network to a folder of files that passed the gate, their card, report.json and export.html.

Everything is made and judged in a folder of its own inside `out`; what passes is then moved into place, one rename
each.  Whatever interrupts it, `out` holds complete files only, and what an earlier export released stays until
something better replaces it.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from export import film, page, source
from export.artifact import plan
from export.card import card, read_about
from export.judge import Reference
from export.making import make_and_judge
from export.order import Order
from export.report import Judged, Report
from export.scores import read_scores
from keras_vst import zoo
from keras_vst.errors import UserError
from keras_vst.zoo.card import CARD

PAGE = "export.html"  # not report.html, which is the run's own where --out is --run


@dataclass(frozen=True)
class Released:
    """What the gate found and where it is told, which files (of a SavedModel the folder) are in place now."""

    report: Report
    page: Path
    files: list[Path]
    installed: Path | None = None  # where in the user's own zoo


def release(order: Order) -> Released:
    """Convert, judge, write.  Raises UserError, with nothing written, where there is nothing to judge."""
    about = read_about(order.about)
    if order.scores:
        about["scores"] = read_scores(order.scores, (order.name, order.run.resolve().name))
    origin = source.load(order.run)
    order = order.fitting(film.is_film(origin.network))
    with _staging(order.out) as staging:
        first = next(iter(plan(order.formats, order.precisions, order.sizes)))
        reference = Reference.paint(origin.network, order.footage(first or order.effort.open_size))
        judged = [Judged(None, reference.checks())]
        if judged[0].passed:
            judged += make_and_judge(order, origin, staging, {first: reference})
        clip = f"{reference.footage.origin}, {len(reference.footage.frames)} frames"
        report = Report(order.name, origin.network.count_params(), clip, judged)
        released = [each for each in judged if each.artifact and each.passed]
        files = [_move(order, staging, each) for each in released]
        if released:
            text = json.dumps(card(order, origin, released, about), indent=1, ensure_ascii=False)
            _put(order, staging, CARD, text + "\n")
        middle = reference.footage.content[len(reference.footage.content) // 2]
        _put(order, staging, "report.json", report.to_json())
        _put(order, staging, PAGE, page.render(report, middle, reference.shown(reference.stylized)))
    exact = any(each.key == zoo.PRECISION for each in released)  # without it there is nothing to paint with
    installed = zoo.install(order.out).path.parent if order.install and exact else None
    return Released(report, order.out / PAGE, files, installed)


@contextmanager
def _staging(out: Path) -> Iterator[Path]:
    """A folder inside `out`, on the same disk, that is gone afterwards."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".export-", dir=out))
    except OSError as error:
        raise UserError(f"--out {out} cannot be made: {error.strerror}. Name a folder that can.") from error
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _move(order: Order, staging: Path, judged: Judged) -> Path:
    """Put a file that passed in place of what was there; of a SavedModel, beside its earlier versions."""
    assert judged.artifact is not None
    target = judged.artifact.path(order.out, order.name)
    try:
        if judged.artifact.format == "savedmodel":
            target.parent.mkdir(exist_ok=True)
            taken = [int(entry.name) for entry in target.parent.iterdir() if entry.name.isdecimal()]
            target = judged.artifact.path(order.out, order.name, max(taken, default=0) + 1)
        os.replace(staging / judged.file, target)
    except OSError as error:
        raise UserError(f"{target} cannot be written: {error.strerror}. Name another --out.") from error
    judged.file = target.relative_to(order.out).as_posix()
    return target


def _put(order: Order, staging: Path, name: str, text: str) -> None:
    part = staging / name
    try:
        part.write_text(text, encoding="utf-8")
        os.replace(part, order.out / name)
    except OSError as error:
        raise UserError(f"{order.out / name} cannot be written: {error.strerror}.") from error
