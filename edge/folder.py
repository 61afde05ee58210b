"""Every picture and clip of a folder repainted by itself, under its own name; what is left out is named, with why."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

from edge.options import progress_bar
from edge.painter import Painter
from edge.stylize import Outcome, open_clip, paint
from keras_vst.errors import UserError
from keras_vst.files import disk_errors
from keras_vst.frames import PICTURES
from keras_vst.video.base import WRITTEN_CLIPS, WRITTEN_PICTURES
from keras_vst.video.picture_head import moves

READ_CLIPS = (".m4v", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".wmv", ".flv", ".3gp", ".ogv")
STILLS = (".heic", ".heif", ".avif")  # pictures that FFmpeg reads
READ = (*PICTURES, *STILLS, *WRITTEN_CLIPS, *READ_CLIPS)


def paint_folder(painter: Painter, options: argparse.Namespace) -> Outcome:
    """Paint the pictures and clips that lie in a folder."""
    folder = Path(options.input)
    if options.before_after:
        raise UserError("--before-after shows one clip or picture, not a folder of them; leave it out.")
    target = Path(options.output)
    make_folder(target, folder)
    outcome = Outcome()
    names, outcome.left_out = readable(folder, target)
    with progress_bar(options.quiet, len(names), "file") as progress:
        for name in names:
            its = options_for(folder / name, options)
            with ExitStack() as stack:
                try:
                    opened = open_clip(stack, its, painter)
                except UserError as error:  # damaged, or an option that does not fit it: others are painted
                    outcome.left_out[name] = str(error)
                    continue
                source, sink, start = opened
                outcome.add(paint(stack, source, sink, painter, its, start))
            progress.update()
    if not outcome.frames:
        last = outcome.left_out[names[-1]] if names else None
        told = f"painted; the last one: {names[-1]}: {last}" if last else f"read ({' '.join(READ)})."
        raise UserError(f"folder {folder} holds no picture or clip that can be {told}")
    return outcome


def readable(folder: Path, target: Path) -> tuple[list[str], dict[str, str]]:
    """The pictures and clips of a folder, and why what else lies there is left out; `target` may lie there too."""
    names: list[str] = []
    left_out: dict[str, str] = {}
    for entry in sorted(folder.iterdir()):
        reason = _not_read(entry)
        if reason is None:
            names.append(entry.name)
        elif not entry.name.startswith(".") and entry.resolve() != target.resolve():
            left_out[entry.name] = reason
    return names, left_out


def _not_read(entry: Path) -> str | None:
    """Why something in the folder is not painted; None for what is."""
    if entry.is_dir():
        return "a folder in the folder; give it by itself"
    if entry.suffix.lower() not in READ:
        return "no picture or clip by its name"
    return "a hidden file" if entry.name.startswith(".") else None


def options_for(path: Path, options: argparse.Namespace) -> argparse.Namespace:
    """What of the options concerns one of several files, and what it is called in the folder of the painted ones."""
    name, extension = path.name, path.suffix.lower()
    still = extension in (*PICTURES, *STILLS) and not moves(path)
    written, instead = (WRITTEN_PICTURES, ".png") if still else (WRITTEN_CLIPS, ".mp4")
    target = name if extension in written else f"{name}{instead}"
    its = {"input": str(path), "output": str(Path(options.output) / target)}
    its |= {"quiet": True}
    if still:
        its |= {"codec": None, "crf": None, "start": Fraction(0), "duration": None, "react": None}
    return argparse.Namespace(**{**vars(options), **its})


def make_folder(target: Path, source: Path) -> None:
    """Make the folder of the painted ones, which is not that of the others."""
    if target.resolve() == source.resolve():
        raise UserError(f"cannot write {target}: it is the input itself; name another output.")
    if target.exists() and not target.is_dir():
        raise UserError(f"{target} is a file, but a folder was asked for; leave the / out or rename it.")
    parent = target.resolve().parent
    if not parent.is_dir():
        raise UserError(f"cannot write {target}: there is no folder {parent}; create it first.")
    with disk_errors(target):
        target.mkdir(exist_ok=True)
