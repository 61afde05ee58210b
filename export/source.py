"""Where a network comes from: a run directory, a .keras file or a SavedModel of ours -> a student for export.

Files may come from anywhere, so nothing in them is run: descriptions are read as data (export/keras_file.py),
the network is built here, and only numbers are taken over.  Whatever is wrong with a file is a UserError.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras

from keras_vst import config as configuration
from keras_vst.config import RunConfig, StudentConfig, TeacherConfig
from keras_vst.errors import UserError
from keras_vst.models import build_network
from keras_vst.runs import RunDirectory

UNKNOWN = {"recipe": "", "config": {}, "versions": {}, "seed": None, "steps": None, "sha256": ""}


@dataclass(frozen=True)
class Source:
    """A student, or the teacher of a film (batch 1), with its weights, and what is known of it."""

    network: keras.Model
    config: StudentConfig | TeacherConfig
    # What the card tells of the training; `sha256` is the style picture's.
    record: dict[str, Any] = field(default_factory=lambda: dict(UNKNOWN))

    @property
    def film(self) -> bool:
        """Whether it is of film quality."""
        return isinstance(self.config, TeacherConfig)


def load(path: Path) -> Source:
    """Read a network from wherever it is; `path` may also be the folder above a SavedModel's versions."""
    if path.is_file() and path.suffix == ".keras":
        return _from_keras(path)
    if (path / "config.json").is_file():
        return _from_run(path)
    version = _newest_version(path)
    if version:
        return _from_savedmodel(version)
    found = "a folder of something else" if path.is_dir() else "another file" if path.exists() else "nothing"
    raise UserError(
        f"{path} is not a run directory, a .keras file or a SavedModel of ours: {found} is there. "
        "Name the folder that training.fit wrote with --run."
    )


def _from_run(path: Path) -> Source:
    run = RunDirectory(path)
    with _unusable(path):
        record = run.record()
        told = record["config"]
        # Of the configuration only what builds the network: how it was trained may have been said in other words.
        film = told.get("kind") == "film"
        builds = {"kind": "film", "teacher": told["teacher"]} if film else {"student": told["student"]}
        config = configuration.from_dict(builds)
        network = build_network(config, batch_size=1)
        run.load_network(network)
        known = {
            **{key: record.get(key, "") for key in ("recipe", "command", "init")},
            "config": told,
            "versions": record.get("versions", {}),
            "seed": told.get("seed"),
            "steps": run.last_step(),
            "minutes": max((row.get("minutes", 0.0) for row in run.rows()), default=0.0),
            "sha256": (record.get("style") or {}).get("sha256", ""),
        }
    return Source(network, config.teacher if film else config.student, known)


def _from_keras(path: Path) -> Source:
    from export.keras_file import read_members, student_config

    with _unusable(path):
        description, metadata = read_members(path)
        config = student_config(description, str(path))
        student = build_network(RunConfig(student=config), batch_size=1)
        student.load_weights(path)
        versions = {"keras": str(metadata["keras_version"])}
    return Source(student, config, {**UNKNOWN, "versions": versions})


def _from_savedmodel(path: Path) -> Source:
    from export.formats.to_savedmodel import read_manifest, read_weights
    from export.keras_file import check_extent

    with _unusable(path):
        manifest = read_manifest(path)
        config = configuration.from_dict({"student": manifest["config"]})
        check_extent(config.student, str(path))
        student = build_network(config, batch_size=1)
        weights = read_weights(path, manifest)
        for variable in student.variables:
            variable.assign(weights[variable.path])
        record = {key: manifest["record"].get(key, value) for key, value in UNKNOWN.items()}
    return Source(student, config.student, record)


def _newest_version(path: Path) -> Path | None:
    """The SavedModel itself, or the newest of a folder of numbered ones."""
    if (path / "saved_model.pb").is_file():
        return path
    versions = [folder for folder in path.glob("[0-9]*/saved_model.pb") if folder.parent.name.isdecimal()]
    return max(versions, key=lambda file: int(file.parent.name)).parent if versions else None


@contextmanager
def _unusable(path: Path) -> Iterator[None]:
    """Whatever a damaged or hostile file makes its readers raise is the file's fault, and one line."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # zlib, struct, h5py, JSON, Keras and TensorFlow each have errors of their own
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise UserError(
            f"{path} cannot be read as a network: {lines[0][:200]}. It is damaged, incomplete or of another "
            "version; take it from its origin again."
        ) from error
