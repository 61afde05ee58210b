"""The command line of training.fit: its options, and what --help teaches."""

from __future__ import annotations

import argparse

from keras_vst.config import RECIPES
from training.inputs import Inputs, keyframe

GUIDE = """Train a network of your own: from a picture, a folder, a clip, or frames that an artist painted.

    python -m training.fit --style painting.jpg --photos photos/ --run runs/mine
    python -m training.fit --run runs/mine --resume

What it learns to paint over are photos: a few hundred of anything; without --photos they are made by the
program.  Look at runs/mine/samples while it runs, or at TensorBoard (tensorboard --logdir runs); stop with Ctrl-C
whenever you like, --resume continues.  At the end, runs/mine/report.html tells what came of it.
"""

RECIPES_HELP = """recipes, and what each of them needs:
  painting    one picture, a network of one style
                --style painting.jpg
  palette     several pictures, a style each, to be blended at run time
                --recipe palette --style wave.jpg night.jpg field.jpg
  collection  a folder of pictures of one hand: passes for one of them
                --recipe collection --collection monet/ --photos photos/
  clip        a style clip: its frames are the collection, its motion counts too
                --recipe clip --collection cartoon.mp4 --photos photos/
  film        the large network for film, steadied by optical flow
                --recipe film --style painting.jpg --clips footage/
  keyframes   one to five frames of a clip as an artist painted them: a network for that clip, in minutes
                --recipe keyframes --keyframe walk.mp4@12=painted_12.png --clips walk.mp4
  smoke       `painting` so small that it runs in seconds: to try the commands

several devices: all GPUs of a machine are used; on several machines run the same command on each, with
TF_CONFIG set and --run on a disk that all of them see.  docs/training.md tells more.
"""


def parser() -> argparse.ArgumentParser:
    """The options, in the order in which one meets them."""
    found = argparse.ArgumentParser(
        prog="python -m training.fit",
        description=GUIDE,
        epilog=RECIPES_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    found.add_argument(
        "--run", metavar="DIR", help="where the run lives: settings, checkpoints, strips, report"
    )
    found.add_argument(
        "--recipe",
        choices=sorted(RECIPES),
        default="painting",
        help="settings to start from; default: painting",
    )
    _add_sources(found.add_argument_group("what it is trained from"))
    _add_settings(found.add_argument_group("settings"))
    _add_running(found.add_argument_group("running"))
    return found


def inputs_of(arguments: argparse.Namespace) -> Inputs:
    """The sources that were named."""
    return Inputs(
        style=tuple(arguments.style or ()),
        collection=arguments.collection or "",
        keyframe=tuple(keyframe(text) for text in arguments.keyframe or ()),
        photos=arguments.photos or "",
        clips=tuple(arguments.clips or ()),
        cache=arguments.cache or "",
    )


def _add_sources(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--style",
        nargs="+",
        action="extend",
        metavar="PICTURE",
        help="the painting; several make one style each",
    )
    group.add_argument(
        "--collection", metavar="PATH", help="a folder of pictures of one hand, or a style clip"
    )
    group.add_argument(
        "--keyframe",
        nargs="+",
        action="extend",
        metavar="FRAME=PAINTED",
        help="a frame (picture, or CLIP@NUMBER) and its painting",
    )
    group.add_argument("--photos", metavar="DIR", help="pictures to learn on; subfolders are searched too")
    group.add_argument(
        "--clips",
        nargs="+",
        action="extend",
        metavar="PATH",
        help="clips to learn on, or folders of them: real motion",
    )
    group.add_argument(
        "--cache", metavar="DIR", help="where decoded clips are kept for the next run; at most data.cache_gb"
    )


def _add_settings(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--config", metavar="FILE", help="settings from a .toml or .json file (a run's config.json, too)"
    )
    group.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change one: loss.style=8; again for more",
    )
    group.add_argument(
        "--vgg16", metavar="FILE", help="ImageNet VGG16 weights (.npz or .h5); default: Keras's own"
    )


def _add_running(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--resume", action="store_true", help="continue the run in --run")
    group.add_argument(
        "--init",
        metavar="RUN[:N]",
        help="start from the weights of another run, or of its Nth style alone, to turn it to a new style",
    )
    group.add_argument(
        "--dry-run",
        action="store_true",
        help="print settings, sizes and the time it would take; write nothing",
    )
    group.add_argument("--quiet", action="store_true", help="no progress bar")
    group.add_argument("--debug", action="store_true", help="show the traceback of an error")
