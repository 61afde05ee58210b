"""From the JSON that `python -m training.evaluate` writes to the `scores` of a card: numbers as they were measured."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keras_vst.errors import UserError

NETWORK = "network"  # the row of the score-card that is not a control
ABOUT = ("photos", "clips", "collection", "machine", "versions")  # what was measured on what
WAY_OUT = "Write it with `python -m training.evaluate --model FILE --report DIR`."


def read_scores(path: Path, names: Sequence[str]) -> dict[str, Any]:
    """What was measured of the network that bears one of `names`."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        known = {entry["name"]: entry for entry in values["networks"]}
        name = next((name for name in names if name in known), None)
        if name is not None:
            return _scores(known[name], values["about"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
        raise UserError(f"--scores {path} cannot be read as a score-card ({reason}). {WAY_OUT}") from error
    raise UserError(
        f"--scores {path} is of {', '.join(known) or 'no network'}, expected {' or '.join(dict.fromkeys(names))}. "
        "Score this network, or give --name."
    )


def _scores(entry: dict[str, Any], about: dict[str, str]) -> dict[str, Any]:
    """The network, its controls and peers; times; the machine."""
    rows = entry["rows"]
    found = {
        "network": rows[NETWORK],
        "beside": {row: values for row, values in rows.items() if row != NETWORK},
        "int8": entry["int8"],
        "speed": {"milliseconds": entry["milliseconds"], "size": "640x360"} if entry["milliseconds"] else {},
        "bars": {bar["of"]: bar["passed"] for bar in entry["bars"]},
        "on": {key: _told(about[key]) for key in ABOUT if about.get(key)},
    }
    return {key: value for key, value in found.items() if value}


def _told(text: str) -> str:
    """Of absolute paths the last two parts: a card is for others, who have other folders."""
    return re.sub(r"(?<!\S)(?:/[^/\s,]+)+/([^/\s,]+/[^/\s,]+)", r"\1", text)
