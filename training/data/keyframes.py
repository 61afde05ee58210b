"""Frames of a clip and what an artist made of them: pairs of uint8 RGB pictures of one size, cut alike."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from keras_vst.errors import UserError
from keras_vst.frames import to_float
from keras_vst.motion import Frame
from keras_vst.video import open_source
from keras_vst.video.stills import read_picture
from training.data.augment import Sample


class Keyframes:
    """Painted frames; `draw` cuts a patch out of one of them and the same out of its painting."""

    def __init__(self, pairs: Sequence[tuple[str | Path, str | Path]], side: int):
        """Each pair is (frame, painting); a frame is a picture, or CLIP@NUMBER, or CLIP@SECONDSs.

        `side` is that of the largest patch that will be drawn.
        """
        if not pairs:
            raise UserError("Keyframes need at least one pair: a frame and the same frame painted.")
        self.pairs = [(read_frame(frame), read_picture(Path(painted))) for frame, painted in pairs]
        for (frame, painted), names in zip(self.pairs, pairs, strict=True):
            _check(frame, painted, names, side)

    def __len__(self) -> int:
        return len(self.pairs)

    def draw(self, rng: np.random.Generator, side: int) -> Sample:
        """`frame` and `target`, (side, side, 3) float32 in [0, 1]."""
        frame, painted = self.pairs[int(rng.integers(len(self.pairs)))]
        top, left = (int(rng.integers(length - side + 1)) for length in frame.shape[:2])
        window = slice(top, top + side), slice(left, left + side)
        step = -1 if rng.random() < 0.5 else 1
        cut = {"frame": frame[window][:, ::step], "target": painted[window][:, ::step]}
        return {name: to_float(np.ascontiguousarray(patch)) for name, patch in cut.items()}


def read_frame(name: str | Path) -> Frame:
    """A picture, or a frame of a clip: `walk.mp4@12` is the one after 12 others, `walk.mp4@1.5s` that at 1.5 s."""
    name = str(name)
    clip, separator, moment = name.rpartition("@")
    if not separator or Path(name).exists():
        return read_picture(Path(name))
    try:
        wanted = Fraction(moment.removesuffix("s"))
    except (ValueError, ZeroDivisionError) as error:
        raise UserError(f"A frame is named CLIP@NUMBER or CLIP@SECONDSs. Received: {name}.") from error
    count, last = 0, Fraction(0)
    with open_source(clip) as source:
        for count, timed in enumerate(source, start=1):
            last = timed.time
            if (timed.time >= wanted) if moment.endswith("s") else (count > wanted):
                return timed.pixels
    raise UserError(f"There is no frame {name}: {clip} ends after {count} frames, at {float(last):.2f} s.")


def _check(frame: Frame, painted: Frame, names: tuple[str | Path, str | Path], side: int) -> None:
    (height, width), painted_size = frame.shape[:2], painted.shape[:2]
    if painted_size != (height, width):
        raise UserError(
            f"A frame and its painting must have one size. {names[0]} has {width}x{height} pixels, "
            f"{names[1]} has {painted_size[1]}x{painted_size[0]}. Export the painting at the frame's size."
        )
    if min(height, width) < side:
        raise UserError(
            f"{names[0]} has {width}x{height} pixels, but patches of {side} are learned from. "
            "Use larger frames, or lower schedule.judged_sizes or data.margin."
        )
