"""The options that several subcommands share; sizes are written WxH and kept as (height, width)."""

from __future__ import annotations

import argparse
import math
import re
from pathlib import Path

from edge.painter import Painter
from edge.runtime import RUNTIMES
from edge.selection import parse_shares, select_network, style_vector
from edge.stylizer import Stylizer
from edge.verify import open_runner


def add_network_options(parser: argparse.ArgumentParser) -> None:
    """Which network, how strong, at which size and by what it is run."""
    parser.add_argument(
        "--style",
        metavar="NAME[:SHARE],...",
        help="a style, or several of one network mixed, for instance a:0.6,b:0.4; see `vst styles`",
    )
    parser.add_argument(
        "--strength",
        type=_fraction,
        default=1.0,
        metavar="0..1",
        help="0 leaves the frame alone (default: 1)",
    )
    parser.add_argument(
        "--model",
        type=Path,
        metavar="FILE.tflite",
        help="a network of your own; a card.json beside it names its styles, else they are numbered from 0",
    )
    parser.add_argument(
        "--size",
        type=_size,
        metavar="WxH",
        help="what the network works at, smaller is faster; the result keeps the input's size, the default",
    )
    parser.add_argument("--threads", type=_positive, metavar="N", help="default: all cores, up to 4")
    parser.add_argument("--runtime", choices=list(RUNTIMES), help="default: the first that is installed")


def open_painter(options: argparse.Namespace) -> Painter:
    """Open what the options name; wrong names and files are a UserError."""
    shares = None if options.style is None else parse_shares(options.style)
    network = select_network(shares, options.model)
    runner = open_runner(
        network.path, runtime=options.runtime, threads=options.threads, sha256=network.sha256
    )
    names = [style.name for style in network.styles]
    weights = style_vector(shares, options.strength, names, runner.num_styles)
    stylizer = Stylizer(runner, size=options.size, margin=network.margin)
    return Painter(network, stylizer, weights)


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", text)
    if not match or 0 in (sides := (int(match[2]), int(match[1]))):
        raise argparse.ArgumentTypeError(f"a size is written WIDTHxHEIGHT like 640x360, but {text!r} came")
    return sides


def _fraction(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"a number from 0 to 1 is needed, but {text!r} came")
    return value


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1 is needed, but {text!r} came")
    return int(text)
