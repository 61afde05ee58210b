"""What every network can do, whichever file and library it is, and whether a file is a network of ours.

A frame is (H, W, 3) uint8 RGB, H and W multiples of 8, and comes back painted in the same form.  Nothing is
remembered from one frame to the next.  Tensors go by their names: `frame` and, of film quality, `warped`, `visible`
and perhaps `noise` in, `stylized` out, all (1, H, W, C) float32.
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
Shape = list[int]  # of a tensor in a file; -1 for a side that is open

MULTIPLE = 8  # sides of a frame are multiples of it
MOST_PIXELS = 2**26  # twice an 8K frame; a network needs some 50 bytes for each
MOST_THREADS = 4  # more gain little on networks this small, and decoding and encoding want cores as well
OUTPUT = "stylized"
# Channels: the last painting moved into this frame, where to trust it.
FILM_MAPS = {"warped": 3, "visible": 1}
NOISE = "noise"  # some of film quality take a map that varies the strokes as well


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


def all_maps(channels: Mapping[str, int], maps: Mapping[str, Tensor], size: Size) -> dict[str, Tensor]:
    """Every map that a network of film quality takes: as given, zeros where one is missing."""
    missing = {name: count for name, count in channels.items() if name not in maps}
    zeros = {name: np.zeros((1, *size, count), np.float32) for name, count in missing.items()}
    return {**zeros, **{name: maps[name] for name in channels if name in maps}}


def count_threads(wanted: int | None) -> int:
    """The wanted number of threads, or as many as there are cores for us, within reason."""
    if wanted is not None:
        if wanted < 1:
            raise UserError(f"the number of threads must be at least 1, but is {wanted}.")
        return wanted
    return min(MOST_THREADS, cores())


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_frame_size(size: Size, fixed: Size | None, path: Path) -> None:
    """Refuse a frame of (height, width) that is larger than any memory or not the file's own size."""
    height, width = size
    if height * width > MOST_PIXELS:
        raise UserError(f"a frame of {width}x{height} is too large to stylize; give a smaller --size.")
    if fixed not in (None, size):
        raise UserError(f"{path} cannot run on frames of {width}x{height}; try another --size.")


def check_tensors(
    inputs: Mapping[str, Shape], outputs: Mapping[str, Shape], path: Path
) -> tuple[Size | None, dict[str, int]]:
    """The size that a file fixes and the channels of its maps; refuses what no network of ours has."""
    film = {"frame", *FILM_MAPS}
    if set(inputs) not in ({"frame"}, film, film | {NOISE}) or set(outputs) != {OUTPUT}:
        raise not_ours(path, f"it takes {sorted(inputs)} and gives {sorted(outputs)}")
    for name, shape in (*inputs.items(), *outputs.items()):
        if len(shape) != 4:
            raise not_ours(path, f"`{name}` has {len(shape)} dimensions, expected 4")
    batch, height, width, channels = inputs["frame"]
    if batch != 1 or channels != 3 or (height > 0) != (width > 0):
        raise not_ours(path, f"`frame` is {tuple(inputs['frame'])}, expected (1, H, W, 3)")
    if any(
        -1 not in sides and sides[0] != sides[1]
        for sides in zip(outputs[OUTPUT], inputs["frame"], strict=True)
    ):
        raise not_ours(path, f"`{OUTPUT}` is {tuple(outputs[OUTPUT])}, expected what `frame` is")
    if height > 0 and (height % MULTIPLE or width % MULTIPLE):
        raise not_ours(path, f"it is fixed to {width}x{height}, which are no multiples of {MULTIPLE}")
    maps = {name: shape[3] for name, shape in inputs.items() if name != "frame"}
    for name, count in maps.items():
        wanted = [batch, height, width, FILM_MAPS.get(name, max(1, count))]
        if inputs[name] != wanted:
            raise not_ours(path, f"`{name}` is {tuple(inputs[name])}, expected {tuple(wanted)}")
    return (height, width) if height > 0 else None, maps


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
