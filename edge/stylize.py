"""`vst stylize`: a clip, a picture or a folder of them in, the same repainted out."""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

from edge.options import add_command, add_network_options, add_react_options, moment, positive
from edge.outcome import counted
from edge.repaint import paint_clip
from edge.style_choice import open_painter
from keras_vst.errors import UserError, tell
from keras_vst.video.picture_head import WRITTEN_PICTURES

DESCRIPTION = """\
IN is a clip, a picture, or a folder of them. OUT's name says what is made of it:
  .mp4 .mkv .mov .webm   a clip, with the sound of IN
  .gif                   an animation
  .png .jpg .webp        a picture
  a name ending in /     a folder: numbered PNG frames of a clip; or, when IN is a folder too,
                         every picture and clip repainted by itself under its own name
A folder of pictures made into a clip or a GIF is taken as the frames of a film, 25 a second."""
EXAMPLES = """\
examples:
  vst stylize clip.mp4 -o painted.mp4 --style great-wave
  vst stylize photo.jpg -o painted.png --style great-wave --strength 0.7 --keep-color
  vst stylize clip.mp4 -o part.webm --style great-wave --start 1:30 --duration 10
  vst stylize holiday/ -o painted/ --style great-wave      every picture and clip of the folder
  vst stylize dance.mp4 -o painted.mp4 --style silver,scream --react beat
  vst stylize clip.mp4 -o painted.mp4 --quality film --model opus.tflite"""


def add_parser(commands: Any, parent: argparse.ArgumentParser) -> None:
    """Declare the subcommand."""
    summary = "repaint a clip, a picture or a folder of them"
    parser = add_command(commands, parent, "stylize", summary, description=DESCRIPTION, epilog=EXAMPLES)
    add = parser.add_argument
    add("input", metavar="IN", help="clip, picture or folder of them")
    add("-o", "--output", metavar="OUT", required=True, help="what to write; see above")
    add_network_options(parser)
    add(
        "--noise",
        type=positive,
        metavar="SEED",
        help="with --quality film: a number from 1, other strokes for each",
    )
    add_react_options(parser)
    add("--codec", metavar="C", help="encoder of a clip, for instance libx264, libx265, ffv1")
    add("--crf", type=int, metavar="N", help="quality of a clip, lower is better and larger")
    add("--start", type=moment, default="0", metavar="TIME", help="begin there: seconds, or 1:30, or 0:01:30")
    add("--duration", type=moment, metavar="TIME", help="so much of the clip, and no more")
    add(
        "--before-after",
        type=_picture_name,
        metavar="FILE.png",
        help="also write the middle frame, half as it was",
    )
    add("--stats", action="store_true", help="say on stderr where the time went")
    add("--hud", action="store_true", help="draw these figures over the picture")
    add("--quiet", action="store_true", help="no progress bar")
    add("--json", action="store_true", help="say what was done as one line of JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Repaint what the options name and say so in one line."""
    if options.duration == 0:
        raise UserError("--duration is a time above 0; correct it.")
    painter = open_painter(options)
    start = time.perf_counter()
    one_by_one = Path(options.input).is_dir() and options.output.endswith(("/", os.sep))
    if one_by_one:
        from edge.folder import paint_folder

        outcome = paint_folder(painter, options)
    else:
        outcome = paint_clip(painter, options)
    seconds = time.perf_counter() - start
    frames, threads, runtime = outcome.frames, painter.network.threads, painter.network.runtime.name
    row = {
        **outcome.row(),
        "seconds": round(seconds, 3),
        "frames_per_second": round(frames / seconds, 2),
        "network": painter.name,
        "runtime": runtime,
        "threads": threads,
        "output": options.output,
    }
    if options.json:
        print(json.dumps(row))
    else:
        print(
            f"{counted(frames, 'frame')}{outcome.told()} in {seconds:.1f} s, "
            f"{frames / seconds:.1f} frames per second, "
            f"network {painter.name}, {runtime}, {counted(threads, 'thread')}: {options.output}"
        )
    for line in outcome.lines():
        tell(f"vst: {line}")
    if options.stats:
        tell(painter.timeline.table())
    return 0


def _picture_name(text: str) -> str:
    if not text.lower().endswith(WRITTEN_PICTURES):
        raise argparse.ArgumentTypeError(
            f"a picture is needed ({' '.join(WRITTEN_PICTURES)}), but {text!r} came"
        )
    return text
