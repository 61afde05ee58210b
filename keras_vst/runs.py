"""A run directory: all that is needed to look at a run, to continue it and to export from it.

config.json    the configuration, versions, what was trained from what, files that were skipped
metrics.jsonl  one line every few steps
checkpoints/   trainer.weights.h5: every network, optimizer and the step; previous.weights.h5: the one before
student.weights.h5  the running mean alone: what is exported (teacher.weights.h5 of a film)
samples/       strips of input and output, PNG
tensorboard/   the same for TensorBoard, one folder a sitting
curves.png, report.html  to look at without TensorBoard
NAME.tflite and others, card.json, report.json, export.html  what `python -m export` made of it, once it is finished
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_vst import config as configuration
from keras_vst.config import RunConfig
from keras_vst.errors import UserError
from keras_vst.revision import git_revision

if TYPE_CHECKING:
    import keras

PACKAGES = ("keras", "tensorflow-cpu", "tensorflow", "numpy", "opencv-python-headless")
SUFFIX = ".weights.h5"


class RunDirectory:
    """Paths and small writers; nothing in it is left half-written."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.config_file = self.path / "config.json"
        self.metrics_file = self.path / "metrics.jsonl"
        self.samples = self.path / "samples"
        self.tensorboard = self.path / "tensorboard"
        self.curves_file = self.path / "curves.png"
        self.report_file = self.path / "report.html"
        self.checkpoint = self.path / "checkpoints" / f"trainer{SUFFIX}"
        self.previous = self.path / "checkpoints" / f"previous{SUFFIX}"

    def check_new(self) -> None:
        """Refuse a folder that already holds a run."""
        if self.config_file.exists():
            raise UserError(
                f"{self.path} already holds a run. Continue it with --resume, or name another folder."
            )

    def create(self, config: RunConfig, about: dict[str, Any]) -> None:
        """Start a new run; `about` joins the configuration and the versions in config.json."""
        self.check_new()
        with _disk_errors(self.path):
            for folder in (self.path, self.samples, self.checkpoint.parent):
                folder.mkdir(parents=True, exist_ok=True)
        self._write_record({"config": configuration.to_dict(config), **about, "versions": _versions()})

    def record(self) -> dict[str, Any]:
        """What config.json says."""
        if not self.config_file.is_file():
            raise UserError(
                f"{self.path} is not a run directory: it has no config.json. Train with --run first."
            )
        return json.loads(self.config_file.read_text(encoding="utf-8"))

    def amend(self, **about: Any) -> None:
        """Add to config.json, or replace, what became known later."""
        self._write_record({**self.record(), **about})

    def config(self) -> RunConfig:
        return configuration.from_dict(self.record()["config"])

    def log(self, row: dict[str, float]) -> None:
        with _disk_errors(self.metrics_file), self.metrics_file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def rows(self) -> list[dict[str, float]]:
        """What was logged, oldest first, without a line that a kill has torn."""
        found: list[dict[str, float]] = []
        if self.metrics_file.is_file():
            for line in self.metrics_file.read_text(encoding="utf-8", errors="replace").splitlines():
                with suppress(ValueError):
                    found.append(json.loads(line))
        return [row for row in found if isinstance(row, dict) and "step" in row]

    def last_step(self) -> int:
        """The step that was logged last; 0 before the first."""
        return int(max((row["step"] for row in self.rows()), default=0))

    def forget_after(self, step: int) -> None:
        """Drop what was logged after the checkpoint that is continued, and torn lines: those steps come again."""
        kept = [row for row in self.rows() if row["step"] <= step]
        self.write_text(self.metrics_file, "".join(json.dumps(row) + "\n" for row in kept))

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is anything to continue; a kill in the first minutes leaves none."""
        return self.checkpoint.is_file() or self.previous.is_file()

    def save(self, trainer: keras.Model) -> None:
        """Write the checkpoint beside the last one, then put it in its place; the last becomes the previous."""
        _save_weights(trainer, self.checkpoint, keep_as=self.previous)

    def restore(self, trainer: keras.Model) -> None:
        """Load the last checkpoint, or the one before where a kill or a broken disk has left none that reads."""
        broken = []
        for path in (self.checkpoint, self.previous):
            if path.is_file():
                try:
                    read_weights(trainer, path)
                except (OSError, ValueError, KeyError) as error:
                    broken.append(f"{path.name}: {str(error).splitlines()[0]}")
                else:
                    _sweep(self.path)
                    return
        found = f"can be read ({'; '.join(broken)})" if broken else "is there yet"
        raise UserError(
            f"No checkpoint of {self.path} {found}. Start a new run; --init {self.path} begins with the weights "
            "that it last exported."
        )

    def network_file(self, name: str) -> Path:
        """Where the trained weights of the student (or the teacher) are."""
        return self.path / f"{name}{SUFFIX}"

    def save_network(self, network: keras.Model) -> None:
        """Write the weights that are exported: `export` needs neither the optimizers nor the trainer."""
        _save_weights(network, self.network_file(network.name))

    def load_network(self, network: keras.Model) -> None:
        """Give a student (or teacher) built from this run's configuration its trained weights."""
        path = self.network_file(network.name)
        if not path.is_file():
            raise UserError(
                f"{self.path} holds no trained weights of a {network.name} yet. Train it for a few minutes first."
            )
        read_weights(network, path)

    def write_text(self, path: Path, text: str) -> None:
        """A file of the run, complete or not there."""
        self.write_bytes(path, text.encode("utf-8"))

    def write_bytes(self, path: Path, data: bytes) -> None:
        """A file of the run, complete or not there; its folder is made."""
        with _disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        _put(path, lambda part: part.write_bytes(data))

    def _write_record(self, record: dict[str, Any]) -> None:
        self.write_text(self.config_file, json.dumps(record, indent=2) + "\n")


def read_weights(network: keras.Model, path: Path) -> None:
    """Load a file of weights, all of them or none: what Keras only warns of, layers left as they were, is refused."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        try:
            network.load_weights(path)
        except UserWarning as warning:
            raise ValueError(f"{path} was saved from another network. {warning}") from warning


def _save_weights(model: keras.Model, path: Path, keep_as: Path | None = None) -> None:
    _put(path, model.save_weights, keep_as)


def _put(path: Path, write: Callable[[Path], Any], keep_as: Path | None = None) -> None:
    """Write beside the file and rename when every byte is on the disk, so that even a power cut leaves one whole."""
    part = path.with_name(f"part-{os.getpid()}{SUFFIX}")
    try:
        with _disk_errors(path):
            write(part)
            _to_disk(part)
            if keep_as is not None and path.exists():
                os.replace(path, keep_as)
            os.replace(part, path)
            _to_disk(path.parent)
    finally:
        part.unlink(missing_ok=True)


def _to_disk(path: Path) -> None:
    """Flush a file or, where the system lets it be opened, a folder."""
    try:
        handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    except PermissionError:  # Windows opens no folders
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sweep(folder: Path) -> None:
    """Remove what a kill left half-written."""
    for part in folder.rglob(f"part-*{SUFFIX}"):
        part.unlink(missing_ok=True)


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
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    revision = git_revision()
    return found | ({"git": revision} if revision else {})
