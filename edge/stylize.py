"""`vst stylize`: a clip, a picture or a folder of pictures in, the same repainted out."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from edge.arguments import add_network_options, open_painter
from edge.painter import Painter
from edge.timeline import ENCODE
from keras_vst.errors import UserError
from keras_vst.frames import Pixels
from keras_vst.video import Sink, TimedFrame, VideoInfo, open_sink, open_source
from keras_vst.video.pictures import PICTURES, WRITTEN_PICTURES
from keras_vst.video.target import disk_errors

DESCRIPTION = """\
IN is a clip, a picture, or a folder of pictures. OUT's name says what is made of it:
  .mp4 .mkv .mov .webm   a clip, with the sound of IN
  .gif                   an animation
  .png .jpg .webp        a picture
  a name ending in /     a folder: numbered PNG frames of a clip; or, when IN is a folder too,
                         every picture repainted by itself under its own name
A folder of pictures made into a clip or a GIF is taken as the frames of a film, 25 a second."""


@dataclass(frozen=True)
class Summary:
    """What was done."""

    frames: int
    skipped: int  # damaged ones
    seconds: float
    frames_per_second: float
    network: str
    runtime: str
    threads: int
    output: str

    def __str__(self) -> str:
        skipped = f" ({self.skipped} damaged left out)" if self.skipped else ""
        return (
            f"{self.frames} {'frame' if self.frames == 1 else 'frames'}{skipped} in {self.seconds:.1f} s, "
            f"{self.frames_per_second:.1f} frames per second, network {self.network}, {self.runtime}, "
            f"{self.threads} {'thread' if self.threads == 1 else 'threads'}: {self.output}"
        )


def add_parser(commands: Any, parent: argparse.ArgumentParser) -> None:
    """Declare the subcommand."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "stylize",
        parents=[parent],
        help="repaint a clip, a picture or a folder of pictures",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("input", metavar="IN", help="clip, picture or folder of pictures")
    parser.add_argument("-o", "--output", metavar="OUT", required=True, help="what to write; see above")
    add_network_options(parser)
    parser.add_argument("--codec", metavar="C", help="encoder of a clip, for instance libx264, libx265, ffv1")
    parser.add_argument("--crf", type=int, metavar="N", help="quality of a clip, lower is better and larger")
    parser.add_argument(
        "--before-after",
        type=_picture_name,
        metavar="FILE.png",
        help="also write the middle frame, half as it was",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.add_argument("--json", action="store_true", help="say what was done as one line of JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Repaint what the options name and say so in one line."""
    painter = open_painter(options)
    start = time.perf_counter()
    one_by_one = Path(options.input).is_dir() and options.output.endswith(("/", os.sep))
    frames, skipped = (_paint_pictures if one_by_one else _paint_clip)(options, painter)
    seconds = time.perf_counter() - start
    summary = Summary(
        frames=frames,
        skipped=skipped,
        seconds=round(seconds, 3),
        frames_per_second=round(frames / seconds, 2),
        network=painter.network.name,
        runtime=painter.stylizer.runner.runtime.name,
        threads=painter.stylizer.runner.threads,
        output=options.output,
    )
    print(json.dumps(asdict(summary)) if options.json else summary)
    return 0


def _paint_clip(options: argparse.Namespace, painter: Painter) -> tuple[int, int]:
    """A clip, a picture, or a folder as a film.  Returns how many frames were painted and left out."""
    with ExitStack() as stack:
        source = stack.enter_context(open_source(options.input))
        sink = stack.enter_context(_open_output(options, options.output, source.info))
        split: Sink | None = None
        if options.before_after:
            split = stack.enter_context(open_sink(options.before_after, source.info))
        progress = stack.enter_context(_progress(options, source.info.frames))
        count, middle = 0, (source.info.frames or 1) // 2
        shown = None
        for before, after in painter.paint(source):
            with painter.timeline.stage(ENCODE):
                sink.write(after)
            # A clip that breaks off before its middle shows its last frame.
            shown = (before.pixels, after.pixels) if count <= middle else shown
            count += 1
            progress.update()
        if split is not None and shown is not None:
            split.write(TimedFrame(half_and_half(*shown), Fraction(0)))
        return count, source.skipped


def _paint_pictures(options: argparse.Namespace, painter: Painter) -> tuple[int, int]:
    """Every picture of a folder by itself.  Returns how many were painted and left out."""
    folder, target = Path(options.input), Path(options.output)
    if options.before_after:
        raise UserError("--before-after shows one clip or picture, not a folder of them; leave it out.")
    pictures = (path.name for path in folder.iterdir() if path.suffix.lower() in PICTURES)
    names = sorted(name for name in pictures if not name.startswith("."))
    _make_folder(target, folder)
    count = 0
    with _progress(options, len(names)) as progress:
        for name in names:
            try:
                source = open_source(folder / name)
            except UserError:
                continue  # one damaged picture does not stop a folder
            kept = name if Path(name).suffix.lower() in WRITTEN_PICTURES else f"{name}.png"
            with source, _open_output(options, str(target / kept), source.info) as sink:
                for _, after in painter.paint(source):
                    sink.write(after)
            count += 1
            progress.update()
    if not count:
        raise UserError(f"folder {folder} holds no picture that can be read ({' '.join(PICTURES)}).")
    return count, len(names) - count


def half_and_half(before: Pixels, after: Pixels) -> Pixels:
    """The left half of one picture and the right half of the other, a white line between them."""
    middle = before.shape[1] // 2
    joined = np.concatenate([before[:, :middle], after[:, middle:]], axis=1)
    if middle > 8:
        joined[:, middle - 1 : middle + 1] = 255
    return joined


def _open_output(options: argparse.Namespace, path: str, info: VideoInfo) -> Sink:
    audio = options.input if info.has_audio else None
    return open_sink(path, info, codec=options.codec, crf=options.crf, audio_from=audio)


def _make_folder(target: Path, source: Path) -> None:
    if target.resolve() == source.resolve():
        raise UserError(f"cannot write {target}: it is the input itself; name another output.")
    if target.exists() and not target.is_dir():
        raise UserError(f"{target} is a file, but a folder was asked for; leave the / out or rename it.")
    if not target.resolve().parent.is_dir():
        raise UserError(
            f"cannot write {target}: there is no folder {target.resolve().parent}; create it first."
        )
    with disk_errors(target):
        target.mkdir(exist_ok=True)


def _progress(options: argparse.Namespace, total: int | None) -> Any:
    hidden = options.quiet or not sys.stderr.isatty()
    return tqdm(total=total, unit="frame", leave=False, disable=hidden, file=sys.stderr)


def _picture_name(text: str) -> str:
    if not text.lower().endswith(WRITTEN_PICTURES):
        raise argparse.ArgumentTypeError(
            f"a picture is needed ({' '.join(WRITTEN_PICTURES)}), but {text!r} came"
        )
    return text
