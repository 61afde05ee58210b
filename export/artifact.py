"""What is to be made: one artifact a format, precision and size, its name and where it lies."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from export.footage import MULTIPLE, Size, network_size
from keras_vst.errors import UserError

FORMATS = ("tflite", "onnx", "savedmodel")
PRECISIONS = ("fp32", "fp16", "int8")
DYNAMIC = "dynamic"
MOST_SIDE = 4096


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
    def fixed(self) -> Size | None:
        """Height and width of the frames that a static file takes, margin included."""
        return network_size(self.size) if self.size else None

    def path(self, folder: Path, name: str, version: int = 1) -> Path:
        """Where it lies in a folder of the network `name`; a SavedModel is a numbered version."""
        if self.format == "savedmodel":
            return folder / name / str(version)
        if self.format == "onnx":
            return folder / f"{name}.onnx"
        return folder / (f"{name}.tflite" if self.key == "fp32" else f"{name}_{self.key}.tflite")


def plan(
    formats: tuple[str, ...], precisions: tuple[str, ...], sizes: tuple[Size | None, ...]
) -> dict[Size | None, list[Artifact]]:
    """Everything to be made, by size: files of one size are timed in one run.  ONNX and SavedModel take any size."""
    groups: dict[Size | None, list[Artifact]] = {}
    if "tflite" in formats:
        groups = {size: [Artifact("tflite", precision, size) for precision in precisions] for size in sizes}
    others = [Artifact(name) for name in ("onnx", "savedmodel") if name in formats]
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
