"""Tiny .tflite networks whose answer is known, and styles of a zoo made of them."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

TensorFlowFunction = Callable[..., dict[str, Any]]
NEGATIVE = -np.eye(3), np.ones(3)
SAME = np.eye(3), np.full(3, 1e-4)  # a bias of zeros would be laid out otherwise


def linear_network(
    path: Path, matrix: np.ndarray, bias: np.ndarray, *, size: tuple[int | None, int | None] = (None, None)
) -> Path:
    """Write a network of one convolution: each pixel times `matrix` (3, 3) plus `bias` (3)."""
    import tensorflow as tf

    kernel = tf.constant(matrix[np.newaxis, np.newaxis], tf.float32)

    def paint(frame: Any) -> dict[str, Any]:
        return {
            "stylized": tf.nn.bias_add(tf.nn.conv2d(frame, kernel, 1, "SAME"), tf.constant(bias, tf.float32))
        }

    return write_network(path, paint, [tf.TensorSpec((1, *size, 3), tf.float32, "frame")])


def film_network(path: Path, *, noise_channels: int = 0) -> Path:
    """Write a network of film quality: what is `warped` where it is visible, elsewhere half the frame (and noise)."""
    import tensorflow as tf

    def paint(frame: Any, warped: Any, visible: Any, noise: Any = None) -> dict[str, Any]:
        fresh = 0.5 * frame
        if noise is not None:
            fresh += 0.05 * tf.reduce_mean(noise, -1, keepdims=True)
        return {"stylized": visible * warped + (1.0 - visible) * fresh}

    channels = {
        "frame": 3,
        "warped": 3,
        "visible": 1,
        **({"noise": noise_channels} if noise_channels else {}),
    }
    specs = [tf.TensorSpec((1, None, None, count), tf.float32, name) for name, count in channels.items()]
    return write_network(path, paint, specs)


def foreign_network(path: Path) -> Path:
    """Write a valid .tflite of somebody else: one input called `image`, another signature."""
    import tensorflow as tf

    def classify(image: Any) -> dict[str, Any]:
        return {"scores": tf.reduce_mean(image, (1, 2))}

    return write_network(
        path, classify, [tf.TensorSpec((1, 8, 8, 3), tf.float32, "image")], signature="classify"
    )


def write_network(
    path: Path,
    paint: TensorFlowFunction,
    specs: list[Any],
    signature: str = "stylize",
    more: dict[str, tuple[TensorFlowFunction, list[Any]]] | None = None,
) -> Path:
    """Convert a function of named tensors, and `more` signatures, into a .tflite; returns its path."""
    import keras
    import tensorflow as tf

    archive = keras.export.ExportArchive()
    signatures = {signature: (paint, specs), **(more or {})}
    for name, (function, its_specs) in signatures.items():
        archive.add_endpoint(name, function, input_signature=its_specs)
    with tempfile.TemporaryDirectory() as folder:
        archive.write_out(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=list(signatures))
        path.write_bytes(converter.convert())
    return path


def weight_layout(content: bytes) -> list[dict[str, Any]]:
    """Where the float32 constants of a .tflite stand, in file order, as its flatbuffer says."""
    from ai_edge_litert import schema_py_generated as schema

    model: Any = schema.Model.GetRootAs(content, 0)
    graph, found = model.Subgraphs(0), {}
    for index in range(graph.TensorsLength()):
        tensor = graph.Tensors(index)
        buffer = model.Buffers(tensor.Buffer())
        if tensor.Type() == schema.TensorType.FLOAT32 and buffer.DataLength():
            offset = int(buffer._tab.Vector(buffer._tab.Offset(4)))
            shape = [int(side) for side in tensor.ShapeAsNumpy()]
            found[offset] = {"name": tensor.Name().decode(), "shape": shape, "offset": offset}
    return [{**found[offset], "length": 4 * int(np.prod(found[offset]["shape"]))} for offset in sorted(found)]


def make_card(name: str, networks: Sequence[Path], /, **more: object) -> dict[str, Any]:
    """The card of files whose precisions are fp32, fp16, int8 in that order."""
    contents = [file.read_bytes() for file in networks]
    entries = {
        precision: {"file": file.name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for precision, file, content in zip(("fp32", "fp16", "int8"), networks, contents, strict=False)
    }
    # A tensor's name comes from the converter's file; any two files of one architecture have the same.
    tensors = [{**each, "name": f"w{index}"} for index, each in enumerate(weight_layout(contents[0]))]
    return {
        "name": name,
        "title": name.title(),
        "artist": "Nobody",
        "year": 1900,
        "quality": "live",
        "architecture": "linear",
        "files": entries,
        "weights": {"file": networks[0].name, "tensors": tensors},
        **more,
    }


def write_style(root: Path, name: str, network: Path, **more: object) -> Path:
    """Put a network and its card into a zoo; returns the style's folder."""
    folder = root / name
    folder.mkdir(parents=True)
    file = folder / f"{name}.tflite"
    file.write_bytes(network.read_bytes())
    (folder / "card.json").write_text(json.dumps(make_card(name, [file], **more)))
    return folder
