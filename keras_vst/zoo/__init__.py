"""The styles that can be painted in, one folder each: its .tflite files and the card.json that describes them.

A folder in it that is named small or large holds the same style by a network of that size, with a card of its own.

Some come with the package, some are the user's own; both are found by looking.  Reads cards only, each checked wholly
before anything of it is believed, for it may come from anywhere; nothing here opens a network.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any, cast

from keras_vst.errors import UserError

ROOT = Path(__file__).parent
CARD = "card.json"
QUALITIES = ("live", "film")
LARGEST_CARD = 4 * 2**20  # bytes
LARGEST_MARGIN = 256  # pixels
LONGEST_TOLD = 200  # characters of a title and the like, which go into the files that are painted
# What may follow --style, where a comma and a colon have a meaning, and is a folder's name everywhere.
NAME = re.compile(r"\w[\w.-]{0,99}")
SHA256 = re.compile(r"[0-9a-f]{64}")
TENSOR = {"name": str, "shape": list, "offset": int, "length": int}
PRECISION = "fp32"  # the file of a style that runs unless another is named: exact, and as fast as int8 on x86
# The cheapest first; what lies in a style's own folder.
SIZE_CLASSES, OWN_SIZE = (("small", "base", "large"), "base")
RIGHTS = (  # said once, wherever a network begins to learn from a picture
    "the rights in a style picture are yours to have: your own, free of rights, or by leave of whoever has them."
)
DEFAULT_MARGIN = 8  # pixels of repeated edge that keep a network's zero border out of the picture


@dataclass(frozen=True)
class Style:
    """One style: the network file that paints it, and what its card says."""

    name: str
    path: Path
    card: dict[str, Any] = field(default_factory=dict[str, Any], repr=False)
    own: bool = False  # whether it is the user's, not the package's
    content: bytes | None = field(default=None, repr=False)  # the file itself, where it is on no disk

    @property
    def quality(self) -> str:
        """What it is made for: live, or film, which is guided by optical flow, offline."""
        return str(self.card.get("quality", "live"))

    @property
    def margin(self) -> int:
        """Pixels of border the network wants around a picture."""
        return int(self.card.get("margin", DEFAULT_MARGIN))

    @property
    def architecture(self) -> str | None:
        """What styles that can be mixed have in common."""
        return self.card.get("architecture")

    @property
    def weights(self) -> list[dict[str, Any]]:
        """Where the weights stand in the fp32 file: name, shape, offset and length in bytes of each."""
        return self.card.get("weights", {}).get("tensors", [])

    @property
    def sha256(self) -> str | None:
        """What the file must hash to; None when no card lists it."""
        listed = (entry for entry in self.card.get("files", {}).values() if entry["file"] == self.path.name)
        return next((entry["sha256"] for entry in listed), None)

    @property
    def gmacs(self) -> float:
        """Thousand million multiply-accumulates of a frame of 640x368; 0 where the card does not tell."""
        told = self.card.get("gmacs")
        value = cast("dict[str, Any]", told).get("value") if isinstance(told, dict) else None
        return float(value) if isinstance(value, int | float) else 0.0

    def about(self) -> dict[str, Any]:
        """What there is to tell of it, ready for JSON."""
        told = {key: self.card[key] for key in ("title", "artist", "year")}
        return {
            "name": self.name,
            **told,
            "quality": self.quality,
            "architecture": self.architecture,
            "own": self.own,
        }


def own_root() -> Path:
    """Where the user's own styles lie."""
    if given := os.environ.get("KERAS_VST_ZOO"):
        return Path(given)
    if sys.platform == "win32":
        data = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        data = Path.home() / "Library" / "Application Support"
    else:
        data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return data / "keras_vst" / "zoo"


def styles(quality: str | None = None) -> list[Style]:
    """Every usable style, or those of one quality: the package's by name, then the user's own."""
    return [style for style in look_around()[0] if quality in (None, style.quality)]


def look_around() -> tuple[list[Style], list[str]]:
    """Every usable style, and why each of the others is left out."""
    found: dict[str, Style] = {}
    left_out: list[str] = []
    for root, own in ((ROOT, False), (own_root(), True)):
        for folder in sorted(card.parent for card in root.glob(f"[!.]*/{CARD}")):
            try:
                style = _entry(folder, own)
                if style.name in found:
                    raise UserError(
                        f"{folder} has the name of a style that comes with the package; rename it."
                    )
                found[style.name] = style
            except UserError as error:
                left_out.append(str(error))
    return list(found.values()), left_out


def find_style(name: str) -> Style:
    """The style called `name`, or a UserError that says what is wrong with it or lists the known ones."""
    for root, own in ((ROOT, False), (own_root(), True)):
        # Looked up among what is there: a name is not to be trusted as a path.
        if any(card.parent.name == name for card in root.glob(f"[!.]*/{CARD}")):
            return _entry(root / name, own)
    raise UserError(unknown_style(name, [style.name for style in styles()]))


def sizes(style: Style) -> dict[str, Path]:
    """The folders of the networks that paint a style, by size class, the cheapest first."""
    own = style.path.parent
    folders = {name: own if name == OWN_SIZE else own / name for name in SIZE_CLASSES}
    return {name: folder for name, folder in folders.items() if name == OWN_SIZE or (folder / CARD).is_file()}


def of_size(style: Style, size_class: str) -> Style:
    """The style by its network of that size, or a UserError that says which there are."""
    found = sizes(style)
    if size_class not in found:
        raise UserError(
            f"{style.name} has no network of size {size_class}, only {', '.join(found)}; choose one of these."
        )
    return style if size_class == OWN_SIZE else _entry(found[size_class], style.own, style.name)


def file_style(path: Path) -> Style:
    """Any network file as a style, under its own name; a card.json beside it says more."""
    beside = path.parent / CARD
    return Style(path.stem, path, read_card(beside) if beside.is_file() else {})


def unknown_style(name: str, known: Iterable[str]) -> str:
    """What to tell someone who asked for a style that is not there."""
    known = list(known)
    near = difflib.get_close_matches(name.lower(), known, n=1)
    hint = f"did you mean {near[0]!r}? Known" if near else "known"
    return f"there is no style {name!r}; {hint}: {', '.join(known) or 'none'}."


def _entry(folder: Path, own: bool, name: str | None = None) -> Style:
    card, name = read_card(folder / CARD), name or folder.name
    if card["name"] != name:
        raise broken(folder / CARD, f"`name` is {card['name']!r}, but the folder is {name}")
    if PRECISION not in card["files"]:
        raise broken(folder / CARD, f"`files` has no {PRECISION!r}")
    return Style(card["name"], folder / card["files"][PRECISION]["file"], card, own)


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
    if "weights" in card and PRECISION in card["files"]:  # without that file there is nothing to mix
        _check_weights(path, card)
    return card


def is_name(name: str) -> bool:
    """Whether a style may be called so."""
    return NAME.fullmatch(name) is not None and not name.endswith(".")


def broken(path: Path, reason: str) -> UserError:
    """The error for a card that cannot be used."""
    return UserError(f"{path} is not a card of a network: {reason}; export the network again.")


def _check(path: Path, values: Any, kinds: Mapping[str, type | tuple[type, ...]], what: str) -> None:
    given = cast("dict[str, Any]", values) if isinstance(values, dict) else {}
    for key, kind in kinds.items():
        value = given.get(key)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise broken(path, f"{what} has no usable `{key}`")


def _check_told(path: Path, card: dict[str, Any]) -> None:
    """What is shown to people, and what the painter goes by."""
    _check(path, card, {"title": str, "artist": str, "year": (int, str), "architecture": str}, "the card")
    for key in ("title", "artist", "year", "architecture"):
        if not str(card[key]).isprintable() or len(str(card[key])) > LONGEST_TOLD:
            raise broken(
                path, f"`{key}` holds what cannot be printed, or more than {LONGEST_TOLD} characters"
            )
    if card.get("quality", "live") not in QUALITIES:
        raise broken(path, f"`quality` is {card['quality']!r}, expected {' or '.join(QUALITIES)}")
    margin = card.get("margin", 0)
    if type(margin) is not int or not 0 <= margin <= LARGEST_MARGIN:
        raise broken(path, f"`margin` is {margin!r}, expected 0 to {LARGEST_MARGIN} pixels")


def _check_file(path: Path, file: Any, what: str) -> None:
    _check(path, file, {"file": str, "bytes": int, "sha256": str}, what)
    if not is_name(file["file"]):
        raise broken(path, f"{what} is called {file['file']!r}, expected a file beside the card")
    if file["bytes"] < 0 or not SHA256.fullmatch(file["sha256"]):
        raise broken(path, f"{what} has no usable size or checksum")


def _check_weights(path: Path, card: dict[str, Any]) -> None:
    """Ranges of float32 in file order, inside the fp32 file, none over another."""
    weights, exact = card["weights"], card["files"][PRECISION]
    _check(path, weights, {"file": str, "tensors": list}, "`weights`")
    if weights["file"] != exact["file"]:
        raise broken(path, f"`weights` is of {weights['file']!r}, expected the fp32 file")
    end = 0
    for tensor in weights["tensors"]:
        _check(path, tensor, TENSOR, "a tensor of `weights`")
        shape = tensor["shape"]
        if len(shape) > 4 or any(type(side) is not int or side < 1 for side in shape):
            raise broken(path, f"the shape of {tensor['name']!r} is {shape}, expected up to 4 numbers from 1")
        if tensor["length"] != 4 * prod(shape):
            raise broken(path, f"{tensor['name']!r} has {tensor['length']} bytes, expected {4 * prod(shape)}")
        if not end <= tensor["offset"] <= exact["bytes"] - tensor["length"]:
            raise broken(path, f"{tensor['name']!r} lies outside the file or over another")
        end = tensor["offset"] + tensor["length"]
