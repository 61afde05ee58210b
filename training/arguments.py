"""The command line of training.fit: its options, and what --help teaches."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from keras_vst.config import SIZES, RunConfig, StudentConfig
from keras_vst.errors import UserError
from training.inputs import Inputs, keyframe
from training.looks import LOOKS
from training.recipes import RECIPES

GUIDE = """Train a network of your own: from a picture, a folder, a clip, or frames that an artist painted.

    python -m training.fit --style painting.jpg --run runs/mine
    vst stylize clip.mp4 -o painted.mp4 --model runs/mine/mine.tflite

It begins from a bundled network that can see already, and takes about ten minutes on two cores with bfloat16, half
an hour to an hour without.  What it learns to paint over are photos: some are made by the program; your own, a few
hundred of anything, are better (--photos DIR).  Look at runs/mine/samples while it runs, or at TensorBoard
(tensorboard --logdir runs); stop with Ctrl-C whenever you like, --resume continues.  At the end runs/mine holds the
exported network, a strip of before and after, and report.html.
"""

RECIPES_HELP = """recipes, and what each of them needs:
  painting    one picture; several are one style together
                --style painting.jpg
  collection  a folder of pictures of one hand, with discriminators
                --recipe collection --collection monet/ --photos photos/
  clip        a style clip: its frames are the collection, its motion counts too
                --recipe clip --collection cartoon.mp4 --photos photos/
  film        the large network for film, steadied by optical flow
                --recipe film --style painting.jpg --clips footage/
  keyframes   one to five frames of a clip as an artist painted them: a network for that clip, in minutes
                --recipe keyframes --keyframe walk.mp4@12=painted_12.png --clips walk.mp4
  distil      what another network paints: a smaller student, in a fifth of the time (training.distil)
                --recipe distil --teacher great-wave --size small
  look        black and white, film stock, night, pencil: what a pipeline makes of photos
                --recipe look --look silver --photos photos/
  base        what all styles of a student begin from: it gives the frame back
                --recipe base --photos photos/ --set student.channels=8,16,32
  smoke       `painting` so small that it runs in seconds: to try the commands

several devices: all GPUs of a machine are used; on several machines run the same command on each, with
TF_CONFIG set and --run on a disk that all of them see.  docs/training.md tells more.
"""
KNOBS = {  # and the terms that each turns
    "strokes": ("style", "palette", "field", "adversarial"),
    "faithful": ("content", "style"),
    "calm": ("temporal",),
}
UNTURNED = {  # kinds that look at no style picture, and what works in a knob's place
    "base": "gives the frame back; turn it in the runs that begin from that",
    "look": "learns what a pipeline makes of photos; only --calm works, where loss.temporal weighs something",
    "distil": "learns what its teacher paints; turn it where that is trained, or for calm --set loss.steadier=32",
    "keyframes": "learns frames as they were painted; paint them so, or for calm add --clips CLIP",
}
STYLE_SIDES = 128, 1536  # pixels: between them a painting still looks like itself to VGG16


def parser() -> argparse.ArgumentParser:
    """The options, in the order in which one meets them."""
    found = described("training.fit", GUIDE, RECIPES_HELP)
    add_run(found)
    add = found.add_argument
    add("--recipe", choices=sorted(RECIPES), help="settings to start from; default: painting")
    _add_sources(found.add_argument_group("what it is trained from"))
    _add_knobs(found.add_argument_group("knobs (factors; 1 is the recipe)"))
    add_settings(found.add_argument_group("settings"))
    add_running(found.add_argument_group("running"))
    return found


def described(program: str, guide: str, epilog: str = "") -> argparse.ArgumentParser:
    """A command by its name and what --help teaches."""
    kept = argparse.RawDescriptionHelpFormatter
    found = argparse.ArgumentParser(f"python -m {program}", None, guide, epilog, formatter_class=kept)
    found.set_defaults(program=program)
    return found


def add_run(found: argparse.ArgumentParser) -> None:
    """Of a command that makes a run."""
    told = "where the run lives: settings, checkpoints, strips, report"
    found.add_argument("--run", metavar="DIR", help=told)


def inputs_of(arguments: argparse.Namespace) -> Inputs:
    """The sources that were named."""
    return Inputs(
        style=tuple(arguments.style or ()),
        collection=arguments.collection or "",
        keyframe=tuple(keyframe(text) for text in arguments.keyframe or ()),
        teacher=arguments.teacher or "",
        pictures=_pictures(arguments),
        look=arguments.look or "",
        photos=arguments.photos or "",
        clips=tuple(arguments.clips or ()),
        cache=arguments.cache or "",
    )


def _pictures(arguments: argparse.Namespace) -> str:
    """Where what the teacher paints is kept: in the run, unless other students are to have it too."""
    return arguments.pictures or (str(Path(arguments.run or ".") / "teacher") if arguments.teacher else "")


def knobs(arguments: argparse.Namespace, config: RunConfig, recipe: str) -> list[str]:
    """What --size, --strokes, --faithful and --calm ask for, as overrides of the recipe's settings."""
    from training.terms import weight_of  # imports Keras

    if arguments.size and config.kind == "film":
        raise UserError(
            f"--size is of the student, and recipe {recipe} trains the large network for film. "
            "Leave it out; --set teacher.channels=16,32,64,96 makes that smaller."
        )
    strokes, faithful, calm = (getattr(arguments, name) or 1.0 for name in KNOBS)
    found = sized(SIZES[arguments.size]) if arguments.size else []
    if strokes != 1:
        _check_knob("strokes", config, recipe)
        side = round(config.data.style_side * strokes)
        found.append(f"data.style_side={min(max(side, STYLE_SIDES[0]), STYLE_SIDES[1])}")
    if faithful != 1:
        _check_knob("faithful", config, recipe)
        found.append(f"loss.content={weight_of('content', config) * faithful}")
        found.append(f"loss.style={weight_of('style', config) / faithful**0.5}")
    if calm != 1:
        _check_knob("calm", config, recipe)
        found.append(f"loss.temporal={weight_of('temporal', config) * calm}")
    return found


def _check_knob(name: str, config: RunConfig, recipe: str) -> None:
    """Refuse a knob that would turn nothing, and say what would work in its place."""
    from training.terms import TERMS, weight_of

    terms, weighs = KNOBS[name], any(weight_of(term, config) > 0 for term in KNOBS[name])
    if config.kind in UNTURNED and not (weighs and name == "calm"):
        raise UserError(f"--{name} turns nothing in recipe {recipe}, which {UNTURNED[config.kind]}.")
    if not weighs:
        raise UserError(
            f"--{name} turns nothing in recipe {recipe}, which gives no weight to loss.{' and loss.'.join(terms)}. "
            f"Leave it out and --set loss.{terms[0]}={TERMS[terms[0]].weight:g}."
        )


def check_strokes(arguments: argparse.Namespace, base: RunConfig, config: RunConfig, recipe: str) -> None:
    """Refuse --strokes where pictures of a collection cannot be made smaller for it."""
    from training.sources import ROOM, collection_side

    if config.kind != "adversarial" or (arguments.strokes or 1.0) == 1:
        return
    clip, judged = Path(arguments.collection).is_file(), config.schedule.judged_size
    before = replace(config, data=replace(config.data, style_side=base.data.style_side))
    if (side := collection_side(config, clip)) == collection_side(before, clip):
        fits = int(config.data.style_side / (2 * ROOM if clip else 2)) // 8 * 8
        raise UserError(
            f"--strokes {arguments.strokes:g} turns nothing in recipe {recipe}: its pictures keep {side} pixels, the "
            f"fewest for schedule.judged_size={judged}. Add --set schedule.judged_size={fits}, or leave it out."
        )


def sized(chosen: StudentConfig) -> list[str]:
    """A student of that size, as overrides."""
    return [
        f"student.channels={','.join(map(str, chosen.channels))}",
        f"student.num_blocks={chosen.num_blocks}",
    ]


def _number(low: float, high: float, wanted: str) -> Callable[[str], float]:
    """A type for argparse: a number between the two."""

    def number(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{wanted} is needed; {text!r} came")
        return value

    return number


FACTOR = _number(0.1, 10, "a factor from 0.1 to 10, of which 1 changes nothing,")
MINUTES = _number(0.1, 10000, "a number of minutes from 0.1 to 10000")


def _add_sources(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    several: dict[str, Any] = {"nargs": "+", "action": "extend"}
    add("--style", **several, metavar="PICTURE", help="the painting; several are one style together")
    add("--collection", metavar="PATH", help="a folder of pictures of one hand, or a style clip")
    told = "a frame (picture, or CLIP@NUMBER) and its painting"
    add("--keyframe", **several, metavar="FRAME=PAINTED", help=told)
    add("--look", metavar="NAME", help=f"a pipeline of the program: {', '.join(LOOKS)}")
    add_teacher(group)
    add("--clips", **several, metavar="PATH", help="clips to learn on, or folders of them: real motion")
    told = "where decoded clips are kept for the next run; at most data.cache_gb"
    add("--cache", metavar="DIR", help=told)


def add_teacher(group: argparse._ArgumentGroup) -> None:
    """Another network to learn from, and the photos that both paint."""
    add = group.add_argument
    add("--teacher", metavar="NETWORK", help="learn from its pictures: a style, a network file, or a run")
    add("--pictures", metavar="DIR", help="where these are kept, for other students too; default: in the run")
    add("--photos", metavar="DIR", help="pictures to learn on; subfolders are searched too")


def _add_knobs(group: argparse._ArgumentGroup) -> None:
    for name, told in (
        ("--strokes", "how large: 1.5 makes strokes half as large again"),
        ("--faithful", "how much of the scene is kept: 2 keeps faces, 0.5 is bold"),
        ("--calm", "how steady: 2 for footage that still flickers"),
    ):
        group.add_argument(name, type=FACTOR, metavar="X", help=told)


def add_settings(group: argparse._ArgumentGroup) -> None:
    """Size, settings, and where VGG16 is."""
    add = group.add_argument
    add("--config", metavar="FILE", help="settings from a .toml or .json file (a run's config.json, too)")
    add("--size", choices=list(SIZES), help="of the student: a third of the time, the usual, twice the time")
    told = "change one: loss.style=8; again for more"
    add("--set", action="append", default=[], metavar="KEY=VALUE", help=told)
    add("--vgg16", metavar="FILE", help="ImageNet VGG16 weights (.npz or .h5); default: Keras's own")


def add_running(group: argparse._ArgumentGroup) -> None:
    """Where it begins, whether it goes on, and what comes after."""
    told = "start from another run or a .tflite file of this student; default: the bundled base; none: from nothing"
    group.add_argument("--init", metavar="RUN", help=told)
    told = "as many steps as fit into so long here, in place of schedule.steps"
    group.add_argument("--minutes", type=MINUTES, metavar="N", help=told)
    for name, told in (
        ("--resume", "continue the run in --run"),
        ("--dry-run", "print settings, sizes and the time it would take; write nothing"),
        ("--install", "put the style into your own zoo: vst --style NAME finds it"),
        ("--no-export", "leave it at the weights: no score-card, no exported network"),
        ("--quiet", "no progress bar"),
        ("--debug", "show the traceback of an error"),
    ):
        group.add_argument(name, action="store_true", help=told)
