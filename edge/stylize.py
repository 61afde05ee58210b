"""`vst stylize`: a clip, a picture or a folder of them in, the same repainted out."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any

from tqdm import tqdm

from edge.compositing import half_and_half, write_lines
from edge.options import add_command, add_network_options, moment, positive
from edge.painter import Painted, Painter
from edge.style_choice import open_painter
from edge.threads import Pipeline
from keras_vst.errors import UserError, tell
from keras_vst.files import disk_errors
from keras_vst.video import Excerpt, Sink, Source, TimedFrame, open_sink, open_source
from keras_vst.video.encoding import WRITTEN_CLIPS
from keras_vst.video.stills import PICTURES, WRITTEN_PICTURES

READ_CLIPS = [".m4v", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".wmv", ".flv", ".3gp", ".ogv"]
READ = (*PICTURES, *WRITTEN_CLIPS, *READ_CLIPS)
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
    frames, skipped = (paint_folder if one_by_one else paint_clip)(painter, options)
    seconds = time.perf_counter() - start
    threads, runtime = painter.network.threads, painter.network.runtime.name
    row = {
        "frames": frames,
        "skipped": skipped,  # damaged frames, or files of a folder that were left out
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
        left_out = f" ({skipped} left out)" if skipped else ""
        print(
            f"{_count(frames, 'frame')}{left_out} in {seconds:.1f} s, {frames / seconds:.1f} frames per second, "
            f"network {painter.name}, {runtime}, {_count(threads, 'thread')}: {options.output}"
        )
    if options.stats:
        print(painter.timeline.table(), file=sys.stderr)
    return 0


def paint_clip(painter: Painter, options: argparse.Namespace) -> tuple[int, int]:
    """A clip, a picture, or a folder as a film.  Returns how many frames were painted and left out."""
    split = options.before_after
    if split and Path(split).resolve() == Path(options.output).resolve():
        raise UserError(f"--before-after {split} is the output itself; name another picture.")
    with ExitStack() as stack:
        return _paint(stack, *_open(stack, options), painter, options)


def paint_folder(painter: Painter, options: argparse.Namespace) -> tuple[int, int]:
    """Every picture and clip of a folder by itself.  Returns how many frames were painted, files left out."""
    folder = Path(options.input)
    if options.before_after:
        raise UserError("--before-after shows one clip or picture, not a folder of them; leave it out.")
    names = sorted(path.name for path in folder.iterdir() if path.suffix.lower() in READ)
    names = [name for name in names if not name.startswith(".")]
    _make_folder(Path(options.output), folder)
    count, left_out = 0, []
    with _progress_bar(options.quiet, len(names), "file") as progress:
        for name in names:
            with ExitStack() as stack:
                its = _options_for(name, options)
                try:
                    opened = _open(stack, its)
                except (
                    UserError
                ) as error:  # a damaged file, or an option that does not fit it: others are painted
                    left_out.append(f"{name}: {error}")
                    continue
                count += _paint(stack, *opened, painter, its)[0]
            progress.update()
    if not count:
        told = f"painted; the last one: {left_out[-1]}" if left_out else f"read ({' '.join(READ)})."
        raise UserError(f"folder {folder} holds no picture or clip that can be {told}")
    for reason in left_out:
        tell(f"vst: left out: {reason}")
    return count, len(left_out)


def _open(stack: ExitStack, options: argparse.Namespace) -> tuple[Source, Sink]:
    source = stack.enter_context(_source(options.input, options.start, options.duration))
    sound = Excerpt(options.input, options.duration, options.start) if source.info.has_audio else None
    sink = open_sink(options.output, source.info, codec=options.codec, crf=options.crf, sound=sound)
    return source, stack.enter_context(sink)


def _source(name: str, start: Fraction, duration: Fraction | None) -> Source:
    if "://" in name:
        from edge.sources.recorded import is_address, read_address

        if is_address(name):
            return read_address(name, start, duration)
    return open_source(name, start=start, duration=duration)


def _paint(
    stack: ExitStack, source: Source, sink: Sink, painter: Painter, options: argparse.Namespace
) -> tuple[int, int]:
    split: Sink | None = None
    if options.before_after:
        split = stack.enter_context(open_sink(options.before_after, source.info))
    progress = stack.enter_context(_progress_bar(options.quiet, source.info.frames))
    count, middle = 0, (source.info.frames or 1) // 2
    halves: Any = None  # a clip that breaks off before its middle shows its last frame

    def write(painted: Painted) -> None:
        nonlocal count, halves
        after = painted.after
        if split is not None and count <= middle:
            halves = half_and_half(painted.before.pixels, after.pixels)
        if options.hud:
            after = TimedFrame(write_lines(after.pixels, painter.hud_lines()), after.time)
        sink.write(after)
        count += 1
        progress.update()

    painter.reset()
    Pipeline(source, [painter.start, painter.finish], write, timeline=painter.timeline).run()
    if split is not None and halves is not None:
        split.write(TimedFrame(halves, Fraction(0)))
    return count, source.skipped


def _options_for(name: str, options: argparse.Namespace) -> argparse.Namespace:
    """What of the options concerns one file of a folder, and what it is called when it is painted."""
    extension = Path(name).suffix.lower()
    written, instead = (WRITTEN_PICTURES, ".png") if extension in PICTURES else (WRITTEN_CLIPS, ".mp4")
    target = name if extension in written else f"{name}{instead}"
    its = {"input": str(Path(options.input) / name), "output": str(Path(options.output) / target)}
    its |= {"quiet": True}
    if extension in PICTURES:
        its |= {"codec": None, "crf": None, "start": Fraction(0), "duration": None}
    return argparse.Namespace(**{**vars(options), **its})


def _make_folder(target: Path, source: Path) -> None:
    if target.resolve() == source.resolve():
        raise UserError(f"cannot write {target}: it is the input itself; name another output.")
    if target.exists() and not target.is_dir():
        raise UserError(f"{target} is a file, but a folder was asked for; leave the / out or rename it.")
    parent = target.resolve().parent
    if not parent.is_dir():
        raise UserError(f"cannot write {target}: there is no folder {parent}; create it first.")
    with disk_errors(target):
        target.mkdir(exist_ok=True)


def _progress_bar(quiet: bool, total: int | None, unit: str = "frame") -> Any:
    """A bar with the time left on a terminal, and nothing elsewhere."""
    hidden = quiet or not sys.stderr.isatty()
    return tqdm(total=total, unit=unit, leave=False, disable=hidden, file=sys.stderr)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _picture_name(text: str) -> str:
    if not text.lower().endswith(WRITTEN_PICTURES):
        raise argparse.ArgumentTypeError(
            f"a picture is needed ({' '.join(WRITTEN_PICTURES)}), but {text!r} came"
        )
    return text
