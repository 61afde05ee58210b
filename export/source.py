"""Where a network comes from: a run directory, a .keras file or a SavedModel of ours -> a student for export.

Files may come from anywhere, so nothing in them is run: descriptions are read as data, the network is built here,
and only numbers are taken over.  A .keras file describes its layers in JSON, and Keras would make whatever classes
are named there: here it is only compared with a student.  Whatever is wrong with a file is a UserError.
"""

from __future__ import annotations

import dataclasses
import json
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras

from keras_vst.config import RunConfig, StudentConfig, TeacherConfig
from keras_vst.config import overrides as configuration
from keras_vst.errors import UserError
from keras_vst.models import build_network
from keras_vst.models.student import build_student
from keras_vst.runs import RunDirectory

UNKNOWN = {"recipe": "", "config": {}, "versions": {}, "seed": None, "steps": None, "sha256": ""}
# What Keras writes, and how large each may be: nothing else in a .keras file is ours.
MEMBERS = {"metadata.json": 1 << 16, "config.json": 1 << 23, "model.weights.h5": 1 << 30}
# Far above what runs live, and small enough that a file that lies about its sizes cannot fill the memory.
MOST = {"channels": 512, "num_blocks": 32}
WITHOUT_MEANING = re.compile(r".*_(initializer|regularizer|constraint)|dtype|trainable|autocast|batch_shape")

Json = dict[str, Any]


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
    with _unusable(path):
        description, metadata = read_members(path)
        config = student_config(description, str(path))
        student = build_network(RunConfig(student=config), batch_size=1)
        student.load_weights(path)
        versions = {"keras": str(metadata["keras_version"])}
    return Source(student, config, {**UNKNOWN, "versions": versions})


def _from_savedmodel(path: Path) -> Source:
    from export.formats.to_savedmodel import read_manifest, read_weights

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


def read_members(path: Path) -> tuple[Any, Any]:
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


def student_config(description: Any, origin: str) -> StudentConfig:
    """The configuration of the student that is described; a UserError that names what is not a student's."""
    try:
        config = _config({layer["name"]: layer for layer in description["config"]["layers"]})
        check_extent(config, origin)
        student = json.loads(
            json.dumps(keras.saving.serialize_keras_object(build_student(config, batch_size=1)))
        )
        difference = _difference(student["config"], description["config"])
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise _foreign(origin, f"it has no usable {error}") from error
    if difference:
        raise _foreign(origin, difference)
    return config


def check_extent(config: StudentConfig, origin: str) -> None:
    """Refuse sizes that no network of ours has, before memory is asked for."""
    values: Json = {**dataclasses.asdict(config), "channels": max(config.channels)}
    for name, most in MOST.items():
        if values[name] > most:
            raise _foreign(origin, f"its {name} is {values[name]}, at most {most} expected")


def _kind(layer: Json) -> str:
    return str(layer.get("registered_name") or layer["class_name"])


def _config(layers: dict[str, Json]) -> StudentConfig:
    half, quarter, eighth = (
        _whole(layers[name]["config"]["filters"]) for name in ("stem", "down_4", "down_8")
    )
    return StudentConfig(
        channels=(half, quarter, eighth),
        num_blocks=sum(re.fullmatch(r"block_\d+_a", name) is not None for name in layers),
    )


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"number of channels: {value!r}")
    return value


def _difference(expected: Json, found: Any) -> str | None:
    """What in `found` computes something else than `expected`, in words; None when nothing does."""
    for key in ("input_layers", "output_layers"):
        if found.get(key) != expected[key]:
            return f"its {key} are {found.get(key)}, expected {expected[key]}"
    ours = {layer["name"]: layer for layer in expected["layers"]}
    theirs = {layer["name"]: layer for layer in found["layers"]}
    if len(theirs) != len(found["layers"]) or ours.keys() != theirs.keys():
        return f"its layers are not those of a student: {', '.join(sorted(ours.keys() ^ theirs.keys()))}"
    return next(filter(None, (_layer_difference(ours[name], theirs[name]) for name in ours)), None)


def _layer_difference(expected: Json, found: Json) -> str | None:
    name = expected["name"]
    if _kind(found) != _kind(expected):
        return f"its layer {name!r} is a {_kind(found)!r}, expected {_kind(expected)!r}"
    sources = _sources(expected["inbound_nodes"]), _sources(found.get("inbound_nodes"))
    if sources[0] != sources[1]:
        return f"its layer {name!r} reads {sources[1]}, expected {sources[0]}"
    for key, value in expected["config"].items():
        known = found["config"].get(key, value)  # another version of Keras may not have written it
        if not WITHOUT_MEANING.fullmatch(key) and known != value:
            return f"its layer {name!r} has {key}={known!r}, expected {value!r}"
    return None


def _sources(nodes: Any) -> list[str]:
    """Where a layer's inputs come from: [layer, node, tensor] of each, in order."""
    return re.findall(r'"keras_history": (\[.*?\])', json.dumps(nodes))


def _foreign(origin: str, reason: str) -> UserError:
    return UserError(
        f"{origin} is not a student of this version of keras_vst: {reason}. Nothing in it was run. "
        "Save it again with `student.save`, or export the run it came from."
    )
