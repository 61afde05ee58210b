"""The user's own styles: sent as one file and added from one, installed, removed and renamed.

Such a file is a zip of a style's card, the files on it, and a thumbnail.  What comes from elsewhere is not believed:
how many entries, what they are called, how large they are once unpacked, what they hash to.  Nothing is written but
files of the names on the card, into a folder of ours; nothing is opened.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import stat
import zipfile
import zlib
from pathlib import Path

from keras_vst import zoo
from keras_vst.errors import UserError
from keras_vst.files import atomic, disk_errors
from keras_vst.zoo import CARD, PRECISION, Style, broken, is_name, read_card

SUFFIX = ".vst"
THUMBNAIL = "thumbnail.jpg"
MOST_FILES = 16
# Bytes, unpacked: of one file, of all; ours have 0.7 and 1.3 MB.
LARGEST_FILE, LARGEST = (16 * 2**20, 48 * 2**20)
LARGEST_BESIDE = 2 * 2**20  # of what is no network
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
PIECE = 1 << 16
# Installed with the card and its files, where there is one.
BESIDE = ("report.json", "about.toml", "thumbnail.jpg")


def install(folder: Path) -> Style:
    """Copy a style's card and files into the user's own zoo, in place of an older one of its name."""
    card = read_card(folder / CARD)
    name, root = card["name"], zoo.own_root()
    if (zoo.ROOT / name).exists():
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
    return zoo.find_style(name)


def own_style(name: str) -> Style:
    """The user's style of that name, or a UserError."""
    style = zoo.find_style(name)
    if not style.own:
        raise UserError(f"{name} comes with the package and stays; only styles of your own can be changed.")
    return style


def remove(name: str) -> None:
    """Delete a style of the user's own."""
    folder = own_style(name).path.parent
    with disk_errors(folder):
        shutil.rmtree(folder)


def check_free(name: str) -> None:
    """Refuse a name that cannot be given to another style."""
    if not is_name(name):
        raise UserError(f"a style cannot be called {name!r}; use letters, digits, `-`, `_` and `.`.")
    if (zoo.ROOT / name).exists() or (zoo.own_root() / name).exists():
        raise UserError(f"there is a style {name} already; choose another name, or remove that first.")


def rename(name: str, new: str) -> Style:
    """Give a style of the user's own another name: its folder and what its card says; its files stay as they are."""
    folder = own_style(name).path.parent
    check_free(new)
    with atomic(folder.parent / new, folder=True) as made:
        shutil.copytree(folder, made, dirs_exist_ok=True)
        card = json.loads((made / CARD).read_text(encoding="utf-8"))
        told = {"name": new} | ({"title": new} if card["title"] == name else {})
        text = json.dumps({**card, **told}, indent=1, ensure_ascii=False)
        (made / CARD).write_text(text + "\n", encoding="utf-8")
    with disk_errors(folder):
        shutil.rmtree(folder)
    return zoo.find_style(new)


def pack(style: Style, thumbnail: bytes, target: Path) -> None:
    """Write the style as one file, complete or not there."""
    folder = style.path.parent
    names = [entry["file"] for entry in style.card["files"].values()]
    beside = [name for name in BESIDE if name != THUMBNAIL and (folder / name).is_file()]
    with atomic(target) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as parcel:
        for name in (CARD, *names, *beside):
            content = _content(folder / name)
            parcel.writestr(_entry(name), content)
        parcel.writestr(_entry(THUMBNAIL), thumbnail)


def unpack(source: Path, folder: Path) -> str:
    """Put what a parcel holds into an empty folder of ours, once it is sure of it; the name of the style."""
    if not source.is_file():
        raise UserError(f"there is no file {source}; name one that `vst styles --export` wrote.")
    try:
        with zipfile.ZipFile(source) as parcel:
            entries = _checked(source, parcel)
            _write(source, parcel, entries[CARD], folder, LARGEST_BESIDE)
            card = read_card(folder / CARD)
            files = {entry["file"]: entry for entry in card["files"].values()}
            if foreign := set(entries) - {CARD, *BESIDE, *files}:
                raise refused(source, f"it holds {min(foreign)!r}, which is not on its card")
            for name in entries.keys() - {CARD}:
                limit = files[name]["bytes"] if name in files else LARGEST_BESIDE
                _write(source, parcel, entries[name], folder, limit)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError) as error:
        raise refused(source, f"it is damaged, or no such file ({error})") from error
    _check_files(source, folder, files)
    return str(card["name"])


def refused(source: Path, reason: str) -> UserError:
    """The error for what is no parcel of a style."""
    return UserError(f"{source} is not a style that can be added: {reason}; have it sent again.")


def _checked(source: Path, parcel: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The entries by name, as far as the table of contents can be judged."""
    entries = parcel.infolist()
    if len(entries) > MOST_FILES:
        raise refused(source, f"it holds {len(entries)} files, and a style has at most {MOST_FILES}")
    if len({entry.filename for entry in entries}) < len(entries):
        raise refused(source, "it holds a name twice")
    for entry in entries:
        if not is_name(entry.filename):
            raise refused(source, f"it holds {entry.filename!r}, which is no plain file name")
        mode = entry.external_attr >> 16
        if mode and not stat.S_ISREG(mode) and stat.S_IFMT(mode):
            raise refused(source, f"{entry.filename} is a link or another thing that is no file")
        if entry.flag_bits & 1 or entry.compress_type not in METHODS:
            raise refused(source, f"{entry.filename} is encrypted or packed in an unknown way")
    if sum(entry.file_size for entry in entries) > LARGEST:
        raise refused(source, f"it would take more than {LARGEST >> 20} MiB")
    if CARD not in {entry.filename for entry in entries}:
        raise refused(source, f"it has no {CARD}")
    return {entry.filename: entry for entry in entries}


def _write(source: Path, parcel: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path, limit: int) -> None:
    """One file, no longer than allowed whatever its header says."""
    limit, written = min(limit, LARGEST_FILE), 0
    with parcel.open(entry) as packed, (folder / entry.filename).open("xb") as file:
        while piece := packed.read(PIECE):
            written += len(piece)
            if written > limit:
                raise refused(source, f"{entry.filename} has more than the {limit} bytes it may have")
            file.write(piece)


def _check_files(source: Path, folder: Path, files: dict[str, dict[str, object]]) -> None:
    for name, entry in files.items():
        if not (folder / name).is_file():
            raise refused(source, f"{name} is on its card and not in it")
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != entry["sha256"]:
            raise refused(source, f"{name} is not the file on its card")


def _entry(name: str) -> zipfile.ZipInfo:
    """One form for all: equal styles make equal parcels."""
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    return entry


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}; export the network again.") from error
