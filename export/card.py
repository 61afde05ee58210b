"""The card.json that goes with exported files: what the zoo reads, and what a reader wants to know."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from export import film
from export.artifact import in_words
from export.report import Judged
from export.source import Source
from keras_vst.cost import count_macs
from keras_vst.errors import UserError
from keras_vst.models import teacher
from keras_vst.models.student import input_shapes
from keras_vst.zoo import DEFAULT_MARGIN

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CARD_SIZE = (368, 640)  # height and width at which the card quotes the arithmetic


def read_about(path: Path | None) -> dict[str, Any]:
    """What a TOML file adds: titles and artists of styles, notes on training and data."""
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UserError(f"--about {path} cannot be read as TOML: {error}") from error


def style_entries(source: Source, about: dict[str, Any]) -> list[dict[str, Any]]:
    """What the card says of each style, in the order of the style vector."""
    return [_style(style, about) for style in source.styles]


def card(
    name: str,
    source: Source,
    student: keras.Model,
    styles: list[dict[str, Any]],
    released: Sequence[Judged],
    about: dict[str, Any],
) -> dict[str, Any]:
    """Everything about the network and about those of its artifacts that passed."""
    of_film = film.is_film(student)
    shapes = teacher.input_shapes if of_film else input_shapes
    return {
        "name": name,
        **({"quality": "film"} if of_film else {}),
        "files": {each.key: _file(each) for each in released},
        "styles": styles,
        "margin": DEFAULT_MARGIN,
        "parameters": student.count_params(),
        "gmacs": {
            "size": in_words(CARD_SIZE),
            "value": round(count_macs(student, shapes(student, CARD_SIZE)) / 1e9, 3),
        },
        "training": {
            **{key: source.record.get(key) for key in ("recipe", "seed", "steps", "config", "versions")},
            **about.get("training", {}),
        },
        **{key: value for key, value in about.items() if key not in ("styles", "training")},
    }


def _file(judged: Judged) -> dict[str, Any]:
    entry: dict[str, Any] = {"file": judged.file, "bytes": judged.bytes, "sha256": judged.sha256}
    if judged.artifact and judged.artifact.size and judged.artifact.fixed:
        entry |= {"size": in_words(judged.artifact.size), "takes": in_words(judged.artifact.fixed)}
    return entry


def _style(style: dict[str, Any], about: dict[str, Any]) -> dict[str, Any]:
    told = {"name": style["name"], "title": style["name"], "artist": "unknown", "year": "unknown"}
    known = {"sha256": style["sha256"]} if style.get("sha256") else {}
    return {**told, **about.get("styles", {}).get(style["name"], {}), **known}
