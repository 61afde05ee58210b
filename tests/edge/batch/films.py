"""Films of a minute in a few frames, so that they fall into pieces; and what tests ask of a batch of them."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np

from keras_vst.video import open_source
from tests.conftest import draw_picture
from tests.keras_vst.clips import names, write_clip

REPOSITORY = Path(__file__).parents[3]
SECONDS = 63  # one frame each, a keyframe every seventh: pieces of 21 seconds
PIECES = 3
SLOW = ("--size", "1280x720", "--threads", "1")  # so much work that there is time to kill somebody


def film(path: Path, seed: int = 7, **how) -> Path:
    """A moving picture with sound."""
    picture = draw_picture(seed, 48, 64 + SECONDS)
    frames = [np.ascontiguousarray(picture[:, k : k + 64]) for k in range(SECONDS)]
    how = {"options": {"g": "7", "bf": "2"}, "sound": "aac", "tick": Fraction(1), **how}
    return write_clip(path, frames, **how)


def shown(path: Path) -> list[tuple[Fraction, bytes]]:
    with open_source(path) as source:
        return [(frame.time, frame.pixels.tobytes()) for frame in source]


@contextmanager
def batch(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    """`vst batch` as a process of its own, killed at the end unless it has ended."""
    command = [sys.executable, "-m", "edge", "batch", *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=REPOSITORY, text=True, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(what: Callable[[], object], process: subprocess.Popen[str]) -> object:
    """What `what` says once it says something."""
    deadline = time.monotonic() + 120
    while not (found := what()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def painters(out: Path) -> list[int]:
    """The processes that paint a piece at this moment, by the names of what they write."""
    parts = [re.search(r"\.part-(\d+)", name) for name in among_pieces(out)]
    return [int(part[1]) for part in parts if part]


def finished_pieces(out: Path) -> list[str]:
    return [name for name in among_pieces(out) if re.fullmatch(r"[0-9a-f]{64}\.json", name)]


def among_pieces(out: Path) -> list[str]:
    pieces = out / ".vst-batch" / "pieces"
    return names(pieces) if pieces.is_dir() else []
