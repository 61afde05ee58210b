"""`vst styles`: what can be given as --style, as a list or on a picture of one's own."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from edge.arguments import add_command, positive
from edge.sheet import write_sheet
from keras_vst import zoo


def add_parser(commands: Any, parent: argparse.ArgumentParser) -> None:
    """Declare the subcommand."""
    parser = add_command(commands, parent, "styles", "list the styles, bundled and your own")
    parser.add_argument(
        "--sheet", type=Path, metavar="PHOTO", help="write PHOTO in every style as one picture"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("styles.png"),
        metavar="FILE.png",
        help="where the sheet goes (default: styles.png)",
    )
    parser.add_argument("--threads", type=positive, metavar="N", help="default: all cores, up to 4")
    parser.add_argument("--json", action="store_true", help="as a list of objects")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the styles, one a line, or write their sheet."""
    if options.sheet is not None:
        count = write_sheet(options.sheet, options.output, options.threads)
        print(f"{count} {'style' if count == 1 else 'styles'}: {options.output}")
        return 0
    styles, left_out = zoo.look_around()
    for reason in left_out:
        print(f"vst: left out: {reason}", file=sys.stderr)
    if options.json:
        print(json.dumps([style.about() for style in styles], ensure_ascii=False))
        return 0
    width = max((len(style.name) for style in styles), default=0)
    for style in styles:
        told = style.about()
        notes = [f"--quality {style.quality}"] * (style.quality != "live") + ["your own"] * style.own
        after = f" ({', '.join(notes)})" if notes else ""
        print(f"{style.name:{width}}  {told['title']}, {told['artist']}, {told['year']}{after}")
    return 0
