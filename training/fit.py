"""Train a network of your own from one picture (or several: one style each).

    python -m training.fit --style painting.jpg --photos photos/ --run runs/mine
    python -m training.fit --run runs/mine --resume

Photos are what the network learns to paint over: a few hundred of anything.  Look at runs/mine/samples
while it runs; stop with Ctrl-C whenever you like, --resume continues.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from keras_vst import config as configuration
from keras_vst.config import RECIPES, RunConfig
from keras_vst.errors import UserError

LOG_EVERY = 20  # steps
SAVE_EVERY = 180.0  # seconds


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and train; 0 done, 2 the user's mistake, 130 interrupted."""
    arguments = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # to be told to end saves, as Ctrl-C does
    try:
        return _run(arguments)
    except UserError as error:
        if arguments.debug:
            raise
        print(f"training.fit: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # before the first step: there is nothing to save yet
        print("training.fit: stopped.", file=sys.stderr)
        return 130


def _run(arguments: argparse.Namespace) -> int:
    if arguments.resume:
        return _train(arguments, None)
    if not arguments.style:
        raise UserError("A new run needs --style PICTURE; to continue one, add --resume.")
    base = configuration.load(arguments.config) if arguments.config else RECIPES[arguments.recipe]
    overrides = [*arguments.set, f"student.num_styles={len(arguments.style)}"]
    config = configuration.with_overrides(base, overrides)
    if arguments.dry_run:
        print(json.dumps(configuration.to_dict(config), indent=2))
        return 0
    if not arguments.photos:
        raise UserError("A new run needs --photos FOLDER: a few hundred pictures of anything.")
    return _train(arguments, config)


def _train(arguments: argparse.Namespace, config: RunConfig | None) -> int:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's greeting would bury our own lines
    from keras_vst.runs import RunDirectory
    from training.loop import Sitting  # TensorFlow takes seconds to import; --help and mistakes need not wait

    run = RunDirectory(arguments.run)
    if config is None:
        record = run.record()
        sitting = Sitting(run, run.config(), record["styles"], record["photos"], arguments.vgg16)
        run.restore(sitting.trainer)
    else:
        styles = [_about(Path(path)) for path in arguments.style]
        sitting = Sitting(run, config, styles, arguments.photos, arguments.vgg16)
        run.create(
            config, {"recipe": arguments.recipe, "styles": styles, "photos": str(Path(arguments.photos))}
        )
    started = time.monotonic()
    finished = sitting.train(save_every=SAVE_EVERY, log_every=LOG_EVERY, quiet=arguments.quiet)
    took = (time.monotonic() - started) / 60
    if finished:
        print(f"{run.path}: step {sitting.trainer.step}, {took:.1f} min.")
        print(f"Next: python -m export --run {run.path} --out DIR")
        return 0
    print(
        f"\nStopped at step {sitting.trainer.step}. Continue: python -m training.fit --run {run.path} --resume"
    )
    return 130


def _about(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise UserError(f"--style needs a picture. There is no file {path}.")
    return {"name": path.stem, "file": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.fit",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--run", required=True, metavar="DIR", help="where the run lives: settings, checkpoints, strips"
    )
    parser.add_argument(
        "--style", nargs="+", metavar="PICTURE", help="the painting; several make one style each"
    )
    parser.add_argument("--photos", metavar="DIR", help="pictures to learn on; subfolders are searched too")
    parser.add_argument(
        "--recipe", choices=sorted(RECIPES), default="painting", help="settings to start from"
    )
    parser.add_argument(
        "--config", metavar="FILE", help="settings from a .toml or .json file instead of a recipe"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change one: loss.style=8"
    )
    parser.add_argument(
        "--vgg16", metavar="FILE", help="ImageNet VGG16 weights (.npz or .h5); default: Keras's own"
    )
    parser.add_argument("--resume", action="store_true", help="continue the run in --run")
    parser.add_argument("--dry-run", action="store_true", help="print the settings and stop")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


if __name__ == "__main__":
    sys.exit(main())
