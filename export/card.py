"""card.json: what the zoo reads of exported files and a reader wants to know, with scores of `training.evaluate`."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from export.artifact import Options, digest, in_words
from export.formats.flatbuffer import layout
from export.results import Result
from export.source import Source
from keras_vst.errors import UserError
from keras_vst.models import count_macs
from keras_vst.zoo import CARD, DEFAULT_MARGIN

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CARD_SIZE = (368, 640)  # height and width at which the card quotes the arithmetic
ABOUT = {"title": "", "artist": "unknown", "year": "unknown", "licence": "unknown"}  # where nothing is told
MEASURED = "network"  # the row of a score-card that is not a control
MEASURED_ON = ("photos", "clips", "machine", "versions")
SCORE = "Write it with `python -m training.evaluate --model FILE --report DIR`."
TRAINING = ("recipe", "command", "init", "seed", "steps", "minutes", "config", "versions")


def read_about(path: Path | None) -> dict[str, Any]:
    """What a TOML file adds: title, artist, year and licence, notes on training and data."""
    if path is None:
        return {}
    try:
        about = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UserError(f"--about {path} cannot be read as TOML: {error}") from error
    if not isinstance(about.get("training", {}), dict):
        raise UserError(f"--about {path}: `training` is a table. Write [training] and its notes below.")
    return about


def card(
    options: Options, source: Source, released: Sequence[Result], about: dict[str, Any]
) -> dict[str, Any]:
    """Everything about the network and the files of it that are in `options.out` now."""
    network = source.network
    shapes = {name: (1, *CARD_SIZE, tensor.shape[-1]) for name, tensor in network.input.items()}
    files = _earlier(options)
    for each in released:  # but a SavedModel, which is a folder for servers, and no part of the zoo
        if each.artifact.format != "savedmodel":
            files[each.key] = each.entry()
    training = {key: source.record.get(key) for key in TRAINING} | about.get("training", {})
    told = {**ABOUT, "title": options.name} | {key: about[key] for key in ABOUT if key in about}
    made: dict[str, Any] = {
        "name": options.name,
        **told,
        "sha256": source.record.get("sha256", ""),
        "quality": "film" if source.film else "live",
        "architecture": source.config.architecture,
        "files": files,
    }
    if "fp32" in files:
        exact = files["fp32"]["file"]
        made["weights"] = {"file": exact, "tensors": layout((options.out / exact).read_bytes())}
    made |= {
        "margin": DEFAULT_MARGIN,
        "parameters": network.count_params(),
        "gmacs": {"size": in_words(CARD_SIZE), "value": round(count_macs(network, shapes) / 1e9, 3)},
        "training": training,
    }
    return made | {key: value for key, value in about.items() if key not in made}


def _earlier(options: Options) -> dict[str, Any]:
    """What an earlier export of this style left here, as far as its files are still those on its card."""
    try:
        earlier = json.loads((options.out / CARD).read_text(encoding="utf-8"))
        entries = earlier["files"] if earlier["name"] == options.name else {}
        return {
            key: entry
            for key, entry in entries.items()
            if digest(options.out / Path(entry["file"]).name) == (entry["bytes"], entry["sha256"])
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}  # there is none, or it is not one of ours


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
        raise UserError(f"--scores {path} cannot be read as a score-card ({reason}). {SCORE}") from error
    raise UserError(
        f"--scores {path} is of {', '.join(known) or 'no network'}, expected {' or '.join(dict.fromkeys(names))}. "
        "Score this network, or give --name."
    )


def _scores(entry: dict[str, Any], about: dict[str, str]) -> dict[str, Any]:
    """The network, its controls and peers; times; the machine."""
    rows = entry["rows"]
    found = {
        "network": rows[MEASURED],
        "beside": {row: values for row, values in rows.items() if row != MEASURED},
        "int8": entry["int8"],
        "speed": {"milliseconds": entry["milliseconds"], "size": "640x360"} if entry["milliseconds"] else {},
        "bars": {bar["of"]: bar["passed"] for bar in entry["bars"]},
        "on": {key: _told(about[key]) for key in MEASURED_ON if about.get(key)},
    }
    return {key: value for key, value in found.items() if value}


def _told(text: str) -> str:
    """Of absolute paths the last two parts: a card is for others, who have other folders."""
    return re.sub(r"(?<!\S)(?:/[^/\s,]+)+/([^/\s,]+/[^/\s,]+)", r"\1", text)
