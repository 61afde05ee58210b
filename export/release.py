"""From a trained network to a folder of files that passed the gate, their card, report.json and report.html.

Everything is made and judged in a folder of its own inside `out`; what passes is then moved into place, one rename
each.  Whatever interrupts it, `out` holds complete files only.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export import film, page, source
from export.artifact import Artifact
from export.build import Maker
from export.card import card, read_about, style_entries
from export.eyes import open_eyes
from export.folding import fold
from export.order import Order
from export.reference import Network, Reference
from export.report import Judged, Report
from export.scores import read_scores
from export.session import Session
from keras_vst import zoo
from keras_vst.errors import UserError


@dataclass(frozen=True)
class Released:
    """What the gate found, and which files (of a SavedModel the folder) are in place now."""

    report: Report
    files: list[Path]


def release(order: Order) -> Released:
    """Convert, judge, write.  Raises UserError, with nothing written, where there is nothing to judge."""
    about = read_about(order.about)
    origin = source.load(order.run)
    if film.is_film(origin.student):
        order = film.fitting_order(order)
    try:
        order.out.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".export-", dir=order.out))
    except OSError as error:
        raise UserError(
            f"--out {order.out} cannot be made: {error.strerror}. Name a folder that can."
        ) from error
    try:
        return _Release(order, origin, about, staging).run()
    finally:
        shutil.rmtree(staging, ignore_errors=True)


class _Release:
    """One export from start to end."""

    def __init__(self, order: Order, origin: source.Source, about: dict[str, Any], staging: Path):
        self.order, self.origin, self.about, self.staging = order, origin, about, staging
        self.styles = style_entries(origin, about)
        chosen = _number(order.style, self.styles, origin.styles)
        if chosen is None:
            self.network = Network(origin.student, origin.student)
        else:
            self.styles = [self.styles[chosen]]
            self.network = Network(origin.student, fold(origin.student, chosen), chosen)
        if order.scores:
            names = order.name, order.run.resolve().name
            scores = read_scores(order.scores, names, [style["name"] for style in self.styles])
            self.about = {**about, "scores": scores}  # rather than those that were copied by hand
        self.eyes = open_eyes(order.run, origin, order.vgg16, chosen)

    def run(self) -> Released:
        """Everything."""
        names = [entry["name"] for entry in self.styles]
        maker = Maker(
            self.network.exported,
            self.order.name,
            names,
            self.origin.record,
            self.order.calibrate,
            self.order.int8_floor,
        )
        session = Session(self.order, self.network, self.eyes, maker, self.staging)
        judged = session.run()
        parameters = self.network.exported.count_params()
        reference = session.first
        clip = f"{reference.footage.origin}, {len(reference.footage.frames)} frames"
        report = Report(self.order.name, parameters, clip, judged)
        return Released(report, self._write(report, reference))

    def _write(self, report: Report, reference: Reference) -> list[Path]:
        """Move what passed into place, then write the card and the report."""
        made = [(each, each.artifact) for each in report.judged if each.artifact]
        released = [(each, artifact) for each, artifact in made if each.passed]
        files = [self._move(each, artifact) for each, artifact in released]
        if released:
            entry = card(
                self.order.name,
                self.origin,
                self.network.exported,
                self.styles,
                [each for each, _ in released],
                self.about,
            )
            self._put(zoo.CARD, json.dumps(entry, indent=2, ensure_ascii=False) + "\n")
            for each, artifact in made:
                if (
                    not each.passed and artifact.format != "savedmodel"
                ):  # what an earlier export left is not on the card
                    artifact.path(self.order.out, self.order.name).unlink(missing_ok=True)
        middle = len(reference.stylized) // 2
        pictures = reference.footage.content[middle], reference.shown(reference.stylized, middle)
        self._put("report.json", report.to_json())
        self._put("report.html", page.render(report, *pictures))
        return files

    def _move(self, judged: Judged, artifact: Artifact) -> Path:
        out, name = self.order.out, self.order.name
        target = artifact.path(out, name)
        try:
            if artifact.format == "savedmodel":
                target.parent.mkdir(exist_ok=True)
                taken = [int(entry.name) for entry in target.parent.iterdir() if entry.name.isdecimal()]
                target = artifact.path(out, name, max(taken, default=0) + 1)
            os.replace(self.staging / judged.file, target)
        except OSError as error:
            raise UserError(f"{target} cannot be written: {error.strerror}. Name another --out.") from error
        judged.file = target.relative_to(out).as_posix()
        return target

    def _put(self, name: str, text: str) -> None:
        part = self.staging / name
        try:
            part.write_text(text, encoding="utf-8")
            os.replace(part, self.order.out / name)
        except OSError as error:
            raise UserError(f"{self.order.out / name} cannot be written: {error.strerror}.") from error


def _number(style: str | None, entries: list[dict[str, Any]], own: list[dict[str, Any]]) -> int | None:
    """The number of a style, by the name on the card or by that of its picture."""
    if style is None:
        return None
    for names in ([entry["name"] for entry in entries], [entry["name"] for entry in own]):
        if style in names:
            return names.index(style)
    raise UserError(zoo.unknown_style(style, [entry["name"] for entry in entries]))
