"""Keras student -> SavedModel in TensorFlow Serving's layout: a folder NAME with versions 1, 2 and so on.

Two signatures, batch free, frames float32 in [0, 1], NHWC, H and W multiples of 8:
serving_default  `frame` (B, H, W, 3) -> `stylized`
jpeg             `image_bytes` (B,) -> `stylized_bytes` (B,): JPEG files of any sizes, fitted as keras_vst.frames.fit
                 does it; orientation that a camera wrote beside the pixels (EXIF) is not applied

assets.extra/ holds warm-up requests and student.json, by which `export.source` finds the weights again; so norms
are not folded here, which TensorFlow does by itself when it loads the graph.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.protobuf import trackable_object_graph_pb2

from keras_vst.errors import UserError
from keras_vst.models.student import SIZE_MULTIPLE
from keras_vst.networks.keras import MANIFEST
from keras_vst.zoo import DEFAULT_MARGIN

SIGNATURES = ("serving_default", "jpeg")
EXTRA = Path("assets.extra")
MOST_MANIFEST = 1 << 20  # bytes; a run's record takes a few thousand
WARM_UP = EXTRA / "tf_serving_warmup_requests"
COLLECTION = "student"  # the weights among the checkpoint's objects, numbered as in the manifest
OBJECTS = "_CHECKPOINTABLE_OBJECT_GRAPH"  # where a checkpoint tells under which key each object's value lies
MOST_PIXELS = 1 << 24  # a 16-megapixel photo takes about 2 GB while it is painted
QUALITY = 92  # of JPEG answers
WARM_UP_SIZE = (96, 160)

Requests = Mapping[str, Mapping[str, Any]]  # signature -> its inputs by name, as TensorProto


def write(student: keras.Model, config: Any, folder: Path, name: str, record: Mapping[str, Any]) -> None:
    """Write one version into `folder`; `config` builds the student, `record` is what is known of its training."""
    _write_graph(student, folder)
    manifest = {
        "name": name,
        "margin": DEFAULT_MARGIN,
        "config": dataclasses.asdict(config),
        "record": dict(record),
        "weights": [variable.path for variable in student.variables],
    }
    (folder / EXTRA).mkdir(exist_ok=True)
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    write_requests(folder / WARM_UP, name, requests())


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


def requests() -> Requests:
    """One request for each signature, all grey."""
    picture = tf.io.encode_jpeg(np.full((*WARM_UP_SIZE, 3), 128, np.uint8)).numpy()
    return {
        "serving_default": {"frame": tf.make_tensor_proto(0.5, tf.float32, (1, *WARM_UP_SIZE, 3))},
        "jpeg": {"image_bytes": tf.make_tensor_proto([picture])},
    }


def write_requests(file: Path, name: str, requests: Requests) -> None:
    """Requests to a model that a server knows as `name`, which it replays before it answers its first client.

    A TFRecord of PredictionLog messages (tensorflow_serving/apis/{prediction_log,predict,model}.proto).  Their classes
    ship only with packages that bring a whole TensorFlow along; on the wire each of their fields is bytes.
    """
    with tf.io.TFRecordWriter(str(file)) as records:
        for signature, inputs in requests.items():
            spec = _message({1: [name.encode()], 3: [signature.encode()]})  # ModelSpec: name, signature_name
            entries = [
                _message({1: [key.encode()], 2: [value.SerializeToString()]}) for key, value in inputs.items()
            ]
            request = _message({1: [spec], 2: entries})  # PredictRequest: model_spec, inputs
            records.write(_message({6: [_message({1: [request]})]}))  # PredictionLog: predict_log: request


def replay_warmup(path: Path) -> int:
    """Send each request of the SavedModel in `path` through its signature; how many answered."""
    file = path / WARM_UP
    if not file.is_file():
        raise UserError(f"{path} has no warm-up requests ({WARM_UP}). Export the network again.")
    loaded = tf.saved_model.load(str(path))
    signatures, answered = loaded.signatures, 0
    for signature, inputs in _read_requests(file):
        if signature not in signatures:
            raise UserError(f"{file} asks for {signature!r}, known are {sorted(signatures)}. Export again.")
        try:
            signatures[signature](**inputs)
        except (tf.errors.OpError, TypeError) as error:
            told = [line for line in str(error).splitlines() if line.strip() and "[[" not in line]
            reason = told[-1].strip()  # the first lines of a graph's error say only that it is one
            raise UserError(f"{path}: {signature!r} does not answer its warm-up request: {reason}") from error
        answered += 1
    return answered


def _read_requests(file: Path) -> Iterator[tuple[str, dict[str, tf.Tensor]]]:
    """The signature and the inputs of each request."""
    parse = _fields().FromString
    for record in tf.data.TFRecordDataset(str(file)):
        (request,) = parse(parse(record.numpy()).field_6[0]).field_1
        spec, entries = parse(parse(request).field_1[0]), map(parse, parse(request).field_2)
        tensors = {each.field_1[0].decode(): each.field_2[0] for each in entries}
        values = {key: tensor_pb2.TensorProto.FromString(value) for key, value in tensors.items()}
        yield (
            spec.field_3[0].decode(),
            {key: tf.constant(tf.make_ndarray(value)) for key, value in values.items()},
        )


def _message(fields: Mapping[int, list[bytes]]) -> bytes:
    """A protocol buffer all of whose fields are bytes: text, and messages within, are that on the wire."""
    return _fields()(**{f"field_{number}": values for number, values in fields.items()}).SerializeToString()


@cache
def _fields() -> Any:
    """The class of such messages."""
    file = descriptor_pb2.FileDescriptorProto(name="keras_vst/fields.proto", package="keras_vst")
    message, kind = file.message_type.add(name="Fields"), descriptor_pb2.FieldDescriptorProto
    for number in (1, 2, 3, 6):
        form = {"type": kind.TYPE_BYTES, "label": kind.LABEL_REPEATED}
        message.field.add(name=f"field_{number}", number=number, **form)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("keras_vst.Fields"))


def _write_graph(student: keras.Model, folder: Path) -> None:
    """ExportArchive, because `tf.saved_model.save` around a Keras model would leave weights uninitialised."""
    archive = keras.export.ExportArchive()
    archive.track(student)
    archive.add_variable_collection(COLLECTION, student.variables)
    frame = tf.TensorSpec((None, None, None, 3), tf.float32, "frame")
    image_bytes = tf.TensorSpec((None,), tf.string, "image_bytes")

    def serving_default(frame: Any) -> dict[str, Any]:
        return student({"frame": frame}, training=False)

    def paint(frame: tf.Tensor) -> tf.Tensor:
        return serving_default(frame)["stylized"]

    def jpeg(image_bytes: Any) -> dict[str, Any]:
        painted = tf.map_fn(partial(_stylize_picture, paint), image_bytes, fn_output_signature=tf.string)
        return {"stylized_bytes": painted}

    archive.add_endpoint("serving_default", serving_default, input_signature=[frame])
    archive.add_endpoint("jpeg", jpeg, input_signature=[image_bytes])
    archive.write_out(str(folder), verbose=False)


def _children(objects: Any, index: int) -> dict[str, int]:
    return {child.local_name: child.node_id for child in objects.nodes[index].children}


def _stylize_picture(paint: Callable[[tf.Tensor], tf.Tensor], image: tf.Tensor) -> tf.Tensor:
    """Paint a JPEG file: a JPEG file of the same size."""
    height, width = tf.unstack(tf.io.extract_jpeg_shape(image)[:2])  # the header: before pixels take memory
    area = tf.cast(height, tf.int64) * tf.cast(width, tf.int64)
    small = tf.debugging.assert_less_equal(
        area, tf.cast(MOST_PIXELS, tf.int64), f"A picture may have {MOST_PIXELS} pixels. Send a smaller one."
    )
    with tf.control_dependencies([small]):
        pixels = tf.io.decode_jpeg(image, channels=3)
    rows, columns = _with_border(height), _with_border(width)
    fitted = tf.gather(tf.gather(pixels, rows, axis=0), columns, axis=1)
    stylized = paint(tf.cast(fitted, tf.float32)[None] / 255.0)[0]
    inside = stylized[DEFAULT_MARGIN : DEFAULT_MARGIN + height, DEFAULT_MARGIN : DEFAULT_MARGIN + width]
    return tf.io.encode_jpeg(tf.saturate_cast(tf.round(inside * 255.0), tf.uint8), quality=QUALITY)


def _with_border(side: tf.Tensor) -> tf.Tensor:
    """For each row of the fitted picture the row of the picture that it shows; (side,) -> (fitted,)."""
    fitted = -(-(side + 2 * DEFAULT_MARGIN) // SIZE_MULTIPLE) * SIZE_MULTIPLE
    return tf.clip_by_value(tf.range(fitted) - DEFAULT_MARGIN, 0, side - 1)
