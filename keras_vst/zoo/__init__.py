"""The networks we ship, one folder each: its .tflite files and the card.json that describes them.

Reads cards only; nothing here opens a network.
"""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from keras_vst.errors import UserError

ROOT = Path(__file__).parent
CARD = "card.json"
PRECISION = (
    "fp32"  # the file of an entry that runs unless another is named: exact, and as fast as int8 on x86
)
QUALITIES = ("live", "film")  # film: guided by optical flow, offline; what a card does not say is live
DEFAULT_MARGIN = 8  # pixels of repeated edge that keep a network's zero border out of the picture


@dataclass(frozen=True)
class Style:
    """One painting a network can repaint in."""

    name: str
    title: str
    artist: str
    year: int | str  # a word where the year is not known for sure
    network: str
    quality: str = "live"


@dataclass(frozen=True)
class Network:
    """One .tflite file and what its card says; the styles are in the order of the network's style vector."""

    name: str
    path: Path
    card: dict[str, Any]
    styles: tuple[Style, ...]

    @property
    def margin(self) -> int:
        """Pixels of border the network wants around a picture."""
        return int(self.card.get("margin", DEFAULT_MARGIN))

    @property
    def quality(self) -> str:
        """What it is made for, one of QUALITIES."""
        return str(self.card.get("quality", "live"))

    @property
    def sha256(self) -> str | None:
        """What the file must hash to; None when no card lists it."""
        listed = (entry for entry in self.card.get("files", {}).values() if entry["file"] == self.path.name)
        return next((entry["sha256"] for entry in listed), None)


def networks(root: Path | None = None) -> list[Network]:
    """Every network below `root`, by default those that come with the package, by name."""
    return [_entry(card.parent) for card in sorted((root or ROOT).glob(f"*/{CARD}"))]


def styles(root: Path | None = None, quality: str | None = None) -> list[Style]:
    """Every style of every network below `root`, or of those of one quality."""
    found = [style for network in networks(root) for style in network.styles]
    return [style for style in found if quality in (None, style.quality)]


def find_style(name: str, root: Path | None = None, quality: str | None = None) -> Style:
    """The style called `name`, or a UserError that lists the known ones."""
    known = {style.name: style for style in styles(root, quality)}
    if name not in known:
        raise UserError(unknown_style(name, list(known)))
    return known[name]


def find_network(name: str, root: Path | None = None) -> Network:
    """The network called `name`, or a UserError that lists the known ones."""
    known = {network.name: network for network in networks(root)}
    if name not in known:
        raise UserError(f"there is no network {name!r}; known: {', '.join(known) or 'none'}.")
    return known[name]


def network_file(path: Path) -> Network:
    """Any .tflite file as a network; a card.json beside it names its styles, without one it has no names."""
    card_path = path.parent / CARD
    if not card_path.is_file():
        return Network(path.stem, path, {}, ())
    card = _read(card_path)
    return Network(card["name"], path, card, _styles(card))


def unknown_style(name: str, known: list[str]) -> str:
    """What to tell someone who asked for a style that is not there."""
    near = difflib.get_close_matches(name.lower(), known, n=1)
    hint = f"did you mean {near[0]!r}? Known" if near else "known"
    return f"there is no style {name!r}; {hint}: {', '.join(known) or 'none'}."


def _entry(folder: Path) -> Network:
    card = _read(folder / CARD)
    files = card["files"]
    if PRECISION not in files:
        raise _broken(folder / CARD, f"`files` has no {PRECISION!r}")
    return Network(card["name"], folder / files[PRECISION]["file"], card, _styles(card))


def _read(path: Path) -> dict[str, Any]:
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _broken(path, str(error)) from error
    _check(path, card, {"name": str, "files": dict, "styles": list}, "the card")
    for name, file in card["files"].items():
        _check(path, file, {"file": str, "sha256": str}, f"`files.{name}`")
    for style in card["styles"]:
        _check(path, style, {"name": str, "title": str, "artist": str, "year": (int, str)}, "a style")
    margin = card.get("margin", DEFAULT_MARGIN)
    if not isinstance(margin, int) or margin < 0:
        raise _broken(path, f"`margin` is {margin!r}, expected a whole number of pixels")
    if card.get("quality", "live") not in QUALITIES:
        raise _broken(path, f"`quality` is {card['quality']!r}, expected {' or '.join(QUALITIES)}")
    return card


def _check(path: Path, values: Any, kinds: dict[str, type | tuple[type, ...]], what: str) -> None:
    given = cast("dict[str, Any]", values) if isinstance(values, dict) else {}
    for key, kind in kinds.items():
        if not isinstance(given.get(key), kind):
            raise _broken(path, f"{what} has no usable `{key}`")


def _styles(card: dict[str, Any]) -> tuple[Style, ...]:
    return tuple(
        Style(
            style["name"],
            style["title"],
            style["artist"],
            style["year"],
            card["name"],
            card.get("quality", "live"),
        )
        for style in card["styles"]
    )


def _broken(path: Path, reason: str) -> UserError:
    return UserError(f"{path} is not a card of a network: {reason}; export the network again.")
