"""What each loss and each choice brings: one small run a row, of equal steps, scored on pictures and motion not seen.

    python -m benchmarks.ablation --style PICTURE --photos DIR --clips DIR --held-out DIR --held-out-clips DIR \
        --out runs/ablation [--vgg16 FILE] [--only NAME ...]

All begin with the same weights, `start`: content and style alone, so that each row can already paint and none has
learned to hold still.  Writes one JSON row and one strip (photos above, painted below) a choice, leaves rows that are
there already, and at last draws all strips into one sheet, strips.jpg, and prints the rows as a table.
Runs are far too short for a network to keep: the rows are for comparing with each other, at matched style.
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

from edge.sheet import arrange
from export.source import load
from export.tflite import convert
from keras_vst.features import load_vgg16
from keras_vst.frames import Pixels, to_float, to_uint8
from keras_vst.runners.verify import open_runner
from keras_vst.runs import RunDirectory
from keras_vst.video.pictures import read_picture, write_picture
from training.evaluation.material import SIZES, fitted, gather
from training.evaluation.measures import Remembering
from training.evaluation.painters import Student, afresh
from training.evaluation.rows import measure

BUDGET = (
    "schedule.judged_sizes=96,",
    "data.batch=2",
    "data.margin=48",
    "data.photo_side=288",
    "loss.style_memory=0",  # a choice like the others
    "data.style_side=384",  # strokes in the same proportion to what is judged as in a full run
)
STILL = ("loss.temporal=0", "loss.long_term=0")
START_STEPS = 600
START = (f"schedule.steps={START_STEPS}", "loss.border=0", *STILL)
STEPS = "schedule.steps=200"
GAN = (
    "loss.cycle=0",
    "loss.identity=0",
    "loss.adversarial_reverse=0",
    "loss.style=8",
    "schedule.learning_rate=2e-3",
)
CHOICES: dict[str, tuple[str, ...]] = {  # the settings that differ; "collection" trains adversarially
    "plain": (),
    "style twice as strong": ("loss.style=16",),
    "content twice as strong": ("loss.content=2",),
    "Gram matrices remembered": ("loss.style_memory=0.75",),
    "larger strokes": ("data.style_side=576",),
    "no border term": ("loss.border=0",),
    "no temporal terms": STILL,
    "real flow only": ("schedule.clips_from=0", "data.real_share=1"),
    "synthetic and real flow": ("schedule.clips_from=0", "data.real_share=0.5"),
    "temporal terms twice as strong": ("loss.temporal=240", "loss.long_term=80"),
    "flat areas held harder": ("loss.temporal_flat=4",),
    "features held as well": ("loss.temporal_features=2",),
    "noise stability": ("loss.stability=40",),
    "moments, no Gram": ("loss.style=0", "loss.palette=8"),
    "Gram and moments": ("loss.palette=2",),
    "progressive 64, 96": ("schedule.judged_sizes=64,96", "schedule.stage_shares=0.5,0.5"),
    "adversarial kind, no discriminator": ("collection", *GAN, "loss.adversarial=0", "loss.adversarial_motion=0"),
    "image discriminator": ("collection", *GAN, "loss.adversarial_motion=0"),
    "image discriminator, one scale": (
        "collection", *GAN, "loss.adversarial_motion=0", "discriminator.num_scales=1",
    ),
    "image and motion discriminators": ("collection", *GAN),
}  # fmt: skip
STRIP_HEIGHT = 256
ROW, STRIP = "row.json", "strip.png"
COLUMNS = {
    "style": "style",
    "content": "content",
    "noise_flicker": "noise",
    "warp": "warp, synthetic",
    "warp_10": "ten frames apart",
    "warp_real": "warp, real clips",
    "crop_consistency": "crop",
}


def main() -> None:
    """Train, score and show every choice that has no row yet."""
    options = _parser().parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    features = Remembering(load_vgg16(options.vgg16))
    material = gather(str(options.held_out), [str(options.held_out_clips)], 8, SIZES)
    painting = to_float(fitted(read_picture(options.style), SIZES.picture))[None]
    start = options.out / "start"
    if RunDirectory(start).last_step() < START_STEPS:  # none yet, or one that was stopped
        _train(start, START, options)
    for name in options.only or CHOICES:
        run = _folder(options.out, name)
        row_file = run / ROW
        if not row_file.exists():
            _train(run, (STEPS, *CHOICES[name]), options, start)
            student = Student(open_runner(_network(run)))
            found = measure({name: student}, material, painting, features)[name]
            row: dict[str, Any] = {"choice": name, **{key: round(value, 4) for key, value in found.items()}}
            _strip(run / STRIP, student, material.photos[:3])
            row_file.write_text(json.dumps(row) + "\n", encoding="utf-8")
        print(row_file.read_text(encoding="utf-8").strip(), flush=True)
    done = {
        name: _folder(options.out, name) for name in CHOICES if (_folder(options.out, name) / ROW).exists()
    }
    draw_sheet(options.out / "strips.jpg", {name: run / STRIP for name, run in done.items()})
    print(table([json.loads((run / ROW).read_text(encoding="utf-8")) for run in done.values()]))


def table(rows: list[dict[str, Any]]) -> str:
    """The rows in Markdown."""
    lines = [f"| | {' | '.join(COLUMNS.values())} |", "|---" * (len(COLUMNS) + 1) + "|"]
    for row in rows:
        lines.append(f"| {row['choice']} | {' | '.join(f'{row[key]:.3f}' for key in COLUMNS)} |")
    return "\n".join(lines)


def draw_sheet(path: Path, strips: dict[str, Path]) -> None:
    """The photos once, and what each choice painted of them, under its name."""
    pictures = {name: _smaller(read_picture(strip)) for name, strip in strips.items()}
    half = len(next(iter(pictures.values()))) // 2
    tiles = [("as it was", next(iter(pictures.values()))[:half])]
    tiles += [(name, picture[half:]) for name, picture in pictures.items()]
    write_picture(path, arrange(tiles, columns=2))


def _smaller(strip: Pixels) -> Pixels:
    size = (round(strip.shape[1] * 0.6), 2 * round(STRIP_HEIGHT * 0.6))
    return cv2.resize(strip, size, interpolation=cv2.INTER_AREA).astype(np.uint8)


def _folder(out: Path, name: str) -> Path:
    return out / name.replace(",", "").replace(" ", "-")


def _train(
    run: Path, choice: tuple[str, ...], options: argparse.Namespace, start: Path | None = None
) -> None:
    """One run in a process of its own, so that the next one starts from a clean slate."""
    shutil.rmtree(run, ignore_errors=True)
    recipe = ["--recipe", "painting", "--style", str(options.style)]
    settings = list(choice)
    if "collection" in choice:  # of one picture, so that its rows compare with the others
        settings.remove("collection")
        painting = options.out / "collection"
        painting.mkdir(exist_ok=True)
        shutil.copy(options.style, painting)
        recipe = ["--recipe", "collection", "--collection", str(painting)]
    clips = ["--clips", str(options.clips), "--cache", str(options.out / "cache")]
    wants_clips = any(setting.startswith("schedule.clips_from") for setting in settings)
    given = [f"--set={setting}" for setting in (*BUDGET, *settings)]
    vgg16 = ["--vgg16", options.vgg16] if options.vgg16 else []
    init = ["--init", str(start)] if start else []
    command = [
        sys.executable,
        "-m",
        "training.fit",
        *recipe,
        "--photos",
        str(options.photos),
        "--run",
        str(run),
    ]
    subprocess.run([*command, *(clips if wants_clips else []), *given, *vgg16, *init], check=True)


def _network(run: Path) -> Path:
    path = run / "network.tflite"
    path.write_bytes(convert(load(run).student))
    return path


def _strip(path: Path, student: Student, photos: list[Pixels]) -> None:
    columns, paint = [], afresh(student)
    for photo in photos:
        width = round(photo.shape[1] * STRIP_HEIGHT / photo.shape[0] / 8) * 8
        frame = to_float(
            cv2.resize(photo, (width, STRIP_HEIGHT), interpolation=cv2.INTER_AREA).astype(np.uint8)
        )
        columns.append(np.concatenate([frame, paint(frame[None])[0]]))
    write_picture(path, to_uint8(np.concatenate(columns, axis=1)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, told in (
        ("--style", "the painting"),
        ("--photos", "pictures to train on"),
        ("--clips", "clips to train on, for the rows with real flow"),
        ("--held-out", "pictures to score on"),
        ("--held-out-clips", "clips to score on"),
        ("--out", "where rows, strips and runs go"),
    ):
        parser.add_argument(name, type=Path, required=True, help=told)
    parser.add_argument("--vgg16", help="ImageNet VGG16 weights; default: Keras's own")
    parser.add_argument(
        "--only", nargs="+", choices=list(CHOICES), metavar="NAME", help="these choices alone"
    )
    return parser


if __name__ == "__main__":
    main()
