"""What several subcommands share: options, how values are written (sizes WxH are kept as (height, width)), the bar."""

from __future__ import annotations

import argparse
import math
import re
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

from tqdm import tqdm

from keras_vst.networks.opening import RUNTIMES
from keras_vst.zoo import OWN_SIZE, SIZE_CLASSES

AUTO = "auto"  # of --size-class: whichever network keeps up
LARGEST = 7680 * 4320  # pixels
MOST_THREADS = 256
MICROPHONE = "microphone"
LOCK = threading.RLock()


def add_command(
    commands: Any, parent: argparse.ArgumentParser, name: str, summary: str, **texts: str
) -> argparse.ArgumentParser:
    """Declare a subcommand; `summary` is its line in `vst --help`, `texts` (description, epilog) stay as written."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name, parents=[parent], help=summary, formatter_class=argparse.RawDescriptionHelpFormatter, **texts
    )
    return parser


def add_network_options(parser: argparse.ArgumentParser) -> None:
    """Which network, by what it is run, and how its painting is laid over the frame."""
    _add_choice(parser)
    _add_look(parser)


def _add_choice(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--style",
        metavar="NAME[:SHARE],...",
        help="a style, or several mixed, for instance a:0.7,b:0.3; see `vst styles`, of which `vst live` takes "
        "a painting when none is named",
    )
    add(
        "--model",
        type=Path,
        metavar="FILE",
        help="a network file of your own, .tflite or .onnx, in place of --style",
    )
    add(
        "--size-class",
        choices=(AUTO, *SIZE_CLASSES),
        default=OWN_SIZE,
        help="which network of the style: small takes less than half the time; auto times base for half a second and "
        "takes the best that paints 30 frames a second (default: base; of `vst live`: auto)",
    )
    add(
        "--painting",
        type=Path,
        metavar="PICTURE",
        help="in place of --style: paint after any picture, at once, by a mix of the styles there are in its colours; "
        "a preview of what `vst learn PICTURE` makes",
    )
    add(
        "--quality",
        choices=("live", "film"),
        default="live",
        help="film is slow and steadier, guided by optical flow, for files; it takes a network of the recipe film "
        "(default: live)",
    )
    add("--threads", type=threads, metavar="N", help="default: all cores, up to 4")
    add("--runtime", choices=list(RUNTIMES), help="default: the first that is installed")


def _add_look(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--strength",
        type=fraction,
        default=1.0,
        metavar="0..1",
        help="how much of the painting is laid over the frame; 0 leaves it alone (default: 1)",
    )
    add(
        "--size",
        type=size,
        metavar="WxH",
        help="what the network works at, smaller is faster; the result always has the input's size",
    )
    add(
        "--native",
        action="store_true",
        help="paint every pixel of large frames too (by default those beyond 960x540 are painted smaller and "
        "brought up with their own edges)",
    )
    add("--keep-color", action="store_true", help="keep the original's colours")
    add(
        "--detail",
        type=fraction,
        default=0.0,
        metavar="0..1",
        help="add this share of the original's fine detail (default: 0)",
    )
    add(
        "--grain",
        type=fraction,
        default=0.0,
        metavar="0..1",
        help="lay so much film grain over the picture, other grain in every frame (default: 0)",
    )
    add_no_metadata(parser)


def add_no_metadata(parser: argparse.ArgumentParser) -> None:
    """Declare --no-metadata."""
    parser.add_argument(
        "--no-metadata",
        action="store_true",
        help="leave out of what is written which network painted it, and that a trained network did",
    )


def add_react_options(parser: argparse.ArgumentParser, more: str = "") -> None:
    """Declare --react and --react-from."""
    parser.add_argument(
        "--react",
        choices=("loudness", "beat"),
        help="let the sound move it, from silence, which leaves it as it is: of two styles towards the second, "
        "else from --strength towards 1",
    )
    told = f"hear this file instead of the input{more}"
    parser.add_argument("--react-from", metavar="SOUND", help=told)


def size(text: str) -> tuple[int, int]:
    """640x360 as (360, 640)."""
    match = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", text)
    if not match or 0 in (sides := (int(match[2]), int(match[1]))):
        raise argparse.ArgumentTypeError(f"a size is written WIDTHxHEIGHT like 640x360, but {text!r} came")
    if sides[0] * sides[1] > LARGEST:
        raise argparse.ArgumentTypeError(f"no network works at more than 8K (7680x4320), but {text!r} came")
    return sides


def fraction(text: str) -> float:
    """A number from 0 to 1."""
    return _number(text, lambda value: 0 <= value <= 1, "number from 0 to 1")


def positive_number(text: str) -> float:
    """A number above 0."""
    return _number(text, lambda value: 0 < value < math.inf, "number above 0")


def minutes(text: str) -> float:
    """How long to learn: what training.fit takes."""
    return _number(text, lambda value: 0.1 <= value <= 10000, "number of minutes from 0.1 to 10000")


def positive(text: str) -> int:
    """A whole number from 1."""
    if not re.fullmatch(r"[0-9]{1,18}", text) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1 is needed, but {text!r} came")
    return int(text)


def threads(text: str) -> int:
    """A whole number from 1 that a machine can have."""
    if (value := positive(text)) > MOST_THREADS:
        raise argparse.ArgumentTypeError(f"at most {MOST_THREADS} threads are started, but {text!r} came")
    return value


def moment(text: str) -> Fraction:
    """Seconds, minutes:seconds or hours:minutes:seconds, exactly."""
    match = re.fullmatch(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d*)?)", text)
    if not match:
        raise argparse.ArgumentTypeError(f"a time is written 90, 1:30 or 0:01:30.5, but {text!r} came")
    return 3600 * int(match[1] or 0) + 60 * int(match[2] or 0) + Fraction(match[3])


def latency(text: str) -> float:
    """80ms or 0.08s, in seconds."""
    match = re.fullmatch(r"(\d+(?:\.\d*)?)(ms|s)", text)
    if not match or not float(match[1]):
        raise argparse.ArgumentTypeError(f"a time above 0 is written 80ms or 0.08s, but {text!r} came")
    return float(match[1]) / (1000 if match[2] == "ms" else 1)


def _number(text: str, fits: Callable[[float], bool], what: str) -> float:
    with suppress(ValueError):
        if fits(value := float(text)):  # nothing fits a NaN
            return value
    raise argparse.ArgumentTypeError(f"a {what} is needed, but {text!r} came")


def counted(number: int, what: str) -> str:
    """`1 frame`, `2 frames`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def progress_bar(quiet: bool, total: int | None, unit: str = "frame", **more: Any) -> Any:
    """A bar with the time left on a terminal, and nothing elsewhere."""
    hidden = quiet or not sys.stderr.isatty()
    tqdm.set_lock(LOCK)  # its own is a semaphore of the system, which a process that is killed leaves behind
    return tqdm(total=total, unit=unit, leave=False, disable=hidden, file=sys.stderr, **more)
