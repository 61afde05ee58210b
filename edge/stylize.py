"""`vst stylize`: a clip, a picture or a folder of them in, the same repainted out."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge.arguments import add_command, add_network_options, moment, open_painter, positive
from edge.jobs import Wishes, is_one_by_one, paint_clip, paint_folder
from keras_vst.video.stills import WRITTEN_PICTURES

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
  vst stylize clip.mp4 -o painted.mp4 --quality film --model opus.tflite"""


@dataclass(frozen=True)
class Summary:
    """What was done."""

    frames: int
    skipped: int  # damaged frames, or files of a folder that were left out
    seconds: float
    frames_per_second: float
    network: str
    runtime: str
    threads: int
    output: str

    def __str__(self) -> str:
        skipped = f" ({self.skipped} left out)" if self.skipped else ""
        return (
            f"{self.frames} {'frame' if self.frames == 1 else 'frames'}{skipped} in {self.seconds:.1f} s, "
            f"{self.frames_per_second:.1f} frames per second, network {self.network}, {self.runtime}, "
            f"{self.threads} {'thread' if self.threads == 1 else 'threads'}: {self.output}"
        )


def add_parser(commands: Any, parent: argparse.ArgumentParser) -> None:
    """Declare the subcommand."""
    parser = add_command(
        commands,
        parent,
        "stylize",
        "repaint a clip, a picture or a folder of them",
        description=DESCRIPTION,
        epilog=EXAMPLES,
    )
    parser.add_argument("input", metavar="IN", help="clip, picture or folder of them")
    parser.add_argument("-o", "--output", metavar="OUT", required=True, help="what to write; see above")
    add_network_options(parser)
    parser.add_argument(
        "--noise",
        type=positive,
        metavar="SEED",
        help="with --quality film: a number from 1, other strokes for each",
    )
    parser.add_argument("--codec", metavar="C", help="encoder of a clip, for instance libx264, libx265, ffv1")
    parser.add_argument("--crf", type=int, metavar="N", help="quality of a clip, lower is better and larger")
    parser.add_argument(
        "--start", type=moment, default="0", metavar="TIME", help="begin there: seconds, or 1:30, or 0:01:30"
    )
    parser.add_argument("--duration", type=moment, metavar="TIME", help="so much of the clip, and no more")
    parser.add_argument(
        "--before-after",
        type=_picture_name,
        metavar="FILE.png",
        help="also write the middle frame, half as it was",
    )
    parser.add_argument("--stats", action="store_true", help="say on stderr where the time went")
    parser.add_argument("--hud", action="store_true", help="draw these figures over the picture")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.add_argument("--json", action="store_true", help="say what was done as one line of JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Repaint what the options name and say so in one line."""
    wishes = Wishes(
        codec=options.codec,
        crf=options.crf,
        start=options.start,
        duration=options.duration,
        before_after=options.before_after,
        hud=options.hud,
        quiet=options.quiet,
    )
    painter = open_painter(options)
    start = time.perf_counter()
    if is_one_by_one(options.input, options.output):
        frames, skipped = paint_folder(Path(options.input), Path(options.output), painter, wishes)
    else:
        frames, skipped = paint_clip(options.input, options.output, painter, wishes)
    seconds = time.perf_counter() - start
    summary = Summary(
        frames=frames,
        skipped=skipped,
        seconds=round(seconds, 3),
        frames_per_second=round(frames / seconds, 2),
        network=painter.name,
        runtime=painter.stylizer.network.runtime.name,
        threads=painter.stylizer.network.threads,
        output=options.output,
    )
    print(json.dumps(asdict(summary)) if options.json else summary)
    if options.stats:
        print(painter.timeline.table(), file=sys.stderr)
    return 0


def _picture_name(text: str) -> str:
    if not text.lower().endswith(WRITTEN_PICTURES):
        raise argparse.ArgumentTypeError(
            f"a picture is needed ({' '.join(WRITTEN_PICTURES)}), but {text!r} came"
        )
    return text
