"""`vst bench`: frames per second from file to file, and where the time goes, as one row."""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
from importlib.metadata import version
from pathlib import Path
from time import perf_counter as clock
from typing import Any

from edge.options import add_command, add_network_options
from edge.painter import Painted, Painter
from edge.style_choice import first_style, open_painter
from edge.threads import Pipeline
from keras_vst.errors import UserError
from keras_vst.files import SCENE
from keras_vst.machine import processor
from keras_vst.video import open_sink, open_source

WARM_UP = 10  # frames; the first ones fill caches and the decoder's and encoder's threads


def add_parser(commands: Any, parent: argparse.ArgumentParser) -> None:
    """Declare the subcommand."""
    parser = add_command(commands, parent, "bench", "measure frames per second on the bundled 640x360 clip")
    add_network_options(parser)
    parser.add_argument("--json", action="store_true", help="print the row as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Measure and print one row."""
    options.style = first_style(options)
    painter = open_painter(options)
    row = measure(painter)
    if options.json:
        print(json.dumps(row))
        return 0
    runner = f"{row['runtime']} {row['versions'][row['runtime']]}, {row['threads']} threads"
    print(f"{row['device']}, Python {row['python']}, {runner}")
    print(f"{row['frames_per_second']} frames per second at {row['size']}, network {row['network']}")
    print(painter.timeline.table())
    return 0


def measure(painter: Painter) -> dict[str, Any]:
    """Repaint the bundled clip into a throw-away file; the warm-up is not counted."""
    start, count = 0.0, 0

    def write(painted: Painted) -> None:
        nonlocal start, count
        sink.write(painted.after)
        count += 1
        if count == WARM_UP:
            painter.timeline.clear()
            start = clock()

    with (
        tempfile.TemporaryDirectory() as folder,
        open_source(SCENE) as source,
        open_sink(Path(folder) / "bench.mp4", source.info) as sink,
    ):
        Pipeline(source, [painter.start, painter.finish], write, timeline=painter.timeline).run()
        seconds = clock() - start
        size = f"{source.info.width}x{source.info.height}"
    if count <= WARM_UP:
        raise UserError(
            f"{SCENE} has {count} frames, but the warm-up takes {WARM_UP}; install the package again."
        )
    runtime = painter.network.runtime
    return {
        "device": processor(),
        "python": platform.python_version(),
        "runtime": runtime.name,
        "versions": {runtime.name: runtime.version, **{name: version(name) for name in ("numpy", "av")}},
        "threads": painter.network.threads,
        "size": size,
        "network": painter.name,
        "frames": count - WARM_UP,
        "frames_per_second": round((count - WARM_UP) / seconds, 2),
        "milliseconds": painter.timeline.milliseconds(),
    }
