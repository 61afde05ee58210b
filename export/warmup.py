"""Warm-up requests of a SavedModel: TensorFlow Serving replays them before it answers its first client.

The file is a TFRecord of PredictionLog messages.  Their definition ships only with packages that bring a whole
TensorFlow along, so the handful of fields that a request needs is declared here; a message within a message is
bytes to the one around it, which is just how protocol buffers write it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from keras_vst.errors import UserError

FILE = Path("assets.extra") / "tf_serving_warmup_requests"
# tensorflow_serving/apis/{prediction_log,predict,model}.proto: of each message the fields used, with their numbers.
MESSAGES = {
    "PredictionLog": {"predict_log": 6},
    "PredictLog": {"request": 1},
    "PredictRequest": {"model_spec": 1, "inputs": 2},
    "ModelSpec": {"name": 1, "signature_name": 3},
    "Input": {"key": 1, "value": 2},  # an entry of the map `inputs`; `value` is a TensorProto
}
REPEATED, TEXT = {"inputs"}, {"name", "signature_name", "key"}

Requests = dict[str, dict[str, Any]]  # signature -> its inputs by name, as TensorProto


def requests(size: tuple[int, int]) -> Requests:
    """One request for each signature, all grey, for frames of (height, width)."""
    picture = tf.io.encode_jpeg(np.full((*size, 3), 128, np.uint8)).numpy()
    return {
        "serving_default": {"frame": tf.make_tensor_proto(0.5, tf.float32, (1, *size, 3))},
        "jpeg": {"image_bytes": tf.make_tensor_proto([picture])},
    }


def write(folder: Path, name: str, requests: Requests) -> None:
    """Write the requests into the SavedModel in `folder`, which a server knows as `name`."""
    kinds = _kinds()
    with tf.io.TFRecordWriter(str(folder / FILE)) as file:
        for signature, inputs in requests.items():
            spec = kinds["ModelSpec"](name=name, signature_name=signature)
            entries = [
                kinds["Input"](key=key, value=value.SerializeToString()).SerializeToString()
                for key, value in inputs.items()
            ]
            request = kinds["PredictRequest"](model_spec=spec.SerializeToString(), inputs=entries)
            log = kinds["PredictLog"](request=request.SerializeToString())
            file.write(kinds["PredictionLog"](predict_log=log.SerializeToString()).SerializeToString())


def replay_warmup(path: Path) -> int:
    """Send each request of the SavedModel in `path` through its signature; how many answered."""
    if not (path / FILE).is_file():
        raise UserError(f"{path} has no warm-up requests ({FILE}). Export the network again.")
    signatures, answered = tf.saved_model.load(str(path)).signatures, 0
    for signature, inputs in _read(path / FILE):
        if signature not in signatures:
            raise UserError(
                f"{path / FILE} asks for {signature!r}, known are {sorted(signatures)}. Export again."
            )
        try:
            signatures[signature](**inputs)
        except (tf.errors.OpError, TypeError) as error:
            told = [line for line in str(error).splitlines() if line.strip() and "[[" not in line]
            reason = told[-1].strip()  # the first lines of a graph's error say only that it is one
            raise UserError(f"{path}: {signature!r} does not answer its warm-up request: {reason}") from error
        answered += 1
    return answered


def _read(file: Path) -> Iterator[tuple[str, dict[str, tf.Tensor]]]:
    kinds = _kinds()
    for record in tf.data.TFRecordDataset(str(file)):
        log = kinds["PredictionLog"].FromString(record.numpy())
        request = kinds["PredictRequest"].FromString(kinds["PredictLog"].FromString(log.predict_log).request)
        entries = [kinds["Input"].FromString(entry) for entry in request.inputs]
        inputs = {entry.key: tf.constant(tf.make_ndarray(_tensor(entry.value))) for entry in entries}
        yield kinds["ModelSpec"].FromString(request.model_spec).signature_name, inputs


def _tensor(data: bytes) -> Any:
    tensor = tf.make_tensor_proto(0)  # the class of TensorProto, which TensorFlow does not export by name
    tensor.ParseFromString(data)
    return tensor


def _kinds() -> dict[str, Any]:
    """A class for each message, in a pool of our own: the real definitions may be installed too."""
    file = descriptor_pb2.FileDescriptorProto(name="keras_vst/warmup.proto", package="keras_vst.warmup")
    field = descriptor_pb2.FieldDescriptorProto
    for name, numbers in MESSAGES.items():
        message = file.message_type.add(name=name)
        for key, number in numbers.items():
            kind = field.TYPE_STRING if key in TEXT else field.TYPE_BYTES
            label = field.LABEL_REPEATED if key in REPEATED else field.LABEL_OPTIONAL
            message.field.add(name=key, number=number, type=kind, label=label)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{file.package}.{name}"))
        for name in MESSAGES
    }
