"""From --model and --styles to networks that can be scored, and the painting that belongs to each style.

Frames are float32 in [0, 1], (1, H, W, 3).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from keras_vst import zoo
from keras_vst.errors import UserError
from keras_vst.frames import to_float, to_uint8
from keras_vst.runners.onnx import OnnxRunner
from keras_vst.runners.verify import open_runner
from keras_vst.runs import RunDirectory
from keras_vst.video.pictures import PICTURES, read_picture
from training.evaluation.material import fitted
from training.evaluation.painters import Frames, Network

PRECISIONS = ("fp32", "fp16", "int8")


@dataclass(frozen=True)
class Painting:
    """What a style should look like."""

    path: Path
    frames: Frames


@dataclass(frozen=True)
class Subject:
    """A network that was named on the command line."""

    name: str
    path: Path  # a file, or a run directory
    styles: tuple[
        dict[str, Any], ...
    ]  # name, and as far as known sha256 and file; empty where nothing is known
    margin: int
    rounded: Path | None = None  # its int8 file, if this is the fp32 one

    @property
    def is_file(self) -> bool:
        """Whether it can be timed."""
        return self.path.is_file()


def find_subject(given: str, root: Path | None = None) -> Subject:
    """A .tflite or .onnx file, a run directory, or the name of a network of the zoo."""
    path = Path(given)
    if path.is_dir():
        return _of_run(path)
    if path.is_file():
        return _of_file(zoo.network_file(path))
    if path.suffix or len(path.parts) > 1:
        raise UserError(
            f"--model: there is no file {given}. Name a .tflite, an .onnx, a run or one of the zoo."
        )
    return _of_file(zoo.find_network(given, root))


def open_subject(subject: Subject, threads: int) -> Network:
    """Ready to run in this process."""
    return _open_run(subject) if subject.path.is_dir() else open_file(subject.path, threads)


def open_file(path: Path, threads: int) -> Network:
    """A network file."""
    if path.suffix.lower() == ".onnx":
        return _OfPixels(OnnxRunner(path, threads=threads))
    return open_runner(path, threads=threads)


def paintings(
    subject: Subject, count: int, given: Sequence[str], folder: str, side: int
) -> list[Painting | None]:
    """The painting of each of the network's `count` styles: in the order given, or looked up in a folder."""
    if given and len(given) != count:
        raise UserError(
            f"{subject.name} has {count} styles, but --style names {len(given)} pictures. Name one a style, in order."
        )
    if given:
        return [_read(Path(path), side) for path in given]
    found = _Folder(Path(folder)) if folder else None
    styles = subject.styles or ({},) * count
    paths = [found.find(style) if found else _own_file(style) for style in styles]
    return [None if path is None else _read(path, side) for path in paths]


class _Folder:
    """Pictures by the checksum and the name that cards carry."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise UserError(f"--styles needs a folder of paintings. There is no folder {folder}.")
        self._files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES)
        self._by_sum: dict[str, Path] | None = None

    def find(self, style: dict[str, Any]) -> Path | None:
        if self._by_sum is None:
            self._by_sum = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in self._files}
        by_name = {path.stem: path for path in self._files}
        return self._by_sum.get(style.get("sha256", "")) or by_name.get(style.get("name", ""))


def _own_file(style: dict[str, Any]) -> Path | None:
    """Where a run says that its painting was."""
    path = Path(style.get("file", ""))
    return path if path.is_file() else None


def _read(path: Path, side: int) -> Painting:
    return Painting(path.absolute(), to_float(fitted(read_picture(path), side))[None])


def _of_file(network: zoo.Network) -> Subject:
    files = network.card.get("files", {})
    own = next((key for key, file in files.items() if file["file"] == network.path.name), "")
    precision = own if own in PRECISIONS[1:] else ""
    name = f"{network.name} {precision}".strip()
    beside = network.path.with_name(files.get("int8", {}).get("file", f"{network.path.stem}_int8.tflite"))
    is_exact = network.path.suffix.lower() == ".tflite" and not precision and beside != network.path
    rounded = beside if is_exact and beside.is_file() else None
    return Subject(name, network.path, tuple(network.card.get("styles", ())), network.margin, rounded)


def _of_run(path: Path) -> Subject:
    record = RunDirectory(path).record()
    return Subject(path.resolve().name, path, tuple(record.get("styles", ())), zoo.DEFAULT_MARGIN)


def _open_run(subject: Subject) -> Network:
    from keras_vst.models.student import build_student

    run = RunDirectory(subject.path)
    config = run.config()
    if config.kind == "film":
        raise UserError(
            f"{subject.path} trained a network for film, which wants optical flow. Score a student."
        )
    student = build_student(config.student)
    run.load_network(student)
    return _OfKeras(student, config.student.num_styles, config.student.state_channels)


class _OfKeras:
    """The weights of a run, before any export."""

    def __init__(self, student: Any, num_styles: int, state_channels: int) -> None:
        self._student, self.num_styles, self.state_channels = student, num_styles, state_channels

    def run(self, frame: Frames, style: Frames, state: Frames | None = None) -> tuple[Frames, Frames | None]:
        found = self._student({"frame": frame, "style": style, "state": state}, training=False)
        arrays = {name: np.asarray(found[name], np.float32) for name in ("stylized", "state")}
        return arrays["stylized"], arrays["state"]


class _OfPixels:
    """A runner that takes and gives uint8, as one that gives floats."""

    def __init__(self, runner: OnnxRunner) -> None:
        self._runner = runner
        self.num_styles, self.state_channels = runner.num_styles, runner.state_channels

    def run(self, frame: Frames, style: Frames, state: Frames | None = None) -> tuple[Frames, Frames | None]:
        stylized, after = self._runner.run_pixels(to_uint8(frame[0]), style, state)
        return to_float(stylized)[None], after
