"""What a finished run leaves besides its weights: the exported network, a strip of before and after, a score-card."""

from __future__ import annotations

import argparse
import subprocess
import sys
from typing import TYPE_CHECKING

from keras_vst.errors import UserError

if TYPE_CHECKING:
    from training.loop import Sitting


def finish(sitting: Sitting, arguments: argparse.Namespace) -> int:
    """Export through the gate, in a process of its own: training and export know each other by the run alone."""
    run, config = sitting.run, sitting.config
    if config.kind == "base" or arguments.no_export:
        print(f"Next: python -m export --run {run.path} --out DIR")
        return 0
    command = [sys.executable, "-m", "export", "--run", str(run.path), "--out", str(run.path), "--quick"]
    command += ["--vgg16", arguments.vgg16] if arguments.vgg16 else []
    command += ["--install"] if arguments.install else []
    try:
        done = subprocess.run(command, check=False)
    except OSError as error:
        raise UserError(f"python -m export could not be started: {error}. Start it yourself.") from error
    return done.returncode
