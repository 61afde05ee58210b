"""card.json of a style, checked wholly before anything of it is believed: it may come from anywhere."""

from __future__ import annotations

import json
import re
from math import prod
from pathlib import Path
from typing import Any, cast

from keras_vst.errors import UserError

CARD = "card.json"
QUALITIES = ("live", "film")
LARGEST_CARD = 4 * 2**20  # bytes
LARGEST_MARGIN = 256  # pixels
# What may follow --style, where a comma and a colon have a meaning, and is a folder's name everywhere.
NAME = re.compile(r"\w[\w.-]{0,99}")
SHA256 = re.compile(r"[0-9a-f]{64}")


def read_card(path: Path) -> dict[str, Any]:
    """The card, or a UserError that says what is wrong with it."""
    try:
        if path.stat().st_size > LARGEST_CARD:
            raise broken(path, f"it has more than {LARGEST_CARD >> 20} MiB")
        card = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise broken(path, " ".join(str(error).split())) from error
    _check(path, card, {"name": str, "files": dict}, "the card")
    if not is_name(card["name"]):
        raise broken(path, f"`name` is {card['name']!r}, expected letters, digits, `-`, `_` and `.`")
    _check_told(path, card)
    for key, file in card["files"].items():
        _check_file(path, file, f"`files.{key}`")
    if "weights" in card and "fp32" in card["files"]:  # without that file there is nothing to mix
        _check_weights(path, card)
    return card


def is_name(name: str) -> bool:
    """Whether a style may be called so."""
    return NAME.fullmatch(name) is not None and not name.endswith(".")


def broken(path: Path, reason: str) -> UserError:
    """The error for a card that cannot be used."""
    return UserError(f"{path} is not a card of a network: {reason}; export the network again.")


def _check(path: Path, values: Any, kinds: dict[str, type | tuple[type, ...]], what: str) -> None:
    given = cast("dict[str, Any]", values) if isinstance(values, dict) else {}
    for key, kind in kinds.items():
        value = given.get(key)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise broken(path, f"{what} has no usable `{key}`")


def _check_told(path: Path, card: dict[str, Any]) -> None:
    """What is shown to people, and what the painter goes by."""
    _check(path, card, {"title": str, "artist": str, "year": (int, str), "architecture": str}, "the card")
    for key in ("title", "artist", "year", "architecture"):
        if not str(card[key]).isprintable():
            raise broken(path, f"`{key}` holds what cannot be printed")
    if card.get("quality", "live") not in QUALITIES:
        raise broken(path, f"`quality` is {card['quality']!r}, expected {' or '.join(QUALITIES)}")
    margin = card.get("margin", 0)
    if not isinstance(margin, int) or isinstance(margin, bool) or not 0 <= margin <= LARGEST_MARGIN:
        raise broken(path, f"`margin` is {margin!r}, expected 0 to {LARGEST_MARGIN} pixels")


def _check_file(path: Path, file: Any, what: str) -> None:
    _check(path, file, {"file": str, "bytes": int, "sha256": str}, what)
    if not is_name(file["file"]):
        raise broken(path, f"{what} is called {file['file']!r}, expected a file beside the card")
    if file["bytes"] < 0 or not SHA256.fullmatch(file["sha256"]):
        raise broken(path, f"{what} has no usable size or checksum")


def _check_weights(path: Path, card: dict[str, Any]) -> None:
    """Ranges of float32 in file order, inside the fp32 file, none over another."""
    weights, exact = card["weights"], card["files"]["fp32"]
    _check(path, weights, {"file": str, "tensors": list}, "`weights`")
    if weights["file"] != exact["file"]:
        raise broken(path, f"`weights` is of {weights['file']!r}, expected the fp32 file")
    end = 0
    for tensor in weights["tensors"]:
        _check(
            path, tensor, {"name": str, "shape": list, "offset": int, "length": int}, "a tensor of `weights`"
        )
        shape = tensor["shape"]
        if len(shape) > 4 or any(
            not isinstance(side, int) or isinstance(side, bool) or side < 1 for side in shape
        ):
            raise broken(path, f"the shape of {tensor['name']!r} is {shape}, expected up to 4 numbers from 1")
        if tensor["length"] != 4 * prod(shape):
            raise broken(path, f"{tensor['name']!r} has {tensor['length']} bytes, expected {4 * prod(shape)}")
        if not end <= tensor["offset"] <= exact["bytes"] - tensor["length"]:
            raise broken(path, f"{tensor['name']!r} lies outside the file or over another")
        end = tensor["offset"] + tensor["length"]
