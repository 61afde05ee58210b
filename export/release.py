"""From a run directory to a network folder: NAME.tflite and card.json, written only if the parity gate is passed."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from export.parity import FP32_FLOOR, compare
from export.tflite import convert
from keras_vst.cost import count_macs
from keras_vst.errors import UserError
from keras_vst.models.student import build_student, input_shapes
from keras_vst.runs import RunDirectory
from keras_vst.zoo import DEFAULT_MARGIN

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CARD_SIZE = (368, 640)  # height and width at which the card quotes the arithmetic


@dataclass(frozen=True)
class Released:
    """What was written, and what the gate measured."""

    path: Path
    size: int
    psnr: float
    frames: int


def release(run_path: Path, out: Path, name: str, about_path: Path | None = None) -> Released:
    """Convert, compare, write.  Raises UserError, leaving `out` as it was, when the file is not equal."""
    run = RunDirectory(run_path)
    about = _read_about(about_path)
    student = build_student(run.config().student, batch_size=1)
    run.load_student(student)
    flatbuffer = convert(student)
    parity = compare(student, flatbuffer)
    if not parity.psnr >= FP32_FLOOR:  # written so that a nan fails too
        raise UserError(
            f"The .tflite of {run_path} differs from the Keras network: {parity.psnr:.1f} dB, at least "
            f"{FP32_FLOOR:.0f} expected over {parity.frames} frames. Nothing was written. "
            "Look for nan weights (metrics.jsonl) first."
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--out {out} cannot be made: {error.strerror}. Name a folder that can.") from error
    path = out / f"{name}.tflite"
    _write(path, flatbuffer)
    card = _card(name, run, student, path, about)
    _write(out / "card.json", (json.dumps(card, indent=2, ensure_ascii=False) + "\n").encode())
    return Released(path, len(flatbuffer), parity.psnr, parity.frames)


def _card(
    name: str, run: RunDirectory, student: keras.Model, path: Path, about: dict[str, Any]
) -> dict[str, Any]:
    record, config = run.record(), run.config()
    data = path.read_bytes()
    return {
        "name": name,
        "files": {
            "fp32": {"file": path.name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        },
        "styles": [_style(style, about) for style in record["styles"]],
        "margin": DEFAULT_MARGIN,
        "parameters": student.count_params(),
        "gmacs": {
            "size": "x".join(map(str, CARD_SIZE[::-1])),
            "value": round(count_macs(student, input_shapes(student, CARD_SIZE)) / 1e9, 3),
        },
        "training": {
            "recipe": record["recipe"],
            "seed": config.seed,
            "steps": run.last_step(),
            "config": record["config"],
            "versions": record["versions"],
            **about.get("training", {}),
        },
        **{key: value for key, value in about.items() if key not in ("styles", "training")},
    }


def _style(style: dict[str, Any], about: dict[str, Any]) -> dict[str, Any]:
    told = {"name": style["name"], "title": style["name"], "artist": "unknown", "year": "unknown"}
    return {**told, **about.get("styles", {}).get(style["name"], {}), "sha256": style["sha256"]}


def _read_about(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UserError(f"--about {path} cannot be read as TOML: {error}") from error


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(data)
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise UserError(f"{path} cannot be written: {error.strerror}.") from error
