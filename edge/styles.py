"""`vst styles`: what can be given as --style."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import Any

from keras_vst import zoo


def add_parser(commands: Any, parent: argparse.ArgumentParser) -> None:
    """Declare the subcommand."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "styles", parents=[parent], help="list the bundled styles"
    )
    parser.add_argument("--json", action="store_true", help="as a list of objects")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the bundled styles, one a line."""
    styles = zoo.styles()
    if options.json:
        print(json.dumps([asdict(style) for style in styles], ensure_ascii=False))
        return 0
    width = max((len(style.name) for style in styles), default=0)
    for style in styles:
        print(f"{style.name:{width}}  {style.title}, {style.artist}, {style.year} (network {style.network})")
    return 0
