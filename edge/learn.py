"""`vst learn`: one picture in, a style of your own out, installed where --style finds it."""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edge.learning import INSTALL, Learning, Wishes
from edge.options import add_command, minutes
from edge.painter import Painter, inside
from edge.styles import arrange
from keras_vst import zoo
from keras_vst.errors import tell
from keras_vst.files import SCENE
from keras_vst.frames import Pixels, fit
from keras_vst.networks import open_network
from keras_vst.networks.mixing import open_mix
from keras_vst.preview import read_painting, style_name
from keras_vst.video import TimedFrame, VideoInfo, open_sink, open_source
from keras_vst.zoo import Style

DESCRIPTION = f"""\
Learns a style from one picture, puts it into your own zoo, and leaves a sheet of before and after.

It begins from a preview made of the styles there are (`vst stylize --painting` shows it at once), learns on pictures
that the program makes, or on photos of your own, and takes the minutes you give it.  Ctrl-C stops it; the same command
goes on.  A picture that was learned already is learned for so long again.

TensorFlow does the learning: {INSTALL}.  It looks through ImageNet VGG16, which Keras fetches once (58 MB)."""
EXAMPLES = """\
examples:
  vst learn my.jpg
  vst learn my.jpg --photos ~/Pictures --minutes 20 --name opus-1
  vst live 0 --style my"""


def add_parser(commands: Any, parent: argparse.ArgumentParser) -> None:
    """Declare the subcommand."""
    summary = "learn a style of your own from one picture"
    parser = add_command(commands, parent, "learn", summary, description=DESCRIPTION, epilog=EXAMPLES)
    add = parser.add_argument
    add("picture", type=Path, metavar="PICTURE", help="a painting, a print, a drawing, a photo")
    add("--name", help="what the style is called (default: the picture's name)")
    add("--minutes", type=minutes, default=10.0, metavar="N", help="for so long (default: 10)")
    add("--photos", type=Path, metavar="DIR", help="pictures to learn on, a few hundred of anything: better")
    add("--vgg16", type=Path, metavar="FILE", help="VGG16's weights (.npz or .h5), where there is no network")
    add("-o", "--output", type=Path, metavar="FILE.png", help="where the sheet goes (default: NAME.png)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Learn, and say in one line what came of it."""
    painting = read_painting(options.picture)
    name = options.name or style_name(options.picture)
    learning = Learning(painting, name, Wishes(options.minutes, options.photos, options.vgg16))
    start = time.monotonic()
    learning.start(quietly=False)
    try:
        status = learning.wait()
    except KeyboardInterrupt:
        tell(f"vst: what was learned so far is kept; go on with `vst learn {options.picture}`")
        raise
    if status:
        return status
    sheet = options.output or Path(f"{name}.png")
    write_sheet(painting, learning.begin.read_bytes(), zoo.find_style(name), sheet)
    print(
        f"{name} was learned in {(time.monotonic() - start) / 60:.1f} min: {sheet}; paint with --style {name}"
    )
    return 0


def write_sheet(painting: Pixels, begin: bytes, style: Style, target: Path) -> None:
    """The painting, a frame as it was, painted by the network that it began with and by the one now: one picture."""
    with open_source(SCENE) as film:
        frame = next(iter(film))
    networks = {
        "what it began with": open_mix([(replace(style, content=begin), 1.0)]),
        style.name: open_network(style.path, sha256=style.sha256),
    }
    tiles = [("the painting", _on_paper(painting, frame.pixels)), ("as it was", frame.pixels)]
    for told, network in networks.items():
        painter = Painter(network, margin=style.margin, native=True)
        tiles.append((told, painter.repaint(frame).after.pixels))
    sheet = np.ascontiguousarray(arrange(tiles))
    with open_sink(target, VideoInfo(sheet.shape[1], sheet.shape[0], frames=1, is_image=True)) as sink:
        sink.write(TimedFrame(sheet, frame.time))


def _on_paper(painting: Pixels, frame: Pixels) -> Pixels:
    """The whole painting in the middle of white paper of the frame's size."""
    paper = np.full_like(frame, 255)
    small, fitting = fit(painting, (paper.shape[0], paper.shape[1]))
    inside(paper, fitting)[:] = inside(small, fitting)
    return paper
