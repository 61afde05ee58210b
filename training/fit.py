"""`python -m training.fit`: start a run, or go on with one."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_vst import config as configuration
from keras_vst.config import RECIPES, RunConfig
from keras_vst.errors import UserError, run_command
from keras_vst.runs import RunDirectory
from training.arguments import KNOBS, inputs_of, knobs, parser
from training.inputs import SOURCES, Inputs

if TYPE_CHECKING:
    from training.loop import Sitting

LOG_EVERY = 20  # steps
SAVE_EVERY = 180.0  # seconds


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and train; 0 done, 2 the user's mistake, 130 interrupted."""
    arguments = parser().parse_args(argv)
    arguments.argv = sys.argv[1:] if argv is None else argv
    return run_command("training.fit", lambda: _run(arguments), debug=arguments.debug)


def configured(arguments: argparse.Namespace, inputs: Inputs) -> RunConfig:
    """The settings of a new run: a recipe or a file, the knobs, what its sources ask for, and --set."""
    if arguments.config and arguments.recipe:
        raise UserError("--recipe and --config both name the settings to start from. Leave one of them out.")
    base = configuration.load(arguments.config) if arguments.config else RECIPES[_recipe(arguments)]
    inputs.check(base.kind, _recipe(arguments))
    asked = [*inputs.overrides(base.kind), *knobs(arguments, base), *arguments.set]
    config = configuration.with_overrides(base, asked)
    inputs.check_use(config)
    return config


def _recipe(arguments: argparse.Namespace) -> str:
    """What config.json, the report and the card call the settings that the run started from."""
    return Path(arguments.config).name if arguments.config else arguments.recipe or "painting"


def _run(arguments: argparse.Namespace) -> int:
    if arguments.resume:
        return _resume(arguments)
    inputs = inputs_of(arguments)
    config = configured(arguments, inputs)
    if arguments.dry_run:
        from training.dryrun import describe  # TensorFlow takes seconds to import; mistakes need not wait

        print(describe(config, inputs, arguments.vgg16))
        return 0
    if not arguments.run:
        raise UserError("A run needs a folder to live in. Add --run runs/NAME.")
    return _start(arguments, config, inputs)


def _start(arguments: argparse.Namespace, config: RunConfig, inputs: Inputs) -> int:
    from training.initial import default_of

    run = RunDirectory(arguments.run)
    run.check_new()
    origin = arguments.init or default_of(config)
    about = {
        "recipe": _recipe(arguments),
        "command": shlex.join(["python", "-m", "training.fit", *arguments.argv]),
        "style": inputs.learned_from(),
        "inputs": inputs.to_dict(),
        "init": origin,
        "licences": inputs.manifests(),
    }
    sitting = _sit_down(run, config, inputs, arguments)
    sitting.start_from(origin)
    if sitting.devices.is_chief:
        run.create(config, {**about, "data": sitting.opened.about, "skipped": sitting.opened.skipped()})
    return _train(sitting, arguments)


def _resume(arguments: argparse.Namespace) -> int:
    given = [
        name
        for name in (*SOURCES, *KNOBS, "recipe", "config", "set", "init", "dry_run")
        if getattr(arguments, name)
    ]
    if given:
        raise UserError(
            f"--resume goes on with the settings and sources of the run; --{given[0].replace('_', '-')} would change "
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
    sitting = _sit_down(run, run.config(), inputs, arguments)
    if not run.has_checkpoint:
        sitting.start_from(record["init"])
    sitting.resume()
    return _train(sitting, arguments)


def _sit_down(run: RunDirectory, config: RunConfig, inputs: Inputs, arguments: argparse.Namespace) -> Sitting:
    from training.devices import Devices
    from training.loop import Sitting
    from training.sources import open_sources

    devices = Devices()
    devices.replica_config(config)  # refuses a batch that cannot be shared, before anything is decoded
    opened = open_sources(inputs, config, arguments.quiet)
    return Sitting(run, config, opened, devices, arguments.vgg16, arguments.quiet)


def _train(sitting: Sitting, arguments: argparse.Namespace) -> int:
    from training.watch import Trouble

    run, started = sitting.run, time.monotonic()
    try:
        finished = sitting.train(save_every=SAVE_EVERY, log_every=LOG_EVERY)
    except Trouble:
        _tell(sitting, False)  # what led there is what one wants to see
        raise
    if not sitting.devices.is_chief:
        return 0 if finished else 130
    if finished and sitting.config.kind == "perceptual" and not arguments.no_export:
        from training.finish import score

        run.amend(score=score(sitting, arguments.vgg16))
    _tell(sitting, finished)
    took = (time.monotonic() - started) / 60
    if not finished:
        print(
            f"\nStopped at step {sitting.trainer.step}. Continue: python -m training.fit --run {run.path} --resume"
        )
        return 130
    print(f"{run.path}: step {sitting.trainer.step}, {took:.1f} min. Look at {run.report_file}")
    if sitting.config.kind == "base" or arguments.no_export:
        print(f"Next: python -m export --run {run.path} --out DIR")
        return 0
    from training.finish import export

    return export(run, arguments.install)


def _tell(sitting: Sitting, finished: bool) -> None:
    """Write down what was noticed on the way, and the page that shows it all."""
    from training.report import write_report

    if not sitting.devices.is_chief:
        return
    warnings = list(dict.fromkeys([*sitting.run.record().get("warnings", []), *sitting.warnings]))
    told: dict[str, Any] = {"warnings": warnings, "skipped": sitting.opened.skipped(), "finished": finished}
    sitting.run.amend(**told)
    write_report(sitting.run)


def leave(status: int) -> None:
    """End the process; as one of several workers at once, for TensorFlow would wait for those that are gone."""
    sys.stdout.flush()
    sys.stderr.flush()
    if os.environ.get("TF_CONFIG"):
        os._exit(status)
    sys.exit(status)


if __name__ == "__main__":
    leave(main())
