"""A run directory: all that is needed to look at a run, to continue it and to export from it.

config.json    the configuration, versions, what was trained from what, files that were skipped
metrics.jsonl  one line every few steps
checkpoints/   trainer.weights.h5: every network, optimizer and the step; previous.weights.h5: the one before
student.weights.h5  the running mean alone: what is exported (teacher.weights.h5 of a film)
samples/       strips of input and output, PNG
tensorboard/   the same for TensorBoard, one folder each time it was started
now.tflite     the same as a network that paints, every few steps; of architectures that the zoo has
curves.png, report.html  to look at without TensorBoard
NAME.tflite and others, card.json, report.json, export.html  what `python -m export` made of it, once it is finished
"""

from __future__ import annotations

import json
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_vst.config import RunConfig
from keras_vst.config import overrides as configuration
from keras_vst.errors import UserError
from keras_vst.files import WEIGHTS, atomic, disk_errors, sweep, write_whole
from keras_vst.machine import versions

if TYPE_CHECKING:
    import keras


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
        self.checkpoint = self.path / "checkpoints" / f"trainer{WEIGHTS}"
        self.now = self.path / "now.tflite"
        self.previous = self.path / "checkpoints" / f"previous{WEIGHTS}"

    def check_new(self) -> None:
        """Refuse a folder that already holds a run."""
        if self.config_file.exists():
            raise UserError(
                f"{self.path} already holds a run. Continue it with --resume, or name another folder."
            )

    def create(self, config: RunConfig, about: dict[str, Any]) -> None:
        """Start a new run; `about` joins the configuration and the versions in config.json."""
        self.check_new()
        with disk_errors(self.path):
            for folder in (self.path, self.samples, self.checkpoint.parent):
                folder.mkdir(parents=True, exist_ok=True)
        self._write_record({"config": configuration.to_dict(config), **about, "versions": versions()})

    def record(self) -> dict[str, Any]:
        """What config.json says."""
        if not self.config_file.is_file():
            raise UserError(
                f"{self.path} is not a run directory: it has no config.json. Train with --run first."
            )
        try:
            record = json.loads(self.config_file.read_text(encoding="utf-8"))
            if isinstance(record["config"], dict):
                return record
        except (OSError, ValueError, KeyError, TypeError):
            pass  # what it is instead does not matter
        raise UserError(
            f"{self.path} cannot be read as a run: its config.json is damaged, or of something else. "
            "Name the folder that training.fit wrote with --run."
        )

    def amend(self, **about: Any) -> None:
        """Add to config.json, or replace, what became known later."""
        self._write_record({**self.record(), **about})

    def config(self) -> RunConfig:
        return configuration.from_dict(self.record()["config"])

    def log(self, row: dict[str, float]) -> None:
        with disk_errors(self.metrics_file), self.metrics_file.open("a", encoding="utf-8") as file:
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
        """Drop what was logged after the checkpoint that is continued, for those steps come again, and torn files.

        For the process alone that writes the run: it would delete what another is writing.
        """
        sweep(self.path)
        kept = [row for row in self.rows() if row["step"] <= step]
        write_whole(self.metrics_file, "".join(json.dumps(row) + "\n" for row in kept))

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
                    return
        found = f"can be read ({'; '.join(broken)})" if broken else "is there yet"
        raise UserError(
            f"No checkpoint of {self.path} {found}. Start a new run; --init {self.path} begins with the weights "
            "that it last exported."
        )

    def network_file(self, name: str) -> Path:
        """Where the trained weights of the student (or the teacher) are."""
        return self.path / f"{name}{WEIGHTS}"

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

    def _write_record(self, record: dict[str, Any]) -> None:
        write_whole(self.config_file, json.dumps(record, indent=2) + "\n")


def read_weights(network: keras.Model, path: Path) -> None:
    """Load a file of weights, all of them or none: what Keras only warns of, layers left as they were, is refused."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        try:
            network.load_weights(path)
        except UserWarning as warning:
            raise ValueError(f"{path} was saved from another network. {warning}") from warning


def _save_weights(model: keras.Model, path: Path, keep_as: Path | None = None) -> None:
    with atomic(path, keep_as=keep_as) as part:
        model.save_weights(part)
