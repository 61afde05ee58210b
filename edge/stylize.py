"""`vst stylize`: a clip, a picture or a folder of them in, the same repainted out; and what came of it."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from edge.options import (
    add_command,
    add_network_options,
    add_react_options,
    counted,
    moment,
    positive,
    progress_bar,
)
from edge.painter import Painted, Painter, Started
from edge.style_choice import open_painter, provenance
from edge.threads import Pipeline
from keras_vst.errors import UserError, tell
from keras_vst.video import Excerpt, Sink, Source, TimedFrame, open_sink, open_source
from keras_vst.video.base import WRITTEN_PICTURES

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
IN_WORK = 64 * 2**20  # bytes of the frames that are on their way from source to sink together
FEWEST = 2  # of them, whatever they take


def add_parser(commands: Any, parent: argparse.ArgumentParser) -> None:
    """Declare the subcommand."""
    summary = "repaint a clip, a picture or a folder of them"
    parser = add_command(commands, parent, "stylize", summary, description=DESCRIPTION, epilog=EXAMPLES)
    add = parser.add_argument
    add("input", metavar="IN", help="clip, picture or folder of them")
    add("-o", "--output", metavar="OUT", required=True, help="what to write; see above")
    add_network_options(parser)
    other = "with --quality film: a number from 1, other strokes for each"
    add("--noise", type=positive, metavar="SEED", help=other)
    add_react_options(parser)
    add("--codec", metavar="C", help="encoder of a clip, for instance libx264, libx265, ffv1")
    add("--crf", type=int, metavar="N", help="quality of a clip, lower is better and larger")
    add("--start", type=moment, default="0", metavar="TIME", help="begin there: seconds, or 1:30, or 0:01:30")
    add("--duration", type=moment, metavar="TIME", help="so much of the clip, and no more")
    half = "also write the middle frame, half as it was"
    add("--before-after", type=_picture_name, metavar="FILE.png", help=half)
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
    if Path(options.input).is_dir() and options.output.endswith(("/", os.sep)):
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
        known = " ".join(WRITTEN_PICTURES)
        raise argparse.ArgumentTypeError(f"a picture is needed ({known}), but {text!r} came")
    return text


def paint_clip(painter: Painter, options: argparse.Namespace) -> Outcome:
    """A clip, a picture, or a folder as a film."""
    split = options.before_after
    if split and Path(split).resolve() == Path(options.output).resolve():
        raise UserError(f"--before-after {split} is the output itself; name another picture.")
    with ExitStack() as stack:
        source, sink, start = open_clip(stack, options, painter)
        return paint(stack, source, sink, painter, options, start)


def open_clip(
    stack: ExitStack, options: argparse.Namespace, painter: Painter
) -> tuple[Source, Sink, Callable[[TimedFrame], Started]]:
    """Open input and output of one clip or picture; and what is first done to its frames."""
    source = stack.enter_context(_source(options.input, options.start, options.duration))
    sound = None
    if source.info.has_audio or source.info.has_words:
        sound = Excerpt(options.input, options.duration, options.start, shared=source.along)
    start = painter.start
    if getattr(options, "react", None) is not None:
        from edge.reaction import ReactingPainter, hear_clip

        heard = hear_clip(options, source.info)
        stack.callback(heard.close)
        start = ReactingPainter(painter, heard.at, options).start
    told = {"codec": options.codec, "crf": options.crf, "made_by": provenance(options, painter.parts)}
    sink = open_sink(options.output, source.info, sound=sound, **told)
    return source, stack.enter_context(sink), start


def _source(name: str, start: Fraction, duration: Fraction | None) -> Source:
    if "://" in name:
        from edge.sources.receiver import is_address, read_address

        if is_address(name):
            return read_address(name, start, duration)
    return open_source(name, start=start, duration=duration)


def paint(
    stack: ExitStack,
    source: Source,
    sink: Sink,
    painter: Painter,
    options: argparse.Namespace,
    start: Callable[[TimedFrame], Started] | None = None,
) -> Outcome:
    """Paint what `open_clip` has opened; `start` is what is first done to a frame, if not just the painter's."""
    split: Sink | None = None
    if options.before_after:
        made_by = provenance(options, painter.parts)
        split = stack.enter_context(open_sink(options.before_after, source.info, made_by=made_by))
    progress = stack.enter_context(progress_bar(options.quiet, source.info.frames))
    count, middle = 0, (source.info.frames or 1) // 2
    halves: Any = None  # a clip that breaks off before its middle shows its last frame

    def write(painted: Painted) -> None:
        nonlocal count, halves
        after = painted.after
        if split is not None and count <= middle:
            from edge.compositing import half_and_half

            halves = half_and_half(painted.before.pixels, after.pixels)
        if options.hud:
            from edge.compositing import write_lines

            after = replace(after, pixels=write_lines(after.pixels, painter.hud_lines()))
        sink.write(after)
        count += 1
        progress.update()

    painter.reset()
    # What a frame was is let go of unless somebody looks at it once more.
    finish = (
        painter.finish if split else lambda each: replace(done := painter.finish(each), before=done.after)
    )
    at_once = max(FEWEST, IN_WORK // (3 * source.info.width * source.info.height))
    steps = start or painter.start, finish
    Pipeline(source, steps, write, at_once=at_once, timeline=painter.timeline).run()
    if split and halves is not None:
        split.write(TimedFrame(halves, Fraction(0)))
    sink.close()  # only now all of the sound has gone through
    return Outcome.of(source, sink, count)


@dataclass
class Outcome:
    """Of one clip or picture, or of all of a folder."""

    frames: int = 0
    skipped: int = 0  # damaged frames
    sound_skipped: int = 0  # damaged packets of sound
    mended: int = 0  # leaps in the times of clips
    ends_early: list[str] = field(default_factory=list)  # what broke off before its end
    left_out: dict[str, str] = field(default_factory=dict)  # what of a folder was not painted, and why
    notes: list[str] = field(default_factory=list)  # what could not be kept as it was, each by its name

    @classmethod
    def of(cls, source: Source, sink: Sink, frames: int) -> Outcome:
        """What came of one source, now that it is read and its sink is closed."""
        early = [source.info.origin or ""] if source.ends_early else []
        notes = [f"{source.info.origin}: {note}" for note in (*source.notes, *sink.notes)]
        return cls(frames, source.skipped, sink.skipped, source.mended, early, notes=notes)

    def add(self, other: Outcome) -> None:
        """Take in what came of one file of a folder."""
        self.frames += other.frames
        self.skipped += other.skipped
        self.sound_skipped += other.sound_skipped
        self.mended += other.mended
        self.ends_early += [name for name in other.ends_early if name not in self.ends_early]
        self.left_out |= other.left_out
        self.notes += [note for note in other.notes if note not in self.notes]  # pieces say the same

    def row(self) -> dict[str, Any]:
        """As `--json` prints it; `skipped` counts the damaged frames and the files left out."""
        return {
            "frames": self.frames,
            "skipped": self.skipped + len(self.left_out),
            "sound_skipped": self.sound_skipped,
            "times_mended": self.mended,
            "ends_early": self.ends_early,
            "left_out": self.left_out,
            "notes": self.notes,
        }

    def told(self) -> str:
        """What stands behind the number of frames in the one line: nothing, or (2 left out, the input ends early)."""
        skipped = self.skipped + len(self.left_out)
        parts = [f"{skipped} left out"] if skipped else []
        parts += [f"{counted(self.sound_skipped, 'packet')} of sound left out"] if self.sound_skipped else []
        parts += [f"{counted(self.mended, 'leap')} of its clock mended"] if self.mended else []
        parts += ["the input ends early"] if self.ends_early else []
        return f" ({', '.join(parts)})" if parts else ""

    def lines(self) -> list[str]:
        """What stderr says, a line each."""
        lines = [f"left out: {name}: {reason}" for name, reason in self.left_out.items()]
        lines += [f"{name} ends early; painted up to there, fetch it again" for name in self.ends_early]
        return lines + self.notes
