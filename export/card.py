"""The card.json that goes with exported files: what the zoo reads, and what a reader wants to know."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from export.artifact import Artifact, digest, in_words
from export.film import is_film
from export.flatbuffer import layout
from export.order import Order
from export.report import Judged
from export.source import Source
from keras_vst.errors import UserError
from keras_vst.models import count_macs
from keras_vst.zoo import DEFAULT_MARGIN
from keras_vst.zoo.card import CARD

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CARD_SIZE = (368, 640)  # height and width at which the card quotes the arithmetic
ABOUT = {"title": "", "artist": "unknown", "year": "unknown", "licence": "unknown"}  # where nothing is told
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


def card(order: Order, source: Source, released: Sequence[Judged], about: dict[str, Any]) -> dict[str, Any]:
    """Everything about the network and the files of it that are in `order.out` now."""
    network = source.network
    shapes = {name: (1, *CARD_SIZE, tensor.shape[-1]) for name, tensor in network.input.items()}
    files = _earlier(order) | {each.key: _file(each) for each in released if _is_file(each.artifact)}
    training = {key: source.record.get(key) for key in TRAINING} | about.get("training", {})
    told = {**ABOUT, "title": order.name} | {key: about[key] for key in ABOUT if key in about}
    made: dict[str, Any] = {
        "name": order.name,
        **told,
        "sha256": source.record.get("sha256", ""),
        "quality": "film" if is_film(network) else "live",
        "architecture": source.config.architecture,
        "files": files,
    }
    if "fp32" in files:
        exact = files["fp32"]["file"]
        made["weights"] = {"file": exact, "tensors": layout((order.out / exact).read_bytes())}
    made |= {
        "margin": DEFAULT_MARGIN,
        "parameters": network.count_params(),
        "gmacs": {"size": in_words(CARD_SIZE), "value": round(count_macs(network, shapes) / 1e9, 3)},
        "training": training,
    }
    return made | {key: value for key, value in about.items() if key not in made}


def _earlier(order: Order) -> dict[str, Any]:
    """What an earlier export of this style left here, as far as its files are still those on its card."""
    try:
        earlier = json.loads((order.out / CARD).read_text(encoding="utf-8"))
        entries = earlier["files"] if earlier["name"] == order.name else {}
        return {
            key: entry
            for key, entry in entries.items()
            if digest(order.out / Path(entry["file"]).name) == (entry["bytes"], entry["sha256"])
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}  # there is none, or it is not one of ours


def _is_file(artifact: Artifact | None) -> bool:
    """A SavedModel is a folder for servers, and no part of the zoo."""
    return artifact is not None and artifact.format != "savedmodel"


def _file(judged: Judged) -> dict[str, Any]:
    entry: dict[str, Any] = {"file": judged.file, "bytes": judged.bytes, "sha256": judged.sha256}
    if judged.artifact and judged.artifact.size and judged.artifact.fixed:
        entry |= {"size": in_words(judged.artifact.size), "takes": in_words(judged.artifact.fixed)}
    return entry
