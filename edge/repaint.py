"""One clip, picture or folder-as-a-film repainted: from its source through the painter into its file."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from edge.compositing import half_and_half, write_lines
from edge.outcome import Outcome, progress_bar
from edge.painter import Painted, Painter, Started
from edge.style_choice import provenance
from edge.threads import Pipeline
from keras_vst.errors import UserError
from keras_vst.video import Excerpt, Sink, Source, TimedFrame, open_sink, open_source

IN_WORK = 64 * 2**20  # bytes of the frames that are on their way from source to sink together
FEWEST = 2  # of them, whatever they take


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
    takes_along = source.info.has_audio or source.info.has_words
    sound = (
        Excerpt(options.input, options.duration, options.start, shared=source.along) if takes_along else None
    )
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
        split = stack.enter_context(
            open_sink(options.before_after, source.info, made_by=provenance(options, painter.parts))
        )
    progress = stack.enter_context(progress_bar(options.quiet, source.info.frames))
    count, middle = 0, (source.info.frames or 1) // 2
    halves: Any = None  # a clip that breaks off before its middle shows its last frame

    def write(painted: Painted) -> None:
        nonlocal count, halves
        after = painted.after
        if split is not None and count <= middle:
            halves = half_and_half(painted.before.pixels, after.pixels)
        if options.hud:
            after = replace(after, pixels=write_lines(after.pixels, painter.hud_lines()))
        sink.write(after)
        count += 1
        progress.update()

    painter.reset()
    # What a frame was is let go of unless somebody looks at it once more.
    finish = painter.finish if split else lambda started: _without_before(painter.finish(started))
    at_once = max(FEWEST, IN_WORK // (3 * source.info.width * source.info.height))
    Pipeline(
        source, [start or painter.start, finish], write, at_once=at_once, timeline=painter.timeline
    ).run()
    if split is not None and halves is not None:
        split.write(TimedFrame(halves, Fraction(0)))
    sink.close()  # only now all of the sound has gone through
    return Outcome.of(source, sink, count)


def _without_before(painted: Painted) -> Painted:
    return replace(painted, before=painted.after)
