"""Where a network comes from: a run directory, a .keras file or a SavedModel of ours -> a student for export.

Files may come from anywhere, so nothing in them is run: descriptions are read as data (export/blueprint.py),
the network is built here, and only numbers are taken over.  Whatever is wrong with a file is a UserError.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras

from export import blueprint
from export.savedmodel import read_manifest, read_weights
from keras_vst import config as configuration
from keras_vst.config import StudentConfig, TeacherConfig
from keras_vst.errors import UserError
from keras_vst.models.student import build_student
from keras_vst.models.teacher import build_teacher
from keras_vst.runs import RunDirectory

# What Keras writes, and how large each may be: nothing else in a .keras file is ours.
MEMBERS = {"metadata.json": 1 << 16, "config.json": 1 << 23, "model.weights.h5": 1 << 30}
UNKNOWN = {"recipe": "", "config": {}, "versions": {}, "seed": None, "steps": None, "sha256": ""}


@dataclass(frozen=True)
class Source:
    """A student, or the teacher of a film (batch 1), with its weights, and what is known of it."""

    network: keras.Model
    config: StudentConfig | TeacherConfig
    record: dict[str, Any] = field(
        default_factory=lambda: dict(UNKNOWN)
    )  # what the card tells of the training; `sha256` is the style picture's


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
        if told.get("kind") == "film":
            config = configuration.from_dict({"teacher": told["teacher"]}).teacher
            network = build_teacher(config, batch_size=1)
        else:
            config = configuration.from_dict({"student": told["student"]}).student
            network = build_student(config, batch_size=1)
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
    return Source(network, config, known)


def _from_keras(path: Path) -> Source:
    with _unusable(path):
        description, metadata = _read_members(path)
        config = blueprint.read(description, str(path))
        student = build_student(config, batch_size=1)
        student.load_weights(path)
        versions = {"keras": str(metadata["keras_version"])}
    return Source(student, config, {**UNKNOWN, "versions": versions})


def _from_savedmodel(path: Path) -> Source:
    with _unusable(path):
        manifest = read_manifest(path)
        config = configuration.from_dict({"student": manifest["config"]}).student
        blueprint.check_extent(config, str(path))
        student = build_student(config, batch_size=1)
        weights = read_weights(path, manifest)
        for variable in student.variables:
            variable.assign(weights[variable.path])
        record = {key: manifest["record"].get(key, value) for key, value in UNKNOWN.items()}
    return Source(student, config, record)


def _newest_version(path: Path) -> Path | None:
    """The SavedModel itself, or the newest of a folder of numbered ones."""
    if (path / "saved_model.pb").is_file():
        return path
    versions = [folder for folder in path.glob("[0-9]*/saved_model.pb") if folder.parent.name.isdecimal()]
    return max(versions, key=lambda file: int(file.parent.name)).parent if versions else None


def _read_members(path: Path) -> tuple[Any, Any]:
    """The two descriptions in a .keras file, once it is sure that the archive holds just what Keras writes."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        foreign = sorted({name for name in names if name not in MEMBERS or names.count(name) > 1})
        missing = sorted(MEMBERS.keys() - set(names))
        large = [
            info.filename for info in archive.infolist() if info.file_size > MEMBERS.get(info.filename, 0)
        ]
        for problem, members in (("foreign", foreign), ("missing", missing), ("too large", large)):
            if members:
                raise UserError(
                    f"{path} is not a .keras file of ours: {problem} in it: {', '.join(map(repr, members))}. "
                    "Nothing in it was run. Save the network again with `student.save`."
                )
        return json.loads(archive.read("config.json")), json.loads(archive.read("metadata.json"))


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
