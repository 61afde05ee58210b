"""What a worker does for one video: find where it can be cut, paint a piece, put the pieces together.

Each is a function of values that can be sent to another process or machine; frames stay where they are decoded.  A
piece is painted as `vst stylize` paints a clip, and an error comes back as an answer.
"""

from __future__ import annotations

import argparse
import errno
import os
import platform
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from edge.batch.store import Store, file_sum, identify, key_of
from edge.cli import keep_freed_memory, told, unexpected
from edge.painter import Painter
from edge.style_choice import open_painter, provenance
from edge.stylize import Outcome, paint_clip
from edge.stylize import paint as paint_through
from edge.threads import CAPTURE, Timeline
from keras_vst.errors import UserError
from keras_vst.video import Excerpt, open_sink, open_source
from keras_vst.video.decoding import ClipSource
from keras_vst.video.encoding import tick_of
from keras_vst.video.pieces import CannotCut, PieceSource, cut_times
from keras_vst.video.pieces import join as join_pieces
from keras_vst.video.pixels import choose_encoder

APART = Fraction(20)  # seconds of a piece at least: opening and closing one costs a tenth of a second
CUT = (".mp4", ".mkv", ".mov", ".webm")  # what can be joined; a GIF or a picture is one piece
REST = 2.0  # seconds that a machine in trouble takes no work, so that the others take it
FULL = (errno.ENOSPC, errno.EDQUOT)
MACHINE = (*FULL, errno.EFBIG, errno.EIO, errno.EROFS, errno.ESTALE, errno.ENOENT, errno.EMFILE, errno.ENFILE)


@dataclass(frozen=True)
class Video:
    """One file to be painted; `options` are its own, with absolute paths, `identity` is of its looks."""

    options: argparse.Namespace
    identity: str

    @property
    def output(self) -> Path:
        """Where it will be."""
        return Path(self.options.output)

    @property
    def store(self) -> Store:
        """Where its pieces lie."""
        return Store(self.output.parent)


@dataclass(frozen=True)
class Piece:
    """A span of a video, from one keyframe up to another; `whole` ones have the sound too and are not joined."""

    key: str
    start: Fraction = Fraction(0)
    end: Fraction | None = None
    whole: bool = False


@dataclass(frozen=True)
class Plan:
    """Of one video: its pieces, and what came of it when an earlier run has finished it."""

    key: str
    pieces: tuple[Piece, ...]
    size: tuple[int, int]  # (width, height)
    frames: int  # about
    done: Outcome | None = None

    def uncut(self) -> Plan:
        """The same as one piece."""
        return Plan(self.key, (Piece(key_of(self.key, "whole"), whole=True),), self.size, self.frames)


@dataclass(frozen=True)
class Answer:
    """What came of a piece of work: a result, or why there is none, and whether another try may bring it."""

    result: Any = None
    reason: str | None = None
    again: bool = False
    full: bool = False  # no disk is left to write to


class Elsewhere(UserError):
    """Another machine may be able to do it."""


def plan(video: Video) -> Plan:
    """Look at a video and say in which pieces it is to be painted."""
    path, extension = Path(video.options.input), video.output.suffix.lower()
    with OPENING.stage(CAPTURE), open_source(path) as source:
        info, clip = source.info, isinstance(source, ClipSource)
    if extension in CUT:
        choose_encoder(extension, video.options.codec, video.options.crf)
    encoding = video.output.name, video.options.codec, video.options.crf
    key = key_of(file_sum(path), encoding, video.identity)
    done = video.store.finished(key, video.output)
    whole = Plan(key, (), (info.width, info.height), info.frames or 1, done).uncut()
    if done is not None:
        return Plan(key, (), whole.size, done.frames, done)
    cuts = cut_times(path, APART) if clip and extension in CUT and video.options.quality == "live" else []
    if not cuts:
        return whole
    spans = list(zip([Fraction(0), *cuts], [*cuts, None], strict=True))
    pieces = tuple(Piece(key_of(key, start, end), start, end) for start, end in spans)
    return Plan(key, pieces, whole.size, whole.frames)


def paint(video: Video, size: tuple[int, int], piece: Piece) -> tuple[Outcome, bool] | None:
    """Paint one piece of a video of that size, or find it painted, and say which; None where it cannot be cut there."""
    store, extension = video.store, video.output.suffix.lower()
    there = store.found(piece.key, extension)
    if there is not None:
        return there, True
    painter, attempt = _painter(video), store.attempt(extension)
    options = argparse.Namespace(**{**vars(video.options), "output": str(attempt)})
    if piece.whole:
        outcome = paint_clip(painter, options)
    else:
        try:
            with ExitStack() as stack:
                with OPENING.stage(CAPTURE):
                    source = PieceSource(options.input, piece.start, piece.end, size)
                stack.enter_context(source)
                told = {
                    "codec": options.codec,
                    "crf": options.crf,
                    "made_by": provenance(options, painter.parts),
                }
                sink = open_sink(attempt, source.info, **told)
                outcome = paint_through(stack, source, stack.enter_context(sink), painter, options)
        except CannotCut:
            return None
    store.keep(attempt, piece.key, outcome)
    return outcome, False


def join(video: Video, plan: Plan, outcome: Outcome) -> Outcome:
    """Put the painted pieces together, or move the only one into place; what came of all of it."""
    store, output = video.store, video.output
    files = [store.piece(piece.key, output.suffix.lower()) for piece in plan.pieces]
    if (done := store.finished(plan.key, output)) is not None:  # by one that was lost before it could answer
        return done
    if plan.pieces[0].whole:
        store.finish(plan.key, files[0], outcome)
        os.replace(files[0], output)
    else:
        with open_source(video.options.input) as source:
            info = source.info
        sound = Excerpt(video.options.input) if info.has_audio or info.has_words else None
        skipped, notes = join_pieces(files, output, sound, tick_of(output.suffix.lower(), info))
        lost = [f"{info.origin}: {note}" for note in notes]
        outcome.add(Outcome(sound_skipped=skipped, notes=lost))
        store.finish(plan.key, output, outcome)
    for piece in plan.pieces:
        store.drop(piece.key, output.suffix.lower())
    return outcome


def perform(work: Callable[..., Any], video: Video, *arguments: Any) -> Answer:
    """Do a piece of work and answer, whatever happens; a machine in trouble rests before it does."""
    keep_freed_memory()
    try:
        for path in (Path(video.options.input), video.store.folder):
            if not path.exists():  # the run has seen both: here the disk is not mounted, or they were removed
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        return Answer(work(video, *arguments))
    except Exception as error:
        number = getattr(error, "errno", None) or getattr(error.__cause__, "errno", None)
        again = number in MACHINE or isinstance(error, MemoryError | Elsewhere)
        reason = str(error) if isinstance(error, UserError) else told(error) or unexpected(error)
        if again:
            time.sleep(REST)
            reason += f" (on {platform.node()})"
        return Answer(reason=reason, again=again, full=number in FULL)


OPENING = Timeline()  # of inputs, in this process


def waiting() -> float:
    """Seconds that a decoder in this process has been at one frame."""
    return max(
        each.waiting(CAPTURE) for each in (OPENING, *(painter.timeline for painter in list(_open.values())))
    )


_open: dict[str, Painter] = {}  # the network that this process has open, by identity


def _painter(video: Video) -> Painter:
    painter = _open.get(video.identity)
    if painter is None:
        _open.clear()
        painter = open_painter(video.options)
        if identify(video.options, painter) != video.identity:
            raise Elsewhere(
                f"{platform.node()} would paint otherwise than the machine that asks: its network file or the versions "
                "of keras_vst, av, numpy, OpenCV or the runtime differ; install the same on all."
            )
        _open[video.identity] = painter
    return painter
