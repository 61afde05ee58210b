"""How long a network takes a frame, measured in a process of its own.

A TFLite interpreter's threads spin while they wait and slow every other one down, so this process never times
what it has open itself: it starts `python -m training.evaluation.frame_times FILE HEIGHT WIDTH THREADS`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import keras_vst
from keras_vst.errors import UserError
from keras_vst.networks import open_network

WARM_UP = 5  # frames
TIMED = 40  # frames at most
LONGEST = 4.0  # seconds; large networks on slow machines are timed on fewer frames
ROUNDS = 3  # networks and peers by turns, so that a busy minute meets all of them
PATIENCE = 300  # seconds

Timer = Callable[[], float]


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


if __name__ == "__main__":
    print(json.dumps(time_here(Path(sys.argv[1]), (int(sys.argv[2]), int(sys.argv[3])), int(sys.argv[4]))))
