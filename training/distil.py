"""`python -m training.distil`: a student learns what another network paints, without the painting."""

from __future__ import annotations

import argparse
import sys

from keras_vst.errors import UserError, run_command
from keras_vst.runs import RunDirectory
from training import fit
from training.arguments import add_run, add_running, add_settings, add_teacher, described, parser

GUIDE = """Teach a student what another network paints: a smaller one for phones, or a pruned one what it has lost.

    python -m training.distil --teacher great-wave --size small --run runs/great-wave-small
    vst stylize clip.mp4 -o painted.mp4 --model runs/great-wave-small/great-wave-small.tflite

The teacher may be any style of the zoo, .tflite or .onnx file, or run, of film quality too.  It paints some thousand
short clips, made from the photos, once (a minute or two); the student then learns to paint them alike and as steadily.
VGG16 is looked through in one step of ten, so a step takes a fifth of the time of one of training.fit.  Everything
else is as there: samples, report, Ctrl-C and --resume.  Students of one size that began from one base can be mixed.
"""


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and train; 0 done, 2 the user's mistake, 130 interrupted."""
    arguments = _parser().parse_args(argv)
    arguments.argv = sys.argv[1:] if argv is None else argv
    return run_command("training.distil", lambda: _run(arguments), debug=arguments.debug)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.resume and arguments.run:
        kind = RunDirectory(arguments.run).config().kind
        if kind != "distil":
            raise UserError(
                f"{arguments.run} is a run of kind={kind}, which has no teacher. Go on with it by "
                "`python -m training.fit --resume`, or name another folder."
            )
    if not (arguments.resume or arguments.config):
        arguments.recipe = "distil"
    return fit.run(arguments)


def _parser() -> argparse.ArgumentParser:
    found = described("training.distil", GUIDE)
    add_run(found)
    # Of what only training.fit asks for, the defaults.
    found.set_defaults(**vars(parser().parse_args([])) | {"program": "training.distil"})
    add_teacher(found.add_argument_group("what it learns from"))
    add_settings(found.add_argument_group("settings"))
    add_running(found.add_argument_group("running"))
    return found


if __name__ == "__main__":
    fit.leave(main())
