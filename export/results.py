"""What the gate found: report.json for programs, export.html for people.

report.json is small, and the same on every machine but for what was measured: no paths, host names or times of day, so
that it can be committed beside a network.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from export.artifact import Artifact, in_words
from keras_vst import machine, page
from keras_vst.frames import Pixels

NETWORK = Artifact("network")  # the Keras network itself, of which there is no file
PICTURE_WIDTH, GAIN = 320, 8


@dataclass(frozen=True)
class Check:
    """Passed, failed (then `message` names the cause and the remedy), or not judged (then it says why)."""

    gate: str  # the question: "parity", "flicker", "operations", ...
    name: str  # what of: a signature, a runtime, a device
    passed: bool | None  # None: not judged
    limit: str
    measured: dict[str, float] = field(default_factory=dict)
    message: str = ""
    warning: bool = False  # to be told, though the file is released

    @property
    def failed(self) -> bool:
        """Whether this check keeps the file from being released."""
        return self.passed is False

    @property
    def outcome(self) -> str:
        """In a word or two, for reports."""
        if self.warning:
            return "warning"
        return {True: "passed", False: "failed", None: "not judged"}[self.passed]


def not_judged(gate: str, name: str, limit: str, reason: str) -> Check:
    """A check that could not be made; never counted as passed."""
    return Check(gate, name, None, limit, message=f"not measured, because {reason}")


def rounded(value: float, digits: int = 2) -> float:
    """For reports: enough digits to compare, no more; infinity (equal to the last bit) becomes 999 dB."""
    return 999.0 if value == float("inf") else round(float(value), digits)


@dataclass
class Result:
    """One artifact and every answer about it; pictures are (h, w, 3) uint8 of the content."""

    artifact: Artifact
    checks: list[Check] = field(default_factory=list)
    file: str = ""  # relative to the folder of the export
    bytes: int = 0
    sha256: str = ""
    picture: Pixels | None = None
    difference: Pixels | None = None  # to what Keras painted, enlarged

    @property
    def key(self) -> str:
        """What the report calls it."""
        return self.artifact.key

    @property
    def passed(self) -> bool:
        """Whether it may be released."""
        return not any(check.failed for check in self.checks)

    def entry(self) -> dict[str, Any]:
        """What report and card say of the file."""
        if self.artifact is NETWORK:
            return {}
        size, takes = self.artifact.size, self.artifact.takes
        sizes = {"size": in_words(size), "takes": in_words(takes)} if size and takes else {}
        return {"file": self.file, "bytes": self.bytes, "sha256": self.sha256, **sizes}


@dataclass
class Report:
    """Everything about one export; the first result is that of the Keras network itself."""

    name: str
    parameters: int
    clip: str = ""  # what was judged on
    frame: Pixels | None = None  # what the camera gave in the middle of it
    results: list[Result] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)  # that are in place now; of a SavedModel the folder
    installed: Path | None = None  # where in the user's own zoo

    @property
    def passed(self) -> bool:
        """Whether every artifact may be released."""
        return all(each.passed for each in self.results)

    def failures(self) -> list[str]:
        """One sentence a failed check, the artifact's name before it."""
        return [told for check, told in self._told() if check.failed]

    def warnings(self) -> list[str]:
        """The same of checks that keep no file back."""
        return [told for check, told in self._told() if check.warning]

    def _told(self) -> list[tuple[Check, str]]:
        return [
            (check, f"{each.key}: {check.gate} ({check.name}): {check.message}")
            for each in self.results
            for check in each.checks
        ]

    def to_json(self) -> str:
        """The text of report.json."""
        values = {
            "network": self.name,
            "gate": "passed" if self.passed else "failed",
            "parameters": self.parameters,
            "clip": self.clip,
            "processor": machine.processor(),
            "versions": machine.versions(),
            "artifacts": {
                each.key: {"passed": each.passed, **each.entry(), "checks": list(map(_check, each.checks))}
                for each in self.results
            },
        }
        return _json(values) + "\n"

    def to_html(self) -> str:
        """The text of export.html: a table a gate, and the pictures."""
        failures = page.Markup("".join(page.tag("li", each) for each in self.failures()))
        gates = dict.fromkeys(check.gate for each in self.results for check in each.checks)
        files = [
            (each.key, each.file, f"{each.bytes:,}" if each.bytes else "", _verdict(each.passed))
            for each in self.results
        ]
        parts = [
            page.tag("h1", page.Markup(f"{page.text(self.name)}: the gate is {_verdict(self.passed)}")),
            page.tag("p", f"{self.parameters:,} parameters, judged on {self.clip}."),
            page.table(files, ("artifact", "file", "bytes", "")),
            failures and page.tag("h2", "What failed, and what to do") + page.tag("ul", failures, "failed"),
            page.tag("h2", "Pictures"),
            page.tag("p", f"Differences to the Keras network are enlarged {GAIN} times."),
            *self._pictures(),
            *(page.tag("h2", gate.capitalize()) + self._table(gate) for gate in gates),
        ]
        return page.page(f"{self.name}: export", parts)

    def _pictures(self) -> list[str]:
        named = [("frame", self.frame)]
        for each in self.results:
            named.append(("Keras" if each.artifact is NETWORK else each.key, each.picture))
            named.append((f"{each.key}, difference x {GAIN}", each.difference))
        return [page.figure(_smaller(each), name, "small") for name, each in named if each is not None]

    def _table(self, gate: str) -> str:
        rows = [
            (
                each.key,
                check.name,
                ", ".join(f"{name} {value:g}" for name, value in check.measured.items()),
                check.limit,
                page.tag("td", check.outcome, check.outcome.split()[0]),
                check.message,
            )
            for each in self.results
            for check in each.checks
            if check.gate == gate
        ]
        return page.table(rows, ("artifact", "of", "measured", "limit", "", ""))


def _check(check: Check) -> dict[str, Any]:
    told = {"gate": check.gate, "of": check.name, "outcome": check.outcome, "limit": check.limit}
    measured = {name: _number(value) for name, value in check.measured.items()}
    return (
        told
        | ({"measured": measured} if measured else {})
        | ({"message": check.message} if check.message else {})
    )


def _number(value: float) -> float | int | str:
    if not np.isfinite(value):
        return str(value)  # JSON knows neither NaN nor infinity
    return int(value) if float(value).is_integer() else value


def _json(values: dict[str, Any], indent: str = "") -> str:
    """JSON with one check a line: a third of what `indent=2` takes, and still readable."""
    inner, lines = indent + " ", []
    for key, value in values.items():
        if isinstance(value, dict) and len(inner) <= 3:
            text = _json(value, inner)
        elif key == "checks":
            text = f",\n{inner} ".join(json.dumps(check, ensure_ascii=False) for check in value)
            text = f"[\n{inner} {text}\n{inner}]"
        else:
            text = json.dumps(value, ensure_ascii=False)
        lines.append(f"{inner}{json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(lines) + f"\n{indent}}}"


def _verdict(passed: bool) -> page.Markup:
    word = "passed" if passed else "failed"
    return page.tag("span", word, word)


def _smaller(picture: Pixels) -> Pixels:
    height, width = picture.shape[:2]
    if width <= PICTURE_WIDTH:
        return picture
    size = PICTURE_WIDTH, round(height * PICTURE_WIDTH / width)
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
