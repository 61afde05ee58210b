"""`vst styles`: what can be given as --style, as a list or as a sheet; one's own styles sent, added and changed."""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import replace
from fractions import Fraction
from math import ceil, sqrt
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge import learning
from edge.options import add_command, add_no_metadata, threads
from edge.painter import Painter
from edge.style_choice import TOLD
from keras_vst import zoo
from keras_vst.errors import UserError, tell
from keras_vst.frames import Pixels
from keras_vst.networks import open_network
from keras_vst.preview import at_side, stand_ins
from keras_vst.video import Provenance, TimedFrame, open_sink, open_source
from keras_vst.video.pictures import encode_picture
from keras_vst.zoo import CARD, own, read_card

TILE = 480  # pixels along the longer side of each picture of a sheet
GAP, LABEL = 12, 30  # pixels between them, and for the name below each
FONT = cv2.FONT_HERSHEY_SIMPLEX


def add_parser(commands: Any, parent: argparse.ArgumentParser) -> None:
    """Declare the subcommand."""
    parser = add_command(commands, parent, "styles", "list the styles, bundled and your own")
    parser.add_argument(
        "--sheet", type=Path, metavar="PHOTO", help="write PHOTO in every style as one picture"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("styles.png"),
        metavar="FILE.png",
        help="where the sheet goes (default: styles.png)",
    )
    one = parser.add_mutually_exclusive_group()
    one.add_argument("--remove", metavar="NAME", help="delete a style of your own")
    one.add_argument(
        "--rename", nargs=2, metavar=("NAME", "NEW"), help="call a style of your own something else"
    )
    one.add_argument(
        "--export",
        nargs=2,
        metavar=("NAME", "FILE"),
        help=f"write a style as one file that can be sent ({own.SUFFIX})",
    )
    one.add_argument(
        "--add", type=Path, metavar="FILE", help="put a style that was sent to you into your own zoo"
    )
    parser.add_argument("--threads", type=threads, metavar="N", help="default: all cores, up to 4")
    parser.add_argument("--json", action="store_true", help="as a list of objects")
    parser.add_argument(
        "--licences",
        action="store_true",
        help="also the licence of each style's picture, and of what its network was trained on",
    )
    add_no_metadata(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the styles, one a line, write their sheet, or change one's own."""
    if changed := _change(options):
        print(changed)
        return 0
    if options.sheet is not None:
        marked = not options.no_metadata
        count = write_sheet(options.sheet, options.output, options.threads, marked=marked)
        print(f"{count} {'style' if count == 1 else 'styles'}: {options.output}")
        return 0
    styles, left_out = zoo.look_around()
    for reason in left_out:
        tell(f"vst: left out: {reason}")
    if options.json:
        print(json.dumps([style.about() for style in styles], ensure_ascii=False))
        return 0
    width = max((len(style.name) for style in styles), default=0)
    for style in styles:
        told = style.about()
        notes = [f"--quality {style.quality}"] * (style.quality != "live") + ["your own"] * style.own
        after = f" ({', '.join(notes)})" if notes else ""
        named = ", ".join(str(told[key]) for key in TOLD if told[key])
        print(f"{style.name:{width}}  {named}{after}")
        for line in licences(style) if options.licences else ():
            print(f"{'':{width}}    {line}")
    return 0


def licences(style: zoo.Style) -> list[str]:
    """What the picture of a style may be used for, and what its network learned from, as its card tells."""
    data = style.card.get("data")
    data = data if isinstance(data, dict) else {"data": "not told"}
    rows = {"licence": style.card.get("licence") or "not told", **data}
    # A card may come from anywhere: what could steer a terminal is shown as it is written.
    lines = [f"{key}: {value}" for key, value in rows.items()]
    return [line if line.isprintable() else ascii(line) for line in lines]


def _change(options: argparse.Namespace) -> str | None:
    """Do what concerns one style, and say so; None where nothing of the kind was asked for."""
    if options.remove is not None:
        own.remove(options.remove)
        learning.follow(options.remove)
        return f"{options.remove} is removed"
    if options.rename is not None:
        own.rename(*options.rename)
        learning.follow(*options.rename)
        return f"{options.rename[0]} is called {options.rename[1]} now"
    if options.export is not None:
        name, target = options.export
        style = zoo.find_style(name)
        thumbnail = encode_picture(".jpg", _painted(stand_ins()[0], style))
        own.pack(style, thumbnail, target := Path(target))
        return f"{name}: {target}, {target.stat().st_size / 2**20:.1f} MiB"
    if options.add is not None:
        added = _add(options.add)
        return f"{added} is added: paint with --style {added}"
    return None


def _painted(pixels: Pixels, style: zoo.Style, threads: int | None = None) -> Pixels:
    network = open_network(style.path, threads=threads, sha256=style.sha256)
    painter = Painter(network, margin=style.margin, native=True)
    return painter.repaint(TimedFrame(pixels, Fraction(0))).after.pixels


def _add(source: Path) -> str:
    """Into one's own zoo, once every network of it was opened in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="vst-") as name:
        folder = Path(name)
        style = own.unpack(source, folder)
        own.check_free(style)
        for entry in read_card(folder / CARD)["files"].values():
            if entry["file"].endswith(".tflite"):
                open_network(folder / entry["file"])
        return own.install(folder).name


def write_sheet(photo: Path, target: Path, threads: int | None = None, *, marked: bool = True) -> int:
    """Paint the photo in all live styles, which the sheet says of itself if `marked`; returns how many there are."""
    with open_source(photo) as source:
        info, first = source.info, next(iter(source))
    small = at_side(first.pixels, TILE) if max(first.pixels.shape) > TILE else first.pixels
    tiles = [("as it was", small)]
    tiles += [(style.name, _painted(small, style, threads)) for style in zoo.styles(quality="live")]
    if len(tiles) == 1:
        raise UserError("no styles are installed; put a network into the zoo, or use `vst stylize --model`.")
    sheet = arrange(tiles)
    # One picture whatever came in; the output may not be the input.
    picture = replace(info, width=sheet.shape[1], height=sheet.shape[0], is_image=True, has_audio=False)
    made_by = Provenance(", ".join(name for name, _ in tiles[1:]))
    with open_sink(target, picture, made_by=made_by if marked else None) as sink:
        sink.write(TimedFrame(sheet, first.time))
    return len(tiles) - 1


def arrange(tiles: list[tuple[str, Pixels]]) -> Pixels:
    """Pictures of one size, in as many rows as columns on white, each with its name below."""
    height, width = tiles[0][1].shape[:2]
    columns = ceil(sqrt(len(tiles)))
    rows = ceil(len(tiles) / columns)
    cell = height + LABEL + GAP, width + GAP
    sheet = np.full((rows * cell[0] + GAP, columns * cell[1] + GAP, 3), 255, np.uint8)
    for index, (name, picture) in enumerate(tiles):
        top = GAP + index // columns * cell[0]
        left = GAP + index % columns * cell[1]
        sheet[top : top + height, left : left + width] = picture
        _write(sheet[top + height : top + height + LABEL, left : left + width], name)
    return sheet


def _write(place: Pixels, name: str) -> None:
    """A name into the strip below a picture, as large as fits."""
    (wide, _), _ = cv2.getTextSize(name, FONT, 1.0, 1)
    scale = min(0.6, 0.95 * place.shape[1] / wide)
    strip = np.ascontiguousarray(place)
    cv2.putText(strip, name, (0, LABEL - 8), FONT, scale, (0, 0, 0), 1, cv2.LINE_AA)
    place[:] = strip
