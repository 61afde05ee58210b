"""What is scored: the networks that --model names, the painting of each, and controls that show what a number means.

Each is a painter: pictures in and out, uint8 RGB (H, W, 3), of any size.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from keras_vst import zoo
from keras_vst.errors import UserError
from keras_vst.frames import PICTURES, Pixels, fit, to_float, to_uint8, unfit
from keras_vst.networks import Network, open_network
from keras_vst.networks.film_clip import Film
from keras_vst.runs import RunDirectory
from training.evaluation.material import Clip, fitted

BLUR = 2.0  # pixels of deviation: strokes are gone, shapes are not
LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
MIDDLE, SPREAD = 0.5, 0.25  # of a photo's luma: where a ramp has its mean, and how far one deviation is


class Painter(ABC):
    """Repaints each picture by itself; a subclass says how."""

    @abstractmethod
    def __call__(self, frame: Pixels) -> Pixels:
        """The picture, painted."""

    def clip(self, clip: Clip) -> list[Pixels]:
        """The frames in order."""
        return [self(frame) for frame in clip.frames]


class Live(Painter):
    """A network, with the border of repeated edge that `vst` gives it."""

    def __init__(self, paint: Callable[[Pixels], Pixels], margin: int = zoo.DEFAULT_MARGIN) -> None:
        self.paint, self.margin = paint, margin

    def __call__(self, frame: Pixels) -> Pixels:
        """The picture, painted."""
        padded, fitting = fit(frame, margin=self.margin)
        return unfit(self.paint(padded), fitting)


class OfFilm(Live):
    """A network of film quality: in a clip it is shown its last painting, moved by the clip's flow."""

    def __init__(self, network: Network, margin: int = zoo.DEFAULT_MARGIN) -> None:
        super().__init__(network.paint, margin)
        self.network = network

    def clip(self, clip: Clip) -> list[Pixels]:
        """Each frame over the last painting where the flow can be trusted."""
        fitted = [fit(frame, margin=self.margin) for frame in clip.frames]
        film = Film(self.network, fitted[0][1], lambda time: clip.flow(time, time - 1))
        return [unfit(film.paint(padded), fitting) for padded, fitting in fitted]


class Blurred(Painter):
    """What another paints, blurred: steady and close to the scene, without strokes."""

    def __init__(self, painter: Painter) -> None:
        self.painter = painter

    def __call__(self, frame: Pixels) -> Pixels:
        """The painted picture, blurred."""
        return _blur(self.painter(frame))

    def clip(self, clip: Clip) -> list[Pixels]:
        """The painted clip, blurred."""
        return [_blur(frame) for frame in self.painter.clip(clip)]


class TwoColoured(Painter):
    """The photo's light as a ramp between the painting's two main colours: palettes that cannot tell it are blind."""

    def __init__(self, painting: Pixels) -> None:
        colours = to_float(painting).reshape(-1, 3)
        variances, axes = np.linalg.eigh(np.cov(colours.T))
        axis = axes[:, -1] * np.sign(axes[:, -1] @ LUMA)  # towards the lighter one
        self.mean, self.step = colours.mean(axis=0), (np.sqrt(variances[-1]) * axis).astype(np.float32)

    def __call__(self, frame: Pixels) -> Pixels:
        """The picture, recoloured."""
        height = (to_float(frame) @ LUMA - MIDDLE) / SPREAD
        return to_uint8(np.clip(self.mean + height[..., None] * self.step, 0, 1))


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


def find_subject(given: str) -> Subject:
    """A .tflite or .onnx file, a run directory, or the name of a style of the zoo."""
    path = Path(given)
    if path.is_dir():
        style: dict[str, Any] = RunDirectory(path).record().get("style") or {}
        return Subject(path.resolve().name, path, style.get("sha256", ""), style.get("file", ""))
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
        paths = _look_up(subjects, Path(folder))
    else:
        paths = [path if (path := Path(each.painting_file)).is_file() else None for each in subjects]
    from keras_vst.video.pictures import read_picture

    return [path and Painting(path.absolute(), fitted(read_picture(path), side)) for path in paths]


def _look_up(subjects: Sequence[Subject], folder: Path) -> list[Path | None]:
    """Pictures by the checksum and the name that cards carry."""
    if not folder.is_dir():
        raise UserError(f"--styles needs a folder of paintings. There is no folder {folder}.")
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES)
    by_sum = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in files}
    by_name = {path.stem: path for path in files}
    return [by_sum.get(each.painting_sha256) or by_name.get(each.name) for each in subjects]


def _painter(network: Network, margin: int | None) -> Painter:
    wanted = next(each for each in (margin, network.margin, zoo.DEFAULT_MARGIN) if each is not None)
    return OfFilm(network, wanted) if network.map_channels else Live(network.paint, wanted)


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


def _open_run(path: Path) -> Network:
    """The weights of a run, before any export."""
    from keras_vst.models import build_network
    from keras_vst.networks.keras import KerasNetwork

    run = RunDirectory(path)
    model = build_network(run.config())
    run.load_network(model)
    return KerasNetwork(model, path)


def _blur(frame: Pixels) -> Pixels:
    return np.asarray(cv2.GaussianBlur(frame, (0, 0), BLUR), np.uint8)
