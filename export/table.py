"""A table of what was measured, from a report.json: `python -m export.table build/mine/report.json`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

COLUMNS = ("file", "size", "ms, 1 thread", "ms, 2 threads", "dB", "flicker")


def render(report: dict[str, Any]) -> str:
    """One row an artifact, Markdown."""
    rows = [_row(entry) for key, entry in report["artifacts"].items() if key != "network"]
    return "\n".join([f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|", *rows])


def _row(entry: dict[str, Any]) -> str:
    speed = _measured(entry, "speed")
    cells = [
        f"`{entry['file']}`" if entry.get("file") else "refused",
        f"{entry.get('bytes', 0) / 1e6:.2f} MB",
        *(_cell(speed, f"median_{threads}", ".1f") for threads in (1, 2)),
        _cell(_measured(entry, "parity"), "worst", ".0f"),
        _cell(_measured(entry, "flicker"), "ratio", ".3f"),
    ]
    return f"| {' | '.join(cells)} |"


def _measured(entry: dict[str, Any], gate: str) -> dict[str, Any]:
    """The numbers of the gate's first check."""
    return next((check.get("measured", {}) for check in entry["checks"] if check["gate"] == gate), {})


def _cell(measured: dict[str, Any], name: str, form: str) -> str:
    value = measured.get(name)
    return format(value, form) if isinstance(value, int | float) else "-"


if __name__ == "__main__":
    print(render(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
