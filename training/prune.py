"""`python -m training.prune`: a student made smaller, round by round, until it is as fast or as small as asked.

How far is written 8ms@640x360/2threads, 250M or 0.5.
"""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from pathlib import Path

from keras_vst.errors import UserError, run_command
from keras_vst.networks.base import MULTIPLE
from keras_vst.zoo import DEFAULT_MARGIN
from training.arguments import described

GUIDE = """Make a student smaller: the channels that matter least go, what is left learns to paint the same again.

    python -m training.prune --run runs/mine --target 8ms@640x360/2threads --photos photos/
    vst stylize clip.mp4 -o painted.mp4 --model runs/mine-pruned/round-3/round-3.tflite

Each round takes out channels and lets the smaller network learn from the unpruned one, as training.distil does; its
exported file is timed beside the unpruned one's, by turns, and rounds go on until the target is met.  Every round is
an ordinary run; the last one is the result.  After Ctrl-C or a kill the same command goes on where it stopped.
"""
ROUNDS, STEPS = 3, 1000
UNITS = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9}
MOST_THREADS = 256


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and prune; 0 done, 2 the user's mistake, 130 interrupted."""
    arguments = _parser().parse_args(argv)
    return run_command("training.prune", lambda: _run(arguments), debug=arguments.debug)


def _run(arguments: argparse.Namespace) -> int:
    goal = _goal(arguments)
    for name in ("rounds", "steps"):
        if getattr(arguments, name) < 1:
            raise UserError(f"--{name} must be at least 1. Received: {getattr(arguments, name)}.")
    from training.rounds import Rounds  # imports TensorFlow

    out = arguments.out or f"{Path(arguments.run).resolve()}-pruned"
    return Rounds(Path(arguments.run), Path(out), goal, arguments).run()


def _goal(arguments: argparse.Namespace) -> Goal:
    if arguments.target:
        return latency(arguments.target)
    return macs(arguments.macs) if arguments.macs else ratio(arguments.ratio)


def _parser() -> argparse.ArgumentParser:
    found = described("training.prune", GUIDE)
    add = found.add_argument
    add("--run", required=True, metavar="RUN", help="the run whose student is pruned; it stays as it is")
    add("--out", metavar="DIR", help="where the rounds go; default: RUN-pruned")
    goal = found.add_argument_group("how far (one of them)").add_mutually_exclusive_group(required=True)
    goal.add_argument(
        "--target", metavar="MS@WxH/Nthreads", help="time a frame, measured: 8ms@640x360/2threads"
    )
    goal.add_argument("--macs", metavar="N", help="multiply-accumulates a frame of 640x368: 250M, 0.25G")
    goal.add_argument("--ratio", metavar="R", help="share of the multiply-accumulates that stays: 0.5")
    add = found.add_argument_group("how").add_argument
    add("--photos", metavar="DIR", help="pictures to learn on; default: made by the program")
    add("--rounds", type=int, default=ROUNDS, metavar="N", help=f"in which channels go; default: {ROUNDS}")
    add("--steps", type=int, default=STEPS, metavar="N", help=f"of training a round; default: {STEPS}")
    add(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="of the recipe distil; again for more"
    )
    add("--vgg16", metavar="FILE", help="ImageNet VGG16 weights (.npz or .h5); default: Keras's own")
    add("--quiet", action="store_true", help="no progress bar")
    add("--debug", action="store_true", help="show the traceback of an error")
    return found


@dataclass(frozen=True)
class Goal:
    """One of the three, the others None."""

    told: str  # as it was given
    milliseconds: float | None = None  # a frame of `size`, by so many threads
    macs: float | None = None
    ratio: float | None = None
    size: tuple[int, int] = (0, 0)  # (height, width), margin included
    threads: int = 0


def latency(text: str) -> Goal:
    """8ms@640x360/2threads."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)ms@(\d{1,5})x(\d{1,5})/(\d{1,3})threads?", text)
    if not found:
        raise UserError(f"--target is written 8ms@640x360/2threads. Received: {text}.")
    time, width, height, threads = float(found[1]), int(found[2]), int(found[3]), int(found[4])
    if time <= 0 or min(width, height) < MULTIPLE or not 1 <= threads <= MOST_THREADS:
        raise UserError(
            f"--target {text} cannot be met: a time above 0, sides from {MULTIPLE} pixels and 1 to {MOST_THREADS} "
            "threads are needed, for example 8ms@640x360/2threads."
        )
    size = tuple(-(-(side + 2 * DEFAULT_MARGIN) // MULTIPLE) * MULTIPLE for side in (height, width))
    return Goal(text, milliseconds=time, size=(size[0], size[1]), threads=threads)


def macs(text: str) -> Goal:
    """250M, 0.25G or a plain number."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?(?:e\d+)?)([kmg]?)", text.lower())
    value = float(found[1]) * UNITS[found[2]] if found else 0.0
    if not 0 < value < 1e15:
        raise UserError(f"--macs is a number above 0, such as 250M or 0.25G. Received: {text}.")
    return Goal(text, macs=value)


def ratio(text: str) -> Goal:
    """Between 0 and 1."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise UserError(
            f"--ratio is the share of the arithmetic that stays, between 0 and 1. Received: {text}. Try 0.5."
        )
    return Goal(text, ratio=value)


if __name__ == "__main__":
    from training.fit import leave

    leave(main())
