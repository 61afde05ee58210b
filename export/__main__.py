"""Turn a trained network into files that devices run, each proven equal to it before it is released.

    python -m export --run runs/mine --out build/mine
    python -m export --run runs/mine --out build/mine --formats tflite,onnx,savedmodel --sizes dynamic,640x360
    vst stylize clip.mp4 -o painted.mp4 --model build/mine/mine.tflite

Every file is played over a clip beside the Keras network and asked whether it is equal, as steady, fast and small as
it should be, and runs on other devices (export.html).  What fails is not released, what an earlier export released
stays, and the exit status is 1.  What the card should tell comes from a TOML file:

    title = "The Great Wave off Kanagawa"
    artist = "Katsushika Hokusai"
    year = 1831
    licence = "public domain"
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from keras_vst.errors import run_command

if TYPE_CHECKING:
    from export.results import Report


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and export; 0 done, 1 the gate refused a file, 2 the user's mistake."""
    arguments = _parser().parse_args(argv)
    stopped = "stopped; nothing unfinished was left behind."
    return run_command("export", lambda: _export(arguments), debug=arguments.debug, stopped=stopped)


def _export(arguments: argparse.Namespace) -> int:
    # TensorFlow takes seconds to import; --help need not wait for it.
    from export.artifact import QUICK, THOROUGH, Options, parse_size
    from export.release import PAGE, release

    options = Options(
        run=arguments.run,
        out=arguments.out,
        name=arguments.name or _name(arguments.run),
        formats=_words(arguments.formats),
        precisions=_words(arguments.precisions),
        sizes=tuple(parse_size(size) for size in _words(arguments.sizes)),
        runtimes=_words(arguments.runtime),
        about=arguments.about,
        scores=arguments.scores,
        clip=arguments.clip,
        calibrate=tuple(arguments.calibrate),
        effort=QUICK if arguments.quick else THOROUGH,
        install=arguments.install,
    )
    return _tell(release(options), options.out / PAGE)


def _tell(report: Report, page: Path) -> int:
    for file in report.files:
        print(file)
    print(f"{page}: the gate is {'passed' if report.passed else 'failed'}")
    if report.installed:
        print(f"{report.installed}: paint with `--style {report.name}`")
    for told in (*report.warnings(), *report.failures()):
        print(f"export: {told}", file=sys.stderr)
    if not report.files:
        print("export: nothing was released; what was there before still is.", file=sys.stderr)
    return 0 if report.passed else 1


def _name(run: Path) -> str:
    return run.resolve().stem if run.suffix == ".keras" else run.resolve().name


def _words(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m export", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    run = "a run of training, a .keras file or a SavedModel"
    add("--run", required=True, type=Path, metavar="RUN", help=run)
    add("--out", required=True, type=Path, metavar="DIR", help="where the files go; made if missing")
    add("--name", help="what the style is called; default: the run folder's name")
    add("--about", type=Path, metavar="FILE.toml", help="title, artist, year, licence and notes for the card")
    add("--scores", type=Path, metavar="FILE.json", help="for the card: the score.json of training.evaluate")
    add("--install", action="store_true", help="put what passed into your own zoo, where --style finds it")
    add("--debug", action="store_true", help="show the traceback of an error")

    add = parser.add_argument_group("what is made (LIST is separated by commas)").add_argument
    add("--formats", default="tflite", metavar="LIST", help="of tflite,onnx,savedmodel (default: tflite)")
    precisions = "of fp32,fp16,int8, for tflite (default: all it can have)"
    add("--precisions", default="", metavar="LIST", help=precisions)
    sizes = (
        "of frames, for tflite: WIDTHxHEIGHT for browsers and GPUs, or dynamic, which takes any (the default)"
    )
    add("--sizes", default="dynamic", metavar="LIST", help=sizes)
    clips = "clips like those to come, from which int8 learns its ranges (default: the bundled film)"
    add("--calibrate", type=Path, metavar="FILE", nargs="+", default=[], help=clips)

    add = parser.add_argument_group("how it is judged").add_argument
    runtimes = (
        "that must give the same pixels of a .tflite file, of litert,tflite-runtime, as far as they are installed "
        "(default: both); an .onnx file is always played by ONNX Runtime"
    )
    add("--runtime", default="litert,tflite-runtime", metavar="LIST", help=runtimes)
    add("--clip", type=Path, metavar="FILE", help="judge on a clip of your own instead of the bundled film")
    quick = "judge 12 small frames instead of 48, and time 20 instead of 300"
    add("--quick", action="store_true", help=quick)
    return parser


if __name__ == "__main__":
    sys.exit(main())
