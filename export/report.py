"""What the gate found, as report.json: small, and the same on every machine but for what was measured.

No paths, host names or times of day, so that it can be committed beside a network.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from export.artifact import Artifact, in_words
from export.gate.check import Check

PACKAGES = ("keras", "tensorflow-cpu", "tensorflow", "ai-edge-litert", "onnxruntime", "numpy")
NETWORK = "network"  # what the checks of the Keras network itself are called


@dataclass
class Judged:
    """One artifact and every answer about it; pictures are (h, w, 3) uint8 of the content."""

    artifact: Artifact | None  # None: the Keras network itself
    checks: list[Check] = field(default_factory=list)
    file: str = ""  # relative to the folder of the export
    bytes: int = 0
    sha256: str = ""
    picture: npt.NDArray[np.uint8] | None = None
    difference: npt.NDArray[np.uint8] | None = None

    @property
    def key(self) -> str:
        """What the report calls it."""
        return self.artifact.key if self.artifact else NETWORK

    @property
    def passed(self) -> bool:
        """Whether it may be released."""
        return not any(check.failed for check in self.checks)


@dataclass(frozen=True)
class Report:
    """Everything about one export."""

    name: str
    parameters: int
    clip: str
    judged: Sequence[Judged]

    @property
    def passed(self) -> bool:
        """Whether every artifact may be released."""
        return all(each.passed for each in self.judged)

    def failures(self) -> list[str]:
        """One sentence a failed check, the artifact's name before it."""
        return self._told(lambda check: check.failed)

    def warnings(self) -> list[str]:
        """The same of checks that keep no file back."""
        return self._told(lambda check: check.warning)

    def _told(self, chosen: Callable[[Check], bool]) -> list[str]:
        return [
            f"{each.key}: {check.gate} ({check.name}): {check.message}"
            for each in self.judged
            for check in each.checks
            if chosen(check)
        ]

    def to_json(self) -> str:
        """The file's text."""
        values = {
            "network": self.name,
            "gate": "passed" if self.passed else "failed",
            "parameters": self.parameters,
            "clip": self.clip,
            "device": {"processor": processor(), "cores": cores(), "python": platform.python_version()},
            "versions": versions(),
            "artifacts": {each.key: _judged(each) for each in self.judged},
        }
        return _json(values) + "\n"


def processor(root: Path = Path("/proc")) -> str:
    """What the processor calls itself."""
    try:
        text = (root / "cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.machine()
    found = re.search(r"model name\s*:\s*(.+)", text)
    return found[1].strip() if found else platform.machine()


def cores() -> int:
    """As many as we may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def versions() -> dict[str, str]:
    """Of the packages that made and ran the files, as far as they are installed."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _judged(each: Judged) -> dict[str, Any]:
    about: dict[str, Any] = {"passed": each.passed}
    if each.artifact:
        about |= {"file": each.file, "bytes": each.bytes, "sha256": each.sha256}
        if each.artifact.size and each.artifact.fixed:
            about |= {"size": in_words(each.artifact.size), "takes": in_words(each.artifact.fixed)}
    return about | {"checks": [_check(check) for check in each.checks]}


def _check(check: Check) -> dict[str, Any]:
    values: dict[str, Any] = {
        "gate": check.gate,
        "of": check.name,
        "outcome": check.outcome,
        "limit": check.limit,
    }
    if check.measured:
        values["measured"] = {name: _number(value) for name, value in check.measured.items()}
    return values | ({"message": check.message} if check.message else {})


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
