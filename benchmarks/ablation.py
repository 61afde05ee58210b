"""What each term and each choice brings: one run of equal steps a row, scored on pictures and motion not seen.

    python -m benchmarks.ablation --style PICTURE --photos DIR --held-out DIR --out runs/ablation \
        [--steps 400] [--vgg16 FILE] [--only NAME ...]

Writes one JSON row and one strip (photos above, painted below) a choice, leaves rows that are there already, and at
last draws all strips into one sheet, strips.jpg, and prints the rows as a table.  Runs of a few hundred steps are too
short for a network to keep: the rows are for comparing with each other.  Steps are equal, minutes are told.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from keras_vst.features import load_vgg16
from keras_vst.frames import Pixels
from keras_vst.machine import processor
from keras_vst.runs import RunDirectory
from keras_vst.video.pictures import read_picture, write_picture
from training.evaluation import scorecard_pictures as pictures
from training.evaluation.material import SIZES, fitted, gather
from training.evaluation.measures import MEASURES, measure
from training.evaluation.subjects import find_subject, open_painter
from training.terms import DISCRIMINATOR, TERMS

COLLECTION = "collection"  # a choice that learns from a folder, which holds the one painting
LADDER = ("palette", "field", "temporal", "border", "grid")  # each added in turn to content and style
ADVERSARIAL = [name for name, term in TERMS.items() if DISCRIMINATOR in term.needs]
CHOICES: dict[str, tuple[str, ...]] = {  # the settings that differ from the recipe
    "content and style": tuple(f"loss.{term}=0" for term in LADDER),
    **{
        f"and {term}": tuple(f"loss.{later}=0" for later in LADDER[place + 1 :])
        for place, term in enumerate(LADDER)
    },
    "each batch by itself": ("loss.memory=0",),
    **{
        f"{term} twice as strong": (f"loss.{term}={2 * TERMS[term].weight}",)
        for term in ("style", "content", "temporal")
    },
    "larger strokes": ("data.style_side=768",),
    "judged at 128": ("schedule.judged_sizes=128",),
    "norms never held": ("schedule.norms_held_from=1",),
    "collection, no discriminators": (
        COLLECTION,
        *(f"loss.{term}=0" for term in (*ADVERSARIAL, "cycle", "identity")),
    ),
    "collection, discriminators": (COLLECTION,),
}
RECIPE = f"and {LADDER[-1]}"  # the whole ladder
ROW, STRIP = "row.json", "strip.png"
NUM_PHOTOS = 6
CAPTION = 28  # pixels


def main() -> None:
    """Train, score and show every choice that has no row yet."""
    options = _parser().parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    features = load_vgg16(options.vgg16)
    material = gather(str(options.held_out), [], NUM_PHOTOS, SIZES)
    painting = fitted(read_picture(options.style), SIZES.picture)
    for name in options.only or CHOICES:
        run = _folder(options.out, name)
        if not (run / ROW).exists():
            _train(run, CHOICES[name], options)
            painter = open_painter(find_subject(str(run)), threads=2)
            found = measure({name: painter}, material, painting, features)[name]
            minutes = RunDirectory(run).rows()[-1]["minutes"]
            numbers = {key: round(each, 4) for key, each in found.items()}
            row = {"choice": name, "minutes": minutes, **numbers, "processor": processor()}
            strip = pictures.sheet(material.photos, pictures.tiles(painter, material.photos))
            write_picture(run / STRIP, strip)
            (run / ROW).write_text(json.dumps(row) + "\n", encoding="utf-8")
        print((run / ROW).read_text(encoding="utf-8").strip(), flush=True)
    done = {name: run for name in CHOICES if ((run := _folder(options.out, name)) / ROW).exists()}
    draw_sheet(options.out / "strips.jpg", {name: run / STRIP for name, run in done.items()})
    print(table([json.loads((run / ROW).read_text(encoding="utf-8")) for run in done.values()]))


def table(rows: list[dict[str, Any]]) -> str:
    """The rows in Markdown."""
    columns = [key for key in MEASURES if all(key in row for row in rows)]
    titles = ["minutes", *(MEASURES[key].title for key in columns)]
    lines = [f"| | {' | '.join(titles)} |", "|---" * (len(titles) + 1) + "|"]
    for row in rows:
        numbers = [f"{row['minutes']:.1f}", *(f"{row[key]:.{MEASURES[key].digits}f}" for key in columns)]
        lines.append(f"| {row['choice']} | {' | '.join(numbers)} |")
    return "\n".join(lines)


def draw_sheet(path: Path, strips: dict[str, Path]) -> None:
    """The photos once, and what each choice painted of them, under its name."""
    found = {name: read_picture(strip) for name, strip in strips.items()}
    first = next(iter(found.values()))
    rows = [first[: pictures.TILE_HEIGHT]]
    for name, strip in found.items():
        rows += [_caption(name, strip.shape[1]), strip[pictures.TILE_HEIGHT :]]
    write_picture(path, np.concatenate(rows))


def _caption(text: str, width: int) -> Pixels:
    band: Any = np.full((CAPTION, width, 3), 255, np.uint8)
    cv2.putText(band, text, (8, CAPTION - 9), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (0, 0, 0), 1, cv2.LINE_AA)
    return band


def _folder(out: Path, name: str) -> Path:
    return out / name.replace(",", "").replace(":", "").replace(" ", "-")


def _train(run: Path, choice: tuple[str, ...], options: argparse.Namespace) -> None:
    """One run in a process of its own, so that the next one starts from a clean slate."""
    shutil.rmtree(run, ignore_errors=True)
    source = ["--style", str(options.style)]
    if COLLECTION in choice:  # of one picture, so that its rows compare with the others
        folder = options.out / COLLECTION
        folder.mkdir(exist_ok=True)
        shutil.copy(options.style, folder)
        source = ["--recipe", COLLECTION, "--collection", str(folder)]
    settings = [each for each in choice if each != COLLECTION]
    given = [f"--set={setting}" for setting in (f"schedule.steps={options.steps}", *settings)]
    words = ["--photos", str(options.photos), "--run", str(run), "--no-export", *given]
    vgg16 = ["--vgg16", options.vgg16] if options.vgg16 else []
    subprocess.run([sys.executable, "-m", "training.fit", *source, *words, *vgg16], check=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, told in (
        ("--style", "the painting"),
        ("--photos", "pictures to train on"),
        ("--held-out", "pictures to score on"),
        ("--out", "where rows, strips and runs go"),
    ):
        parser.add_argument(name, type=Path, required=True, help=told)
    parser.add_argument("--steps", type=int, default=400, help="of every run (default: 400)")
    parser.add_argument("--vgg16", help="ImageNet VGG16 weights; default: Keras's own")
    parser.add_argument(
        "--only", nargs="+", choices=list(CHOICES), metavar="NAME", help="these choices alone"
    )
    return parser


if __name__ == "__main__":
    main()
