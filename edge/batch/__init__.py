"""`vst batch`: many videos in, the same repainted out, by all cores of this machine or of a cluster."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

from edge.batch.driver import Course, Driver, Engine
from edge.batch.processes import Processes
from edge.batch.store import Store, identify
from edge.batch.work import Video
from edge.folder import make_folder, options_for, readable
from edge.options import add_command, add_network_options, counted, positive, progress_bar
from edge.style_choice import open_painter
from edge.stylize import Outcome
from keras_vst.errors import UserError, tell
from keras_vst.files import write_whole
from keras_vst.networks.base import cores

DESCRIPTION = """\
Every IN, a clip, a picture or a folder of them, is repainted under its own name in the folder OUT.

Clips are cut at keyframes into pieces of twenty seconds or more, which several processes paint at once; put together
they are, frame by frame, what `vst stylize` paints, with the sound and the times of IN.  What cannot be cut (a
picture, a GIF, MPEG-TS, --quality film) is one piece.

A process or machine that is lost costs the piece it was at, which is painted again.  A video that cannot be painted
is left out, with the reason; the others are painted.  To go on after Ctrl-C, a kill or a full disk run the same again:
finished files stay, and finished pieces are found by what they were made of.  OUT/batch.json tells what became of each.

With --cluster a Ray cluster does the work (pip install 'keras-vst[cluster]' on every machine of it; `ray start --head`
on one, `ray start --address HOST:6379` on the others).  Run it on one of them; IN, OUT and --model are paths on a disk
that all of them see.

Exit status: 0 all is painted, 2 something was left out or is wrong, 130 stopped with Ctrl-C."""
EXAMPLES = """\
examples:
  vst batch holiday/ concert.mp4 -o painted/ --style great-wave
  vst batch films/ -o painted/ --style scream --workers 8
  vst batch /shared/films/ -o /shared/painted/ --style scream --cluster auto"""
# Of stylize.
ABSENT = {"before_after": None, "hud": False, "start": Fraction(0), "duration": None, "noise": None}


def add_parser(commands: Any, parent: argparse.ArgumentParser) -> None:
    """Declare the subcommand."""
    summary = "repaint many videos at once, on this machine or a cluster"
    parser = add_command(commands, parent, "batch", summary, description=DESCRIPTION, epilog=EXAMPLES)
    add = parser.add_argument
    add("inputs", metavar="IN", nargs="+", help="clip, picture or folder of them")
    add("-o", "--output", metavar="OUT", required=True, help="folder to write into")
    add_network_options(parser)
    add("--codec", metavar="C", help="encoder of the clips, for instance libx264, libx265, ffv1")
    add("--crf", type=int, metavar="N", help="quality of the clips, lower is better and larger")
    add("--workers", type=positive, metavar="N", help="pieces painted at once (default: one for each core)")
    add(
        "--cluster",
        metavar="ADDRESS",
        help="host:port of a Ray cluster's head, or auto for the one around here",
    )
    add("--quiet", action="store_true", help="no progress bar")
    add("--json", action="store_true", help="say what was done as one line of JSON")
    parser.set_defaults(run=run, **ABSENT)


def run(options: argparse.Namespace) -> int:
    """Repaint what the options name and say so in one line."""
    begin, target = time.perf_counter(), Path(options.output).resolve()
    # A core each: pieces side by side scale better than threads in one.
    options.threads = options.threads or 1
    videos, left_out = gather(options, target)
    with Store(target).held():
        with closing(open_engine(options)) as engine, progress_bar(options.quiet, None, smoothing=0) as bar:
            driver = Driver(videos, engine, bar)
            try:
                driver.run()
            except KeyboardInterrupt:
                tell("vst: run the same again to go on.")
                raise
            row = {**row_of(driver, left_out, time.perf_counter() - begin), "by": engine.told()}
        if not row["left_out"]:
            Store(target).clear()
        write_whole(target / "batch.json", json.dumps({**row, "files": file_rows(driver.courses)}, indent=1))
    print(json.dumps(row) if options.json else line_of(row, options.output))
    for line in Outcome(**{name: row[name] for name in ("left_out", "ends_early", "notes")}).lines():
        tell(f"vst: {line}")
    return 2 if row["left_out"] else 0


def gather(options: argparse.Namespace, target: Path) -> tuple[list[Video], dict[str, str]]:
    """The videos to paint, and what of the folders is left out; wrong options and names are a UserError."""
    painter = open_painter(options)
    identity, options.model = identify(options, painter), options.model and options.model.resolve()
    videos: dict[Path, Video] = {}
    left_out: dict[str, str] = {}
    for name in options.inputs:
        path = Path(name)
        if "://" in name or not path.exists():
            raise UserError(
                f"there is no file or folder {name}; name files of a disk that every worker sees."
            )
        make_folder(target, path if path.is_dir() else path.parent)
        entries = [path]
        if path.is_dir():
            found, reasons = readable(path, target)
            entries = [path / each for each in found]
            left_out |= {str(path / each): reason for each, reason in reasons.items()}
        for entry in entries:
            its = options_for(entry.resolve(), argparse.Namespace(**{**vars(options), "output": str(target)}))
            output = Path(its.output)
            if (other := videos.get(output)) is not None:
                raise UserError(
                    f"{entry} and {other.options.input} would both become {output.name}; rename one, or paint it into "
                    "another folder."
                )
            videos[output] = Video(sendable(its), identity)
    if not videos:
        raise UserError(f"{', '.join(options.inputs)} holds no picture or clip; name others.")
    return list(videos.values()), left_out


def sendable(options: argparse.Namespace) -> argparse.Namespace:
    """The same without what a worker has no use for, such as functions of ours."""
    away = ("run", "inputs", "workers", "cluster", "json", "_given")
    return argparse.Namespace(**{name: value for name, value in vars(options).items() if name not in away})


def open_engine(options: argparse.Namespace) -> Engine:
    """Whoever is to do the work."""
    if options.cluster is not None:
        try:
            from edge.batch.cluster import Cluster
        except ModuleNotFoundError as error:
            raise UserError(f"--cluster needs {error.name}; run: pip install 'keras-vst[cluster]'.") from None
        return Cluster(options.cluster, options.threads, options.workers)
    return Processes(options.workers or max(1, cores() // options.threads))


def row_of(driver: Driver, left_out: dict[str, str], seconds: float) -> dict[str, Any]:
    """What came of all of it, as `--json` prints it."""
    total = Outcome(left_out=dict(left_out))
    for course in driver.courses:
        if course.reason is None:
            total.add(course.outcome)
        else:
            total.left_out[course.video.options.input] = course.reason
    fine = [course for course in driver.courses if course.reason is None]
    painted = sum(course.outcome.frames for course in fine if not course.there)
    return {
        "videos": len(driver.courses),
        "painted": sum(not course.there for course in fine),
        "there": sum(course.there for course in fine),
        **total.row(),
        "pieces": sum(len(course.plan.pieces) for course in fine if course.plan),
        "pieces_found": sum(course.found for course in fine),
        "tried_again": driver.tried_again,
        "seconds": round(seconds, 3),
        "frames_per_second": round(painted / seconds, 2),
    }


def file_rows(courses: Sequence[Course]) -> list[dict[str, Any]]:
    """What became of each video, for batch.json."""
    return [
        {"input": course.video.options.input, "left_out": course.reason}
        if course.reason is not None
        else {
            "input": course.video.options.input,
            "output": str(course.video.output),
            "there": course.there,
            "pieces": len(course.plan.pieces) if course.plan else 0,
            **course.outcome.row(),
        }
        for course in courses
    ]


def line_of(row: dict[str, Any], output: str) -> str:
    """The row in words."""
    more = [f"{row['there']} there already"] if row["there"] else []
    more += [f"{len(row['left_out'])} left out"] if row["left_out"] else []
    more += (
        [f"{row['pieces_found']} of {counted(row['pieces'], 'piece')} found"] if row["pieces_found"] else []
    )
    more += [f"{counted(row['tried_again'], 'task')} tried again"] if row["tried_again"] else []
    also = f" ({', '.join(more)})" if more else ""
    return (
        f"{counted(row['painted'], 'file')} painted{also}, {counted(row['frames'], 'frame')} in "
        f"{row['seconds']:.1f} s, {row['frames_per_second']:.1f} frames per second, {row['by']}: {output}"
    )
