"""A run directory: all that is needed to look at a run, to continue it and to export from it.

config.json    the configuration, versions, style pictures and data of the run
metrics.jsonl  one line every few steps
checkpoints/   trainer.weights.h5: student, running mean, optimizer and its step; replaced when complete
student.weights.h5  the running mean alone: what is exported
samples/       strips of input and output, PNG
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras

from keras_vst import config as configuration
from keras_vst.config import RunConfig
from keras_vst.errors import UserError

PACKAGES = ("keras", "tensorflow-cpu", "tensorflow", "numpy", "opencv-python-headless")


class RunDirectory:
    """Paths and small writers; nothing in it is left half-written."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.config_file = self.path / "config.json"
        self.metrics_file = self.path / "metrics.jsonl"
        self.samples = self.path / "samples"
        self.student_file = self.path / "student.weights.h5"
        self.checkpoint = self.path / "checkpoints" / "trainer.weights.h5"

    def create(self, config: RunConfig, about: dict[str, Any]) -> None:
        """Start a new run; refuses a folder that already holds one."""
        if self.config_file.exists():
            raise UserError(
                f"{self.path} already holds a run. Continue it with --resume, or name another folder."
            )
        with _disk_errors(self.path):
            for folder in (self.path, self.samples, self.checkpoint.parent):
                folder.mkdir(parents=True, exist_ok=True)
        record = {"config": configuration.to_dict(config), **about, "versions": _versions()}
        _write(self.config_file, json.dumps(record, indent=2) + "\n")

    def record(self) -> dict[str, Any]:
        """What config.json says."""
        if not self.config_file.is_file():
            raise UserError(
                f"{self.path} is not a run directory: it has no config.json. Train with --run first."
            )
        return json.loads(self.config_file.read_text(encoding="utf-8"))

    def config(self) -> RunConfig:
        return configuration.from_dict(self.record()["config"])

    def log(self, row: dict[str, float]) -> None:
        with _disk_errors(self.metrics_file), self.metrics_file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def save(self, trainer: keras.Model) -> None:
        """Write the checkpoint beside the last one, then put it in its place."""
        _save_weights(trainer, self.checkpoint)

    def save_student(self, student: keras.Model) -> None:
        """Write the weights that are exported: `export` needs neither the optimizer nor the trainer."""
        _save_weights(student, self.student_file)

    def load_student(self, student: keras.Model) -> None:
        """Give a student built from this run's configuration its trained weights."""
        if not self.student_file.is_file():
            raise UserError(f"{self.path} holds no trained weights yet. Train it for a few minutes first.")
        student.load_weights(self.student_file)

    def last_step(self) -> int:
        """The step that was logged last; 0 before the first."""
        lines = (
            self.metrics_file.read_text(encoding="utf-8").splitlines() if self.metrics_file.is_file() else []
        )
        for line in reversed(lines):
            try:
                return int(json.loads(line)["step"])
            except ValueError:  # a line torn by a kill
                continue
        return 0

    def restore(self, trainer: keras.Model) -> None:
        if not self.checkpoint.is_file():
            raise UserError(f"{self.path} has no checkpoint yet. Start the run again without --resume.")
        trainer.load_weights(self.checkpoint)


def _save_weights(model: keras.Model, path: Path) -> None:
    part = path.with_name(f"part-{os.getpid()}.weights.h5")
    try:
        with _disk_errors(path):
            model.save_weights(part)
            os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.part")
    with _disk_errors(path):
        part.write_text(text, encoding="utf-8")
        os.replace(part, path)


@contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    """A full disk or a folder that is not ours: one line, and what was there before is still there."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error).splitlines()[0]
        raise UserError(f"{path} cannot be written: {reason}. Make room or name another --run.") from error


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
