"""python -m keras_vst.scene: write the film as a clip."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from keras_vst.errors import UserError
from keras_vst.scene import CUT, FPS, NUM_FRAMES, Scene
from keras_vst.scene.record import record

_EPILOG = f"""\
The film: {NUM_FRAMES} frames at {FPS} a second, with a cut at frame {CUT} and a soundtrack. It is drawn by
this program alone, so that it may be used for anything. The same seed draws the same film.

examples:
  python -m keras_vst.scene --out scene.mp4                         the clip that is bundled, under 1 MB
  python -m keras_vst.scene --out large.mp4 --size 1280x720         the same film, drawn finer
  python -m keras_vst.scene --out other.mp4 --seed 7 --crf 16       other houses and clouds, better quality

Frames and their true optical flow, in Python:
  from keras_vst.scene import Scene
  frame, (flow, visible) = Scene().frame(30), Scene().flow(30)
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m keras_vst.scene",
        description="Render the project's own short film (harbour by day, hillside at dusk) into an MP4.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.mp4", help="the file to write")
    parser.add_argument("--size", default="640x360", metavar="WxH", help="both even (default: 640x360)")
    parser.add_argument("--seed", type=int, default=0, help="which film to draw (default: 0)")
    parser.add_argument(
        "--crf",
        type=int,
        default=20,
        metavar="0-51",
        help="H.264 quality; 6 more halves the file (default: 20)",
    )
    options = parser.parse_args(arguments)
    try:
        width, height = _size(options.size)
        record(options.out, Scene(width, height, options.seed), options.crf)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{options.out}: {NUM_FRAMES} frames, {width}x{height}, {options.out.stat().st_size:,} bytes")
    return 0


def _size(text: str) -> tuple[int, int]:
    width, cross, height = text.lower().partition("x")
    if cross and width.isdecimal() and height.isdecimal() and int(width) and int(height):
        return int(width), int(height)
    raise UserError(f"--size takes WIDTHxHEIGHT in pixels. Received: '{text}'. Use e.g. 640x360.")


if __name__ == "__main__":
    raise SystemExit(main())
