"""What every network can do, whichever file and library it is.

A frame is (H, W, 3) uint8 RGB, H and W multiples of 8, and comes back painted in the same form.  Nothing is
remembered from one frame to the next.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from keras_vst.errors import UserError
from keras_vst.frames import Pixels

Tensor = npt.NDArray[np.float32]
Size = tuple[int, int]  # (height, width)

MULTIPLE = 8  # sides of a frame are multiples of it
MOST_PIXELS = 2**26  # twice an 8K frame; a network needs some 50 bytes for each
MOST_THREADS = 4  # more gain little on networks this small, and decoding and encoding want cores as well


@dataclass(frozen=True)
class Runtime:
    """An installed library that runs networks."""

    name: str
    version: str
    interpreter: Any


class Network(Protocol):
    """An open network."""

    path: Path
    runtime: Runtime
    threads: int
    size: Size | None  # where the file fixes it
    margin: int | None  # pixels of border it wants around a picture, as far as the file itself tells
    map_channels: dict[str, int]  # film: what it is given beside the frame, and in how many channels; else {}

    def paint(self, frame: Pixels) -> Pixels:
        """One frame, painted."""
        ...

    def paint_film(self, frame: Pixels, maps: Mapping[str, Tensor]) -> Tensor:
        """The same beside `maps` of the frame's size, zeros where one is missing; (1, H, W, 3) float32 in [0, 1]."""
        ...


def count_threads(wanted: int | None) -> int:
    """The wanted number of threads, or as many as there are cores for us, within reason."""
    if wanted is not None:
        if wanted < 1:
            raise UserError(f"the number of threads must be at least 1, but is {wanted}.")
        return wanted
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(MOST_THREADS, usable)


def check_frame_size(size: Size, fixed: Size | None, path: Path) -> None:
    """Refuse a frame of (height, width) that is larger than any memory or not the file's own size."""
    height, width = size
    if height * width > MOST_PIXELS:
        raise UserError(f"a frame of {width}x{height} is too large to stylize; give a smaller --size.")
    if fixed not in (None, size):
        raise UserError(f"{path} cannot run on frames of {width}x{height}; try another --size.")


def not_ours(path: Path, reason: str) -> UserError:
    """The error for a file that is no network of ours."""
    return UserError(f"not a keras_vst network: {path}: {reason}; export it again with `python -m export`.")


def cannot_run(path: Path, size: Size, error: BaseException) -> UserError:
    """The error for a network that fails at one size."""
    return UserError(
        f"{path} cannot run on frames of {size[1]}x{size[0]} ({first_line(error)}); try another --size."
    )


def first_line(error: BaseException) -> str:
    """What went wrong, short enough for a message."""
    text = (str(error) or type(error).__name__).splitlines()[0]
    return text if len(text) < 120 else text[:117] + "..."
