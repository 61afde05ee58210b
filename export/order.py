"""What was asked of one export."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from export.artifact import FORMATS, PRECISIONS
from export.footage import NUM_FRAMES, Footage, Size, clip_footage, scene_footage
from export.runtimes import NAMES, has_onnxruntime
from keras_vst.errors import UserError
from keras_vst.zoo.card import is_name


@dataclass(frozen=True)
class Effort:
    """How much the gate looks at."""

    frames: int = NUM_FRAMES  # of the clip
    timed: int = 300  # frames whose time is taken
    open_size: Size = (360, 640)  # at which files that take any size are judged
    resized: Size = (96, 160)  # and a second one, to see that they can be resized
    resized_frames: int = 6


THOROUGH = Effort()
QUICK = Effort(frames=12, timed=20, open_size=(96, 160), resized=(64, 96), resized_frames=2)
MOST_FILM_FRAMES, MOST_FILM_TIMED = 16, 10  # a frame takes 30 times as long as a live network's


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to export, from where, to where, and how it is judged."""

    run: Path
    out: Path
    name: str
    formats: tuple[str, ...] = ("tflite",)
    precisions: tuple[str, ...] = ()  # none named: all that the network can have
    sizes: tuple[Size | None, ...] = (None,)
    runtimes: tuple[str, ...] = NAMES
    about: Path | None = None
    scores: Path | None = None  # what training.evaluate measured, for the card
    clip: Path | None = None  # to judge on
    calibrate: tuple[Path, ...] = ()  # clips for int8
    effort: Effort = THOROUGH
    install: bool = False  # into the user's own zoo

    def __post_init__(self) -> None:
        _known("--formats", self.formats, FORMATS)
        _known("--precisions", self.precisions or PRECISIONS, PRECISIONS)
        _known("--runtime", self.runtimes, NAMES)
        if not is_name(self.name):
            raise UserError(
                f"{self.name!r} cannot be a style's name. Give --name: letters, digits, `-`, `_`, `.`."
            )
        if "onnx" in self.formats and not has_onnxruntime():
            raise UserError(
                "--formats onnx needs ONNX Runtime to be judged. Install it with `pip install keras-vst[onnx]`."
            )

    def fitting(self, film: bool) -> Order:
        """The order for a live network or for one of film quality; a UserError where that cannot be had."""
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
