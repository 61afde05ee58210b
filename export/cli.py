"""Turn a trained run into a .tflite file with its card.

    python -m export --run runs/mine --out build/mine
    vst stylize clip.mp4 -o painted.mp4 --model build/mine/mine.tflite

The file is compared with the Keras network over a clip, state and all, before it is released.  Titles,
artists and whatever else the card should tell come from a TOML file:

    [styles.painting]          # the style picture's file name without its ending
    name = "great-wave"        # what `vst stylize --style` calls it
    title = "The Great Wave off Kanagawa"
    artist = "Katsushika Hokusai"
    year = 1831
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from keras_vst.errors import UserError


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and export; 0 done, 1 a gate refused the file, 2 the user's mistake."""
    arguments = _parser().parse_args(argv)
    try:
        return _export(arguments)
    except UserError as error:
        if arguments.debug:
            raise
        print(f"export: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("export: stopped; nothing unfinished was left behind.", file=sys.stderr)
        return 130


def _export(arguments: argparse.Namespace) -> int:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's greeting would bury our one line
    from export.release import release  # TensorFlow takes seconds to import; --help need not wait for it

    name = arguments.name or arguments.run.resolve().name
    released = release(arguments.run, arguments.out, name, arguments.about)
    print(
        f"{released.path}: {released.size / 1024:.0f} KiB, equal to the Keras network within "
        f"{released.psnr:.0f} dB over {released.frames} frames"
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m export", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", required=True, type=Path, metavar="DIR", help="a run of training.fit")
    parser.add_argument(
        "--out", required=True, type=Path, metavar="DIR", help="where the files go; made if missing"
    )
    parser.add_argument("--name", help="what the network is called; default: the run folder's name")
    parser.add_argument(
        "--about", type=Path, metavar="FILE.toml", help="titles, artists and notes for the card"
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser
