"""From --model and --styles to networks that can be scored, and the painting that belongs to each."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras_vst import zoo
from keras_vst.errors import UserError
from keras_vst.frames import Pixels
from keras_vst.networks import Network, open_network
from keras_vst.runs import RunDirectory
from keras_vst.video.stills import PICTURES, read_picture
from training.evaluation.material import fitted
from training.evaluation.painters import Film, Live, Painter


@dataclass(frozen=True)
class Painting:
    """What a style should look like."""

    path: Path
    pixels: Pixels


@dataclass(frozen=True)
class Subject:
    """A network that was named on the command line."""

    name: str
    path: Path  # a file, or a run directory
    painting_sha256: str = ""  # as far as its card or its run tells
    painting_file: str = ""
    margin: int | None = None
    sha256: str | None = None  # of the file, where a card vouches for it
    rounded: Path | None = None  # its int8 file, if this is the fp32 one

    @property
    def is_file(self) -> bool:
        """Whether it can be timed."""
        return self.path.is_file()


def find_subject(given: str) -> Subject:
    """A .tflite or .onnx file, a run directory, or the name of a style of the zoo."""
    path = Path(given)
    if path.is_dir():
        return _of_run(path)
    if path.is_file():
        return _of_style(zoo.file_style(path))
    if path.suffix or len(path.parts) > 1:
        raise UserError(
            f"--model: there is no file {given}. Name a .tflite, an .onnx, a run or a style of the zoo."
        )
    return _of_style(zoo.find_style(given))


def open_painter(subject: Subject, threads: int) -> Painter:
    """Ready to paint in this process."""
    if subject.path.is_dir():
        return _painter(_open_run(subject.path), subject.margin)
    return open_file(subject.path, threads, subject.margin, subject.sha256)


def open_file(path: Path, threads: int, margin: int | None, sha256: str | None = None) -> Painter:
    """A network file, ready to paint."""
    return _painter(open_network(path, threads=threads, sha256=sha256), margin)


def find_paintings(
    subjects: Sequence[Subject], given: Sequence[str], folder: str, side: int
) -> list[Painting | None]:
    """The painting of each network: in the order given, or looked up in a folder or where its run had it."""
    if given and len(given) != len(subjects):
        raise UserError(
            f"--model names {len(subjects)} networks, but --style {len(given)} pictures. "
            "Name one painting a network, in order."
        )
    if given:
        paths: list[Path | None] = [Path(each) for each in given]
    elif folder:
        known = _Folder(Path(folder))
        paths = [known.find(subject) for subject in subjects]
    else:
        named = [Path(subject.painting_file) for subject in subjects]
        paths = [path if path.is_file() else None for path in named]
    return [
        None if path is None else Painting(path.absolute(), fitted(read_picture(path), side))
        for path in paths
    ]


class _Folder:
    """Pictures by the checksum and the name that cards carry."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise UserError(f"--styles needs a folder of paintings. There is no folder {folder}.")
        files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES)
        self._by_sum = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in files}
        self._by_name = {path.stem: path for path in files}

    def find(self, subject: Subject) -> Path | None:
        return self._by_sum.get(subject.painting_sha256) or self._by_name.get(subject.name)


def _painter(network: Network, margin: int | None) -> Painter:
    wanted = next(each for each in (margin, network.margin, zoo.DEFAULT_MARGIN) if each is not None)
    return Film(network, wanted) if network.map_channels else Live(network.paint, wanted)


def _of_style(style: zoo.Style) -> Subject:
    files = style.card.get("files", {})
    exact = files.get(zoo.PRECISION, {}).get("file") == style.path.name
    rounded = style.path.with_name(files["int8"]["file"]) if exact and "int8" in files else None
    return Subject(
        style.name,
        style.path,
        painting_sha256=style.card.get("sha256", ""),
        margin=style.card.get("margin"),
        sha256=style.sha256,
        rounded=rounded if rounded and rounded.is_file() else None,
    )


def _of_run(path: Path) -> Subject:
    style: dict[str, Any] = RunDirectory(path).record().get("style") or {}
    return Subject(path.resolve().name, path, style.get("sha256", ""), style.get("file", ""))


def _open_run(path: Path) -> Network:
    """The weights of a run, before any export."""
    from keras_vst.models.student import build_student
    from keras_vst.models.teacher import build_teacher
    from keras_vst.networks.keras import KerasNetwork

    run = RunDirectory(path)
    config = run.config()
    model = build_teacher(config.teacher) if config.kind == "film" else build_student(config.student)
    run.load_network(model)
    return KerasNetwork(model, path)
