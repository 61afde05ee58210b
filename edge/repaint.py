"""One clip, picture or folder-as-a-film repainted: from its source through the painter into its file."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any

from edge.compositing import half_and_half, write_lines
from edge.outcome import Outcome, progress_bar
from edge.painter import Painted, Painter, Started
from edge.reaction import ReactingPainter, hear_clip
from edge.style_choice import parts_of, provenance
from edge.threads import Pipeline
from keras_vst.errors import UserError
from keras_vst.video import Excerpt, Sink, Source, TimedFrame, open_sink, open_source


def paint_clip(painter: Painter, options: argparse.Namespace) -> Outcome:
    """A clip, a picture, or a folder as a film."""
    split = options.before_after
    if split and Path(split).resolve() == Path(options.output).resolve():
        raise UserError(f"--before-after {split} is the output itself; name another picture.")
    with ExitStack() as stack:
        return paint(stack, *open_clip(stack, options, painter), painter, options)


def open_clip(
    stack: ExitStack, options: argparse.Namespace, painter: Painter
) -> tuple[Source, Sink, Callable[[TimedFrame], Started]]:
    """Open input and output of one clip or picture; and what is first done to its frames."""
    source = stack.enter_context(_source(options.input, options.start, options.duration))
    sound = Excerpt(options.input, options.duration, options.start) if source.info.has_audio else None
    start = painter.start
    if (heard := hear_clip(options, source.info)) is not None:
        stack.callback(heard.close)
        start = ReactingPainter(painter, heard.at, parts_of(options), options).start
    made_by = provenance(options)
    sink = open_sink(
        options.output, source.info, codec=options.codec, crf=options.crf, sound=sound, made_by=made_by
    )
    return source, stack.enter_context(sink), start


def _source(name: str, start: Fraction, duration: Fraction | None) -> Source:
    if "://" in name:
        from edge.sources.recorded import is_address, read_address

        if is_address(name):
            return read_address(name, start, duration)
    return open_source(name, start=start, duration=duration)


def paint(
    stack: ExitStack,
    source: Source,
    sink: Sink,
    start: Callable[[TimedFrame], Started],
    painter: Painter,
    options: argparse.Namespace,
) -> Outcome:
    """Paint what `open_clip` has opened."""
    split: Sink | None = None
    if options.before_after:
        split = stack.enter_context(open_sink(options.before_after, source.info, made_by=provenance(options)))
    progress = stack.enter_context(progress_bar(options.quiet, source.info.frames))
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
    Pipeline(source, [start, painter.finish], write, timeline=painter.timeline).run()
    if split is not None and halves is not None:
        split.write(TimedFrame(halves, Fraction(0)))
    sink.close()  # only now all of the sound has gone through
    return Outcome.of(source, sink, count)
