"""What a teacher makes of clips, painted once: uint8 (N, T, H, W, 3), for any number of students to learn from.

    FOLDER/pictures.npy   every frame of every `taught_clip`, as the teacher paints it
    FOLDER/about.json     by which teacher, of which photos, with which settings: others are refused

The folder is written beside its name and moved there once it is whole.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from keras_vst.config import RunConfig
from keras_vst.errors import UserError
from keras_vst.files import atomic
from keras_vst.networks.base import count_threads
from keras_vst.runs import RunDirectory
from training.data.photos import Photos
from training.data.pipeline import MOTION, Pictures, taught_clip
from training.evaluation.material import Clip
from training.evaluation.subjects import Painter, find_subject, open_painter

PICTURES, ABOUT = "pictures.npy", "about.json"
TOLD = {"teacher": "of another teacher", "photos": "of other photos", "settings": "made with other settings"}
Painted = npt.NDArray[np.uint8]


def open_pictures(
    folder: Path, teacher: str, photos: Pictures, config: RunConfig, quiet: bool = False
) -> Painted:
    """The pictures in the folder, painted where there are none; a UserError where they are not those asked for."""
    subject, about = find_subject(teacher), expected(teacher, photos, config)
    if not (folder / ABOUT).is_file():
        painter = open_painter(subject, count_threads(None))  # refused here, before there is a folder
        shown = {"disable": quiet, "unit": "clip", "desc": f"{subject.name} paints"}
        with atomic(folder, folder=True) as part:
            _paint(part / PICTURES, painter, photos, config, tqdm(range(config.data.taught), **shown))
            (part / ABOUT).write_text(json.dumps(about, indent=1), encoding="utf-8")
    _check(folder, about)
    try:
        return np.load(folder / PICTURES, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise UserError(f"{folder / PICTURES} cannot be read: {error}. Delete {folder}.") from error


def expected(teacher: str, photos: Pictures, config: RunConfig) -> dict[str, Any]:
    """What tells the pictures of one teacher, photos and settings from all others."""
    data = dataclasses.asdict(config.data)
    settings = {name: data[name] for name in ("taught", "frames", "margin", "photo_side", "jitter")}
    settings |= {"seed": config.seed, "judged": config.schedule.judged_size}
    settings |= {"motion": dataclasses.asdict(MOTION)}
    return {"teacher": checksum(teacher), "photos": _checksum_of(photos), "settings": settings}


def checksum(teacher: str) -> str:
    """That of the network file, or of a run's weights."""
    path = find_subject(teacher).path
    if path.is_dir():
        run = RunDirectory(path)
        network = "teacher" if run.config().kind == "film" else "student"
        path = run.network_file(network)
        if not path.is_file():
            raise UserError(f"{run.path} holds no trained weights of a {network} yet. Train it first.")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _checksum_of(photos: Pictures) -> str:
    if not isinstance(photos, Photos):
        return "made by the program"
    sums = [hashlib.sha256(path.read_bytes()).hexdigest() for path in photos.paths]
    return hashlib.sha256("\n".join(sums).encode()).hexdigest()


def _check(folder: Path, about: dict[str, Any]) -> None:
    try:
        found = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        other = next((name for name in TOLD if found[name] != json.loads(json.dumps(about[name]))), None)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{folder / ABOUT} cannot be read: {error}. Delete {folder}.") from error
    if other:
        raise UserError(
            f"{folder} holds pictures {TOLD[other]}. Name another folder with --pictures, or delete it."
        )


def _paint(path: Path, painter: Painter, photos: Pictures, config: RunConfig, shown: Iterable[int]) -> None:
    """One clip after the other into the file: a full disk is then an error, where a mapped file would end all."""
    with path.open("wb") as file:
        for place in shown:
            frames, clip = taught_clip(photos, config, place)
            painted = np.stack(painter.clip(Clip(list(frames), clip.flow, exact=True)))
            if place == 0:
                header = {
                    "descr": "|u1",
                    "fortran_order": False,
                    "shape": (config.data.taught, *painted.shape),
                }
                np.lib.format.write_array_header_2_0(file, header)
            file.write(painted.tobytes())
