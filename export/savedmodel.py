"""Keras student -> SavedModel in TensorFlow Serving's layout: FOLDER/NAME/1/, the next export 2, and so on.

Two signatures, batch free, frames float32 in [0, 1], NHWC, H and W multiples of 8:
serving_default  `frame` (B, H, W, 3) -> `stylized`
jpeg             `image_bytes` (B,) -> `stylized_bytes` (B,); see export/pictures.py

assets.extra/ holds warm-up requests and student.json, by which `export.source` finds the weights again; so norms
are not folded here, which TensorFlow does by itself when it loads the graph.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import trackable_object_graph_pb2

from export import blueprint, warmup
from export.pictures import stylize_pictures
from export.warmup import replay_warmup as replay_warmup
from keras_vst.errors import UserError
from keras_vst.zoo import DEFAULT_MARGIN

SIGNATURES = ("serving_default", "jpeg")
MANIFEST = Path("assets.extra") / "student.json"
MOST_MANIFEST = 1 << 20  # bytes; a run's record takes a few thousand
COLLECTION = "student"  # the weights among the checkpoint's objects, numbered as in the manifest
OBJECTS = "_CHECKPOINTABLE_OBJECT_GRAPH"  # where a checkpoint tells under which key each object's value lies


def write(
    student: keras.Model,
    folder: Path,
    name: str,
    size: tuple[int, int],
    record: Mapping[str, Any] | None = None,
) -> Path:
    """Write the next version below `folder`/`name`; returns its folder, which appears complete or not at all.

    `size` (height, width) is that of the warm-up requests; `record` is what is known of the training.
    """
    home = folder / name
    try:
        home.mkdir(parents=True, exist_ok=True)
        version = home / str(max(_versions(home), default=0) + 1)
        part = home / f".{version.name}.part-{os.getpid()}"  # TF Serving looks at numbers only
        try:
            _export(student, part)
            manifest = _manifest(student, name, record or {})
            (part / MANIFEST).parent.mkdir(exist_ok=True)
            (part / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
            warmup.write(part, name, warmup.requests(size))
            os.replace(part, version)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except (OSError, tf.errors.OpError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise UserError(f"{home} cannot be written: {reason}. Make room or name another folder.") from error
    return version


def read_manifest(path: Path) -> dict[str, Any]:
    """What student.json of one version says; a UserError where there is none."""
    file = path / MANIFEST
    if not file.is_file() or file.stat().st_size > MOST_MANIFEST:
        raise UserError(
            f"{path} is a SavedModel, but not one of ours: it has no usable {MANIFEST}. Nothing in it was run. "
            "Export the run it came from."
        )
    return json.loads(file.read_text(encoding="utf-8"))


def read_weights(path: Path, manifest: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The weights by their names in the student, read from the checkpoint alone: no graph is loaded."""
    checkpoint = tf.train.load_checkpoint(str(path / "variables" / "variables"))
    objects = trackable_object_graph_pb2.TrackableObjectGraph.FromString(checkpoint.get_tensor(OBJECTS))
    root = _children(objects, 0)
    numbered = _children(objects, root[COLLECTION])
    weights = {}
    for index, name in enumerate(manifest["weights"]):
        stored = objects.nodes[numbered[str(index)]].attributes[0]
        weights[name] = checkpoint.get_tensor(stored.checkpoint_key)
    return weights


def _children(objects: Any, index: int) -> dict[str, int]:
    return {child.local_name: child.node_id for child in objects.nodes[index].children}


def _export(student: keras.Model, folder: Path) -> None:
    """ExportArchive, because `tf.saved_model.save` around a Keras model would leave weights uninitialised."""
    archive = keras.export.ExportArchive()
    archive.track(student)
    archive.add_variable_collection(COLLECTION, student.variables)
    frame = tf.TensorSpec((None, None, None, 3), tf.float32, "frame")
    image_bytes = tf.TensorSpec((None,), tf.string, "image_bytes")

    def serving_default(frame: Any) -> dict[str, Any]:
        return student({"frame": frame}, training=False)

    def jpeg(image_bytes: Any) -> dict[str, Any]:
        return {"stylized_bytes": stylize_pictures(lambda one: serving_default(one)["stylized"], image_bytes)}

    archive.add_endpoint("serving_default", serving_default, input_signature=[frame])
    archive.add_endpoint("jpeg", jpeg, input_signature=[image_bytes])
    archive.write_out(str(folder), verbose=False)


def _manifest(student: keras.Model, name: str, record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "margin": DEFAULT_MARGIN,
        "config": dataclasses.asdict(blueprint.read(blueprint.describe(student), name)),
        "record": dict(record),
        "weights": [variable.path for variable in student.variables],
    }


def _versions(home: Path) -> list[int]:
    return [int(entry.name) for entry in home.iterdir() if entry.name.isdecimal()]
