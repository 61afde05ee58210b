"""The styles that can be painted in, one folder each: its .tflite files and the card.json that describes them.

A folder in it that is named small or large holds the same style by a network of that size, with a card of its own.

Some come with the package, some are the user's own; both are found by looking.  Reads cards only; nothing here opens
a network.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from keras_vst.errors import UserError
from keras_vst.files import atomic
from keras_vst.zoo.card_file import CARD, broken, read_card

ROOT = Path(__file__).parent
PRECISION = "fp32"  # the file of a style that runs unless another is named: exact, and as fast as int8 on x86
# The cheapest first; what lies in a style's own folder.
SIZE_CLASSES, OWN_SIZE = (("small", "base", "large"), "base")
# Installed with the card and its files, where there is one.
BESIDE = ("report.json", "about.toml", "thumbnail.jpg")
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


def install(folder: Path) -> Style:
    """Copy a style's card and files into the user's own zoo, in place of an older one of its name."""
    card = read_card(folder / CARD)
    name, root = card["name"], own_root()
    if (ROOT / name).exists():
        raise UserError(f"{name} is the name of a style that comes with the package; choose another name.")
    if PRECISION not in card["files"]:
        raise broken(folder / CARD, f"`files` has no {PRECISION!r}")
    files = {entry["file"]: entry["sha256"] for entry in card["files"].values()}
    try:
        with atomic(root / name, folder=True) as made:
            for file in (CARD, *files, *(each for each in BESIDE if (folder / each).is_file())):
                shutil.copyfile(folder / file, made / file)
            for file, sha256 in files.items():
                if hashlib.sha256((made / file).read_bytes()).hexdigest() != sha256:
                    raise UserError(f"{folder / file} is not the file on its card; export the network again.")
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"cannot install {name} into {root}: {reason}; check {error.filename}.") from error
    return find_style(name)


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
