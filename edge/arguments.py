"""The options that several subcommands share; sizes are written WxH and kept as (height, width)."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from edge.controls import Controls
from edge.film import FilmStylizer
from edge.mixer import Mixer
from edge.painter import Painter
from edge.selection import select_parts
from edge.stylizer import Stylizer
from keras_vst import zoo
from keras_vst.errors import UserError
from keras_vst.networks import Network, open_network
from keras_vst.networks.base import Size
from keras_vst.networks.mixing import check_mixable, open_mix, told
from keras_vst.networks.tflite import RUNTIMES
from keras_vst.zoo import Style


def add_command(
    commands: Any, parent: argparse.ArgumentParser, name: str, summary: str, **texts: str
) -> argparse.ArgumentParser:
    """Declare a subcommand; `summary` is its line in `vst --help`, `texts` (description, epilog) stay as written."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name, parents=[parent], help=summary, formatter_class=argparse.RawDescriptionHelpFormatter, **texts
    )
    return parser


def add_network_options(parser: argparse.ArgumentParser) -> None:
    """Which network, how strong, at which size and by what it is run."""
    parser.add_argument(
        "--style",
        metavar="NAME[:SHARE],...",
        help="a style, or several mixed, for instance a:0.7,b:0.3; see `vst styles`, of which `vst live` takes the "
        "first when none is named",
    )
    parser.add_argument(
        "--strength",
        type=_fraction,
        default=1.0,
        metavar="0..1",
        help="how much of the painting is laid over the frame; 0 leaves it alone (default: 1)",
    )
    parser.add_argument(
        "--model",
        type=Path,
        metavar="FILE",
        help="a network file of your own, .tflite or .onnx, in place of --style",
    )
    parser.add_argument(
        "--size",
        type=_size,
        metavar="WxH",
        help="what the network works at, smaller is faster; the result always has the input's size",
    )
    parser.add_argument(
        "--native",
        action="store_true",
        help="paint every pixel of large frames too (by default those beyond 960x540 are painted smaller and "
        "brought up with their own edges)",
    )
    parser.add_argument("--keep-color", action="store_true", help="keep the original's colours")
    parser.add_argument(
        "--detail",
        type=_fraction,
        default=0.0,
        metavar="0..1",
        help="add this share of the original's fine detail (default: 0)",
    )
    parser.add_argument(
        "--quality",
        choices=("live", "film"),
        default="live",
        help="film is slow and steadier, guided by optical flow, for files; it takes a network of the recipe film "
        "(default: live)",
    )
    parser.add_argument("--threads", type=positive, metavar="N", help="default: all cores, up to 4")
    parser.add_argument("--runtime", choices=list(RUNTIMES), help="default: the first that is installed")


def first_style(options: argparse.Namespace) -> str | None:
    """What --style is when neither it nor --model was given: the first style of that quality, if any."""
    if options.style is not None or options.model is not None:
        return options.style
    return next((style.name for style in zoo.styles(quality=options.quality)), None)


def open_painter(options: argparse.Namespace, choices: Sequence[Style] = (), **settings: Any) -> Painter:
    """Open what the options name; wrong names and files are a UserError.

    `choices` are the styles that may be changed to while it paints; `settings` go to the controls.
    """
    parts = select_parts(options.style, options.model, options.quality)
    style, mixer = parts[0][0], None
    styles = list(choices) or [part for part, _ in parts]
    shares = [next((share for part, share in parts if part.name == each.name), 0.0) for each in styles]
    controls = Controls(
        [each.name for each in styles],
        shares,
        mixable=lambda indices: _reason(styles, indices),
        strength=100 * options.strength,
        keep_color=options.keep_color,
        detail=100 * options.detail,
        **settings,
    )
    if options.model is not None or options.quality == "film":
        network = open_network(
            style.path, runtime=options.runtime, threads=options.threads, sha256=style.sha256
        )
    else:
        initial = controls.look(0.0).shares
        mixer = Mixer(lambda shares, size: _open_mix(options, styles, shares, size), initial)
        network = mixer.network(initial, None)
    _check_quality(options, network)
    margin = style.margin if network.margin is None else network.margin
    sizes: dict[str, Any] = {"size": options.size, "margin": margin, "native": options.native}
    if options.quality == "film":
        return Painter(style.name, FilmStylizer(network, noise=_noise(options, network), **sizes), controls)
    _noise(options, network)
    return Painter(told(parts), Stylizer(network, **sizes), controls, mixer)


def _open_mix(
    options: argparse.Namespace, styles: Sequence[Style], shares: Sequence[float], size: Size | None
) -> Network:
    parts = list(zip(styles, shares, strict=True))
    return open_mix(parts, runtime=options.runtime, threads=options.threads, size=size)


def _reason(styles: Sequence[Style], indices: Sequence[int]) -> str | None:
    """Why these styles cannot be mixed; None where they can."""
    try:
        check_mixable([styles[index] for index in indices])
    except UserError as error:
        return str(error)
    return None


def _check_quality(options: argparse.Namespace, network: Network) -> None:
    quality = "film" if network.map_channels else "live"
    if quality == options.quality:
        return
    if quality == "film":
        raise UserError(f"{network.path} is of film quality; use it with `vst stylize --quality film`.")
    raise UserError(
        f"{network.path} is a live network, which knows nothing of optical flow; leave --quality film out, or name "
        "one that was trained with `--recipe film`."
    )


def _noise(options: argparse.Namespace, network: Network) -> int | None:
    """The seed of `vst stylize --noise`, once it is known that the network takes noise."""
    seed: int | None = getattr(options, "noise", None)
    if seed is not None and "noise" not in network.map_channels:
        raise UserError(
            f"{network.path} takes no noise; leave --noise out, or train one with `--recipe film` and "
            "teacher.noise_channels=2."
        )
    return seed


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


def positive(text: str) -> int:
    """A whole number from 1."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1 is needed, but {text!r} came")
    return int(text)


def moment(text: str) -> Fraction:
    """Seconds, minutes:seconds or hours:minutes:seconds, exactly."""
    match = re.fullmatch(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d*)?)", text)
    if not match:
        raise argparse.ArgumentTypeError(f"a time is written 90, 1:30 or 0:01:30.5, but {text!r} came")
    return 3600 * int(match[1] or 0) + 60 * int(match[2] or 0) + Fraction(match[3])


def positive_number(text: str) -> float:
    """A number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"a number above 0 is needed, but {text!r} came")
    return value


def duration_of(text: str) -> float:
    """80ms or 0.08s, in seconds."""
    match = re.fullmatch(r"(\d+(?:\.\d*)?)(ms|s)", text)
    if not match or not float(match[1]):
        raise argparse.ArgumentTypeError(f"a time above 0 is written 80ms or 0.08s, but {text!r} came")
    return float(match[1]) / (1000 if match[2] == "ms" else 1)
