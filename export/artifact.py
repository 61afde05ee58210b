"""What one export is asked for, and what is to be made of it: one artifact a format, precision and size."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass, replace
from pathlib import Path

from export.gate.runtimes import RUNTIMES
from export.judged_clips import Clip, bundled_clip, users_clip
from keras_vst.errors import UserError
from keras_vst.networks.base import MULTIPLE, Size
from keras_vst.zoo import DEFAULT_MARGIN, is_name

FORMATS = ("tflite", "onnx", "savedmodel")
PRECISIONS = ("fp32", "fp16", "int8")
DYNAMIC = "dynamic"
MOST_SIDE = 4096


@dataclass(frozen=True)
class Effort:
    """How much the gate looks at."""

    frames: int = 48  # of the clip
    timed: int = 300  # frames whose time is taken
    open_size: Size = (360, 640)  # at which files that take any size are judged
    resized: Size = (96, 160)  # and a second one, to see that they can be resized
    resized_frames: int = 6


THOROUGH = Effort()
QUICK = Effort(frames=12, timed=20, open_size=(96, 160), resized=(64, 96), resized_frames=2)
MOST_FILM_FRAMES, MOST_FILM_TIMED = 16, 10  # a frame takes 30 times as long as a live network's


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to export, from where, to where, and how it is judged."""

    run: Path
    out: Path
    name: str
    formats: tuple[str, ...] = ("tflite",)
    precisions: tuple[str, ...] = ()  # none named: all that the network can have
    sizes: tuple[Size | None, ...] = (None,)
    runtimes: tuple[str, ...] = RUNTIMES
    about: Path | None = None
    scores: Path | None = None  # what training.evaluate measured, for the card
    clip: Path | None = None  # to judge on
    calibrate: tuple[Path, ...] = ()  # clips for int8
    effort: Effort = THOROUGH
    install: bool = False  # into the user's own zoo

    def __post_init__(self) -> None:
        _known("--formats", self.formats, FORMATS)
        _known("--precisions", self.precisions or PRECISIONS, PRECISIONS)
        _known("--runtime", self.runtimes, RUNTIMES)
        if not is_name(self.name):
            raise UserError(
                f"{self.name!r} cannot be a style's name. Give --name: letters, digits, `-`, `_`, `.`."
            )
        if "onnx" in self.formats and importlib.util.find_spec("onnxruntime") is None:
            raise UserError(
                "--formats onnx needs ONNX Runtime to be judged. Install it with `pip install keras-vst[onnx]`."
            )

    def fitting(self, film: bool) -> Options:
        """The options for a live network or for one of film quality; a UserError where that cannot be had."""
        if not film:
            return replace(self, precisions=self.precisions or PRECISIONS)
        if "int8" in self.precisions:
            raise UserError(
                "--precisions int8 is for live networks: a film network norms each picture by its own statistics "
                "(instance norm), which int8 cannot hold. Use fp32 or fp16."
            )
        if "savedmodel" in self.formats:
            raise UserError(
                "--formats savedmodel is for live networks: a server has no last frame to find the flow from. Use "
                "tflite or onnx."
            )
        frames, timed = min(self.effort.frames, MOST_FILM_FRAMES), min(self.effort.timed, MOST_FILM_TIMED)
        effort = replace(self.effort, frames=frames, timed=timed)
        return replace(self, precisions=self.precisions or ("fp32", "fp16"), effort=effort)

    def judged_on(self, content: Size, num_frames: int | None = None) -> Clip:
        """The clip to judge on, its frames of `content` (height, width)."""
        count = num_frames or self.effort.frames
        return users_clip(self.clip, content, count) if self.clip else bundled_clip(content, count)


@dataclass(frozen=True)
class Artifact:
    """A file (.tflite, .onnx) or a folder (SavedModel) for frames of `size`, (height, width) without the margin."""

    format: str
    precision: str = "fp32"
    size: Size | None = None  # None: any size

    @property
    def key(self) -> str:
        """What the card and the report call it: "fp32", "int8_640x360", "onnx", "savedmodel"."""
        name = self.precision if self.format == "tflite" else self.format
        return f"{name}_{in_words(self.size)}" if self.size else name

    @property
    def takes(self) -> Size | None:
        """Height and width of the frames that a static file takes: those of `size` with the margin on each side.

        For sides that are no multiples of 8 the edge would find room to enlarge the frame: see `parse_size`.
        """
        if self.size is None:
            return None
        height, width = (-(-(side + 2 * DEFAULT_MARGIN) // MULTIPLE) * MULTIPLE for side in self.size)
        return height, width

    def path(self, folder: Path, name: str, version: int = 1) -> Path:
        """Where it lies in a folder of the network `name`; a SavedModel is a numbered version."""
        if self.format == "savedmodel":
            return folder / name / str(version)
        if self.format == "onnx":
            return folder / f"{name}.onnx"
        return folder / (f"{name}.tflite" if self.key == "fp32" else f"{name}_{self.key}.tflite")


def plan(options: Options) -> dict[Size | None, list[Artifact]]:
    """Everything to be made, by size: files of one size are timed in one run.  ONNX and SavedModel take any size."""
    groups: dict[Size | None, list[Artifact]] = {}
    if "tflite" in options.formats:
        for size in options.sizes:
            groups[size] = [Artifact("tflite", precision, size) for precision in options.precisions]
    others = [Artifact(name) for name in ("onnx", "savedmodel") if name in options.formats]
    if others:
        groups.setdefault(None, []).extend(others)
    return groups


def parse_size(text: str) -> Size | None:
    """ "640x360" -> (360, 640), "dynamic" -> None; a UserError for anything else."""
    if text == DYNAMIC:
        return None
    sides = text.lower().split("x")
    if len(sides) != 2 or not all(side.isascii() and side.isdigit() for side in sides):
        raise UserError(f"--sizes {text} is no size. Write WIDTHxHEIGHT like 640x360, or {DYNAMIC}.")
    width, height = map(int, sides)
    if min(width, height) < MULTIPLE or max(width, height) > MOST_SIDE:
        raise UserError(f"--sizes {text} is out of range. Sides are from {MULTIPLE} to {MOST_SIDE} pixels.")
    if width % MULTIPLE or height % MULTIPLE:
        near = in_words((-(-height // MULTIPLE) * MULTIPLE, -(-width // MULTIPLE) * MULTIPLE))
        raise UserError(
            f"--sizes {text} would be enlarged a little: static files take multiples of {MULTIPLE}. Use {near}, which "
            f"takes frames of {text} as well, or {DYNAMIC}."
        )
    return height, width


def in_words(size: Size) -> str:
    """(360, 640) -> "640x360"."""
    return f"{size[1]}x{size[0]}"


def digest(path: Path) -> tuple[int, str]:
    """Bytes and sha256 of a file; of a folder, over the lines "sha256  path" of its files in order."""
    if path.is_file():
        data = path.read_bytes()
        return len(data), hashlib.sha256(data).hexdigest()
    files = sorted(file for file in path.rglob("*") if file.is_file())
    contents = [file.read_bytes() for file in files]
    lines = (
        f"{hashlib.sha256(data).hexdigest()}  {file.relative_to(path).as_posix()}\n"
        for file, data in zip(files, contents, strict=True)
    )
    return sum(map(len, contents)), hashlib.sha256("".join(lines).encode()).hexdigest()


def _known(option: str, given: tuple[str, ...], known: tuple[str, ...]) -> None:
    unknown = [name for name in given if name not in known]
    if unknown or not given:
        raise UserError(
            f"{option} takes one or more of {', '.join(known)}. Received: {', '.join(unknown) or 'nothing'}."
        )
