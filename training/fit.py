"""`python -m training.fit`: start a run, or go on with one, and hand what is finished to export."""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_vst.config import RunConfig
from keras_vst.config import overrides as configuration
from keras_vst.errors import UserError, own_stderr, run_command, tell
from keras_vst.runs import RunDirectory
from keras_vst.zoo import RIGHTS
from training.arguments import KNOBS, check_strokes, inputs_of, knobs, parser
from training.inputs import SOURCES, Inputs
from training.recipes import RECIPES

if TYPE_CHECKING:
    from training.loop import Session

# TensorFlow takes seconds to import, and most mistakes need not wait for it: hence the imports within functions.
LOG_EVERY = 20  # steps
SAVE_EVERY = 180.0  # seconds
REFUSED = 1  # what export leaves with where the gate refused a file
SCORED, SCORED_SIDE = 4, 768  # photos that the score-card looks at, and their shorter side


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and train; 0 done, 2 the user's mistake, 130 interrupted."""
    arguments = parser().parse_args(argv)
    arguments.argv = sys.argv[1:] if argv is None else argv
    return run_command("training.fit", lambda: run(arguments), debug=arguments.debug)


def configured(arguments: argparse.Namespace, inputs: Inputs) -> RunConfig:
    """The settings of a new run: a recipe or a file, the knobs, what its sources ask for, and --set."""
    if arguments.config and arguments.recipe:
        raise UserError("--recipe and --config both name the settings to start from. Leave one of them out.")
    base = configuration.load(arguments.config) if arguments.config else RECIPES[_recipe(arguments)]
    inputs.check(base.kind, _recipe(arguments))
    from training.terms import completed

    base = configuration.with_overrides(base, inputs.overrides(base.kind))
    asked = [*knobs(arguments, base, _recipe(arguments)), *arguments.set]
    config = completed(configuration.with_overrides(base, asked))
    inputs.check_use(config)
    check_strokes(arguments, base, config, _recipe(arguments))
    return config


def _recipe(arguments: argparse.Namespace) -> str:
    """What config.json, the report and the card call the settings that the run started from."""
    return Path(arguments.config).name if arguments.config else arguments.recipe or "painting"


def run(arguments: argparse.Namespace) -> int:
    """Train what parsed arguments ask for."""
    if arguments.resume:
        return _resume(arguments)
    inputs = inputs_of(arguments)
    config = configured(arguments, inputs)
    if arguments.dry_run:
        from training.dryrun import describe

        print(describe(config, inputs, arguments.vgg16))
        return 0
    if not arguments.run:
        raise UserError("A run needs a folder to live in. Add --run runs/NAME.")
    if arguments.minutes:
        from training.dryrun import within

        RunDirectory(arguments.run).check_new()
        config = within(arguments.minutes, config, inputs, arguments.vgg16)
    return _start(arguments, config, inputs)


def _start(arguments: argparse.Namespace, config: RunConfig, inputs: Inputs) -> int:
    from training.first_weights import default_origin

    run = RunDirectory(arguments.run)
    run.check_new()
    origin = arguments.init or default_origin(config)
    about = {
        "recipe": _recipe(arguments),
        "command": shlex.join(["python", "-m", arguments.program, *arguments.argv]),
        "style": inputs.learned_from(),
        "inputs": inputs.to_dict(),
        "init": origin,
        "licences": inputs.manifests(),
    }
    session = _session(run, config, inputs, arguments)
    session.start_from(origin)
    if session.devices.is_chief:
        run.create(config, {**about, "data": session.opened.about, "skipped": session.opened.skipped()})
        if inputs.learned_from() and not inputs.look:
            tell(f"training.fit: {RIGHTS}")
    return _train(session, arguments)


def _resume(arguments: argparse.Namespace) -> int:
    for name in (
        *SOURCES,
        *KNOBS,
        "pictures",
        "size",
        "recipe",
        "config",
        "set",
        "init",
        "minutes",
        "dry_run",
    ):
        if getattr(arguments, name):
            raise UserError(
                f"--resume goes on with the settings and sources of the run; --{name.replace('_', '-')} would change "
                "them. Leave it out, or start a new run with --init and the old one."
            )
    if not arguments.run:
        raise UserError("--resume needs the folder of the run. Add --run runs/NAME.")
    run = RunDirectory(arguments.run)
    record = run.record()
    if "inputs" not in record:
        raise UserError(f"{run.path} was made by an older version. Start a new run with --init {run.path}.")
    inputs = Inputs.from_dict(record["inputs"])
    if arguments.cache:
        inputs = replace(inputs, cache=arguments.cache)
    session = _session(run, run.config(), inputs, arguments)
    if not run.has_checkpoint:
        session.start_from(record["init"])
    session.resume()
    return _train(session, arguments)


def _session(run: RunDirectory, config: RunConfig, inputs: Inputs, arguments: argparse.Namespace) -> Session:
    from training.devices import Devices
    from training.loop import Session
    from training.sources import open_sources

    devices = Devices()
    devices.replica_config(config)  # refuses a batch that cannot be shared, before anything is decoded
    opened = open_sources(inputs, config, arguments.quiet, devices.chief_first())
    return Session(run, config, opened, devices, arguments.vgg16, arguments.quiet)


def _train(session: Session, arguments: argparse.Namespace) -> int:
    from training.watch import Trouble

    run, started = session.run, time.monotonic()
    try:
        finished = session.train(save_every=SAVE_EVERY, log_every=LOG_EVERY)
    except Trouble:
        _write_down(session, False)  # what led there is what one wants to see
        raise
    if not session.devices.is_chief:
        return 0 if finished else 130
    if finished and session.config.kind == "perceptual" and not arguments.no_export:
        run.amend(score=score(session, arguments.vgg16))
    _write_down(session, finished)
    took = (time.monotonic() - started) / 60
    if not finished:
        print(
            f"\nStopped at step {session.trainer.step}. "
            f"Continue: python -m {arguments.program} --run {run.path} --resume"
        )
        return 130
    print(f"{run.path}: step {session.trainer.step}, {took:.1f} min. Look at {run.report_file}")
    if session.config.kind == "base" or arguments.no_export:
        print(f"Next: python -m export --run {run.path} --out DIR")
        return 0
    return export(run, arguments.install)


def _write_down(session: Session, finished: bool) -> None:
    """What was noticed on the way, and the page that shows it all."""
    from training.report import write_report

    if not session.devices.is_chief:
        return
    warnings = list(dict.fromkeys([*session.run.record().get("warnings", []), *session.warnings]))
    told: dict[str, Any] = {"warnings": warnings, "skipped": session.opened.skipped(), "finished": finished}
    session.run.amend(**told)
    for line in told["skipped"]["files"]:
        tell(f"left out: {line}")
    if more := told["skipped"]["count"] - len(told["skipped"]["files"]):
        tell(f"left out: {more} more")
    write_report(session.run)


def score(session: Session, vgg16: str | None) -> dict[str, float]:
    """The numbers of a score-card, on photos of the run: what it has seen, so better than on others."""
    import keras
    import numpy as np

    from keras_vst.features import load_vgg16
    from keras_vst.frames import to_uint8
    from keras_vst.networks.keras import KerasNetwork
    from training.evaluation.measures import quick_score

    photos, rng = session.opened.sources.photos, np.random.default_rng(0)
    keras.config.set_dtype_policy("float32")
    return quick_score(
        KerasNetwork(session.trainer.averaged).paint,
        to_uint8(session.opened.references[0][0]),
        [photos.draw(rng, SCORED_SIDE) for _ in range(SCORED)],
        load_vgg16(vgg16),
    )


def export(run: RunDirectory, install: bool) -> int:
    """Through the gate, in a process of its own: training and export know each other by the run alone.

    0 where the network itself is out, even if one of its smaller files was refused, which export has told.
    """
    folder = str(run.path)
    command = [sys.executable, "-m", "export", "--run", folder, "--out", folder, "--quick"]
    command += ["--install"] if install else []
    try:
        status = subprocess.run(command, check=False, stderr=own_stderr()).returncode
    except OSError as error:
        raise UserError(f"python -m export could not be started: {error}. Start it yourself.") from error
    network = run.path / f"{run.path.resolve().name}.tflite"
    if status == REFUSED and network.is_file():
        print(f"{network} is there all the same.")
        return 0
    return status


def leave(status: int) -> None:
    """End the process; as one of several workers at once, for TensorFlow would wait for those that are gone."""
    sys.stdout.flush()
    sys.stderr.flush()
    if os.environ.get("TF_CONFIG"):
        os._exit(status)
    sys.exit(status)


if __name__ == "__main__":
    leave(main())
