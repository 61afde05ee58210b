"""A .keras file of a student, read as data: nothing that it names is made or run.

It describes its layers in JSON, and Keras would make whatever classes are named there.  Here the description is only
looked at: the network itself is then built by `build_student`, so that a file cannot choose what runs, and the
description must agree with what was built.
"""

from __future__ import annotations

import dataclasses
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import keras

from keras_vst.config import StudentConfig
from keras_vst.errors import UserError
from keras_vst.models.student import build_student

# What Keras writes, and how large each may be: nothing else in a .keras file is ours.
MEMBERS = {"metadata.json": 1 << 16, "config.json": 1 << 23, "model.weights.h5": 1 << 30}
# Far above what runs live, and small enough that a file that lies about its sizes cannot fill the memory.
MOST = {"channels": 512, "num_blocks": 32}
WITHOUT_MEANING = re.compile(r".*_(initializer|regularizer|constraint)|dtype|trainable|autocast|batch_shape")

Json = dict[str, Any]


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
