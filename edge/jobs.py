"""Files repainted as wholes: a clip through the pipeline, or everything in a folder, one thing after the other."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from tqdm import tqdm

from edge.colour import half_and_half
from edge.hud import draw
from edge.painter import Painted, Painter
from edge.pipeline import Pipeline
from keras_vst.errors import UserError
from keras_vst.files import disk_errors
from keras_vst.video import Excerpt, Sink, Source, TimedFrame, open_sink, open_source
from keras_vst.video.encoding import WRITTEN_CLIPS
from keras_vst.video.stills import PICTURES, WRITTEN_PICTURES

CLIPS = (
    *WRITTEN_CLIPS,
    ".m4v",
    ".avi",
    ".mpg",
    ".mpeg",
    ".ts",
    ".mts",
    ".m2ts",
    ".wmv",
    ".flv",
    ".3gp",
    ".ogv",
)
HUD_FRAMES = 30  # the figures shown are those of the last ones


@dataclass(frozen=True)
class Wishes:
    """How files are to be read and written."""

    codec: str | None = None
    crf: int | None = None
    start: Fraction = Fraction(0)
    duration: Fraction | None = None
    before_after: str | None = None  # where the middle frame goes, half as it was
    hud: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        """Refuse what would be ignored."""
        if self.start < 0 or (self.duration is not None and self.duration <= 0):
            raise UserError("--start is 0 or more seconds and --duration above 0; correct them.")


def paint_clip(source_name: str, target: str, painter: Painter, wishes: Wishes) -> tuple[int, int]:
    """A clip, a picture, or a folder as a film.  Returns how many frames were painted and left out."""
    if wishes.before_after and Path(wishes.before_after).resolve() == Path(target).resolve():
        raise UserError(f"--before-after {wishes.before_after} is the output itself; name another picture.")
    with ExitStack() as stack:
        return _paint(stack, *_open(stack, source_name, target, wishes), painter, wishes)


def paint_folder(folder: Path, target: Path, painter: Painter, wishes: Wishes) -> tuple[int, int]:
    """Every picture and clip of a folder by itself.  Returns how many frames were painted, files left out."""
    if wishes.before_after:
        raise UserError("--before-after shows one clip or picture, not a folder of them; leave it out.")
    files = (path.name for path in folder.iterdir() if path.suffix.lower() in (*PICTURES, *CLIPS))
    names = sorted(name for name in files if not name.startswith("."))
    _make_folder(target, folder)
    count, left_out = 0, []
    with progress_bar(wishes.quiet, len(names), "file") as progress:
        for name in names:
            with ExitStack() as stack:
                kept, its_wishes = _for_one(name, wishes)
                try:
                    source, sink = _open(stack, str(folder / name), str(target / kept), its_wishes)
                except (
                    UserError
                ) as error:  # a damaged file, or a wish that does not fit it, does not stop a folder
                    left_out.append(f"{name}: {error}")
                    continue
                count += _paint(stack, source, sink, painter, its_wishes)[0]
            progress.update()
    if not count:
        raise UserError(
            f"folder {folder} holds no picture or clip that can be "
            + (
                f"painted; the last one: {left_out[-1]}"
                if left_out
                else f"read ({' '.join((*PICTURES, *CLIPS))})."
            )
        )
    for reason in left_out:
        print(f"vst: left out: {reason}", file=sys.stderr)
    return count, len(left_out)


def progress_bar(quiet: bool, total: int | None, unit: str = "frame") -> Any:
    """A bar with the time left on a terminal, and nothing elsewhere."""
    hidden = quiet or not sys.stderr.isatty()
    return tqdm(total=total, unit=unit, leave=False, disable=hidden, file=sys.stderr)


def hud_lines(painter: Painter, *more: str) -> list[str]:
    """What the overlay says: what paints, at which size, and what each stage takes."""
    times = painter.timeline.milliseconds(last=HUD_FRAMES)
    stages = [f"{stage} {each['median']:.1f} ms" for stage, each in times.items()]
    return [painter.name, *more, *stages]


class _Writer:
    """Takes painted frames in order and remembers the middle one; runs in the sink's thread."""

    def __init__(self, sink: Sink, painter: Painter, wishes: Wishes, middle: int, progress: Any) -> None:
        self._sink, self._painter, self._middle, self._progress = sink, painter, middle, progress
        self._hud, self._split = wishes.hud, wishes.before_after is not None
        self.count = 0
        self.shown: Any = None  # a clip that breaks off before its middle shows its last frame

    def write(self, painted: Painted) -> None:
        after = painted.after
        if self._split and self.count <= self._middle:
            self.shown = half_and_half(painted.before.pixels, after.pixels)
        if self._hud:
            after = TimedFrame(draw(after.pixels, hud_lines(self._painter)), after.time)
        self._sink.write(after)
        self.count += 1
        self._progress.update()


def _open(stack: ExitStack, source_name: str, target: str, wishes: Wishes) -> tuple[Source, Sink]:
    source = stack.enter_context(open_source(source_name, start=wishes.start, duration=wishes.duration))
    sound = Excerpt(source_name, wishes.duration, wishes.start) if source.info.has_audio else None
    sink = open_sink(target, source.info, codec=wishes.codec, crf=wishes.crf, sound=sound)
    return source, stack.enter_context(sink)


def _paint(stack: ExitStack, source: Source, sink: Sink, painter: Painter, wishes: Wishes) -> tuple[int, int]:
    split: Sink | None = None
    if wishes.before_after:
        split = stack.enter_context(open_sink(wishes.before_after, source.info))
    progress = stack.enter_context(progress_bar(wishes.quiet, source.info.frames))
    writer = _Writer(sink, painter, wishes, (source.info.frames or 1) // 2, progress)
    painter.stylizer.reset()
    Pipeline(source, painter.start, writer.write, finish=painter.finish, timeline=painter.timeline).run()
    if split is not None and writer.shown is not None:
        split.write(TimedFrame(writer.shown, Fraction(0)))
    return writer.count, source.skipped


def _for_one(name: str, wishes: Wishes) -> tuple[str, Wishes]:
    """What a file of a folder is called when it is painted, and what of the wishes concerns it."""
    extension = Path(name).suffix.lower()
    if extension in PICTURES:
        return name if extension in WRITTEN_PICTURES else f"{name}.png", Wishes(hud=wishes.hud, quiet=True)
    return name if extension in WRITTEN_CLIPS else f"{name}.mp4", replace(wishes, quiet=True)


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


def is_one_by_one(source_name: str, target: str) -> bool:
    """Whether every file of a folder is wanted by itself."""
    return Path(source_name).is_dir() and target.endswith(("/", os.sep))
