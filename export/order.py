"""What was asked of one export."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from export.artifact import FORMATS, PRECISIONS
from export.footage import NUM_FRAMES, Footage, Size, clip_footage, scene_footage
from export.runtimes import NAMES, has_onnxruntime
from keras_vst.errors import UserError


@dataclass(frozen=True)
class Effort:
    """How much the gate looks at."""

    frames: int = NUM_FRAMES  # of the clip
    timed: int = 300  # frames whose time is taken
    open_size: Size = (360, 640)  # at which files that take any size are judged
    resized: Size = (96, 160)  # and a second one, to see that they can be resized
    resized_frames: int = 6


THOROUGH = Effort()
QUICK = Effort(timed=30, open_size=(96, 160), resized=(64, 96))


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to export, from where, to where, and how it is judged."""

    run: Path
    out: Path
    name: str
    formats: tuple[str, ...] = ("tflite",)
    precisions: tuple[str, ...] = ("fp32",)
    sizes: tuple[Size | None, ...] = (None,)
    runtimes: tuple[str, ...] = NAMES
    style: str | None = None  # of several: one file with this one alone, folded
    about: Path | None = None
    scores: Path | None = None  # what training.evaluate measured, for the card
    clip: Path | None = None  # to judge on
    calibrate: tuple[Path, ...] = ()  # clips for int8
    int8_floor: float | None = None  # dB that int8 is to keep, where the usual ones are too few
    vgg16: str | None = None
    effort: Effort = THOROUGH

    def __post_init__(self) -> None:
        _known("--formats", self.formats, FORMATS)
        _known("--precisions", self.precisions, PRECISIONS)
        _known("--runtime", self.runtimes, NAMES)
        if self.int8_floor is not None and not 0 < self.int8_floor < 100:
            raise UserError(
                f"--int8-floor is decibels between 0 and 100. Received: {self.int8_floor:g}. Try 46."
            )
        if "onnx" in self.formats and not has_onnxruntime():
            raise UserError(
                "--formats onnx needs ONNX Runtime to be judged. Install it with `pip install keras-vst[onnx]`."
            )

    def footage(self, content: Size, num_frames: int | None = None) -> Footage:
        """The clip to judge on, its frames of `content` (height, width)."""
        count = num_frames or self.effort.frames
        return clip_footage(self.clip, content, count) if self.clip else scene_footage(content, count)


def _known(option: str, given: tuple[str, ...], known: tuple[str, ...]) -> None:
    unknown = [name for name in given if name not in known]
    if unknown or not given:
        raise UserError(
            f"{option} takes one or more of {', '.join(known)}. Received: {', '.join(unknown) or 'nothing'}."
        )
