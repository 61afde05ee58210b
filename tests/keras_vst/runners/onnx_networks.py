"""Tiny .onnx networks whose answer is known, made of single operations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT


def negative_onnx(
    path: Path,
    *,
    size: tuple[int | str, int | str] = ("height", "width"),
    about: dict[str, str] | None = None,
) -> Path:
    """`negative_network` as ONNX: a mix with the negative, block means as state."""
    height, width = size
    state = [1, "h", "w", 1] if isinstance(height, str) else [1, height // 4, int(width) // 4, 1]
    axes = numpy_helper.from_array(np.array([3], np.int64), "axes")
    half = numpy_helper.from_array(np.array(0.5, np.float32), "half")
    one = numpy_helper.from_array(np.array(1.0, np.float32), "one")
    nodes = [
        helper.make_node("ReduceSum", ["style"], ["amount"], keepdims=0),
        helper.make_node("Sub", ["one", "frame"], ["negative"]),
        helper.make_node("Sub", ["negative", "frame"], ["change"]),
        helper.make_node("Mul", ["change", "amount"], ["share"]),
        helper.make_node("Add", ["frame", "share"], ["stylized"]),
        helper.make_node("Transpose", ["frame"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("AveragePool", ["planes"], ["pooled"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Transpose", ["pooled"], ["blocks"], perm=[0, 2, 3, 1]),
        helper.make_node("ReduceMean", ["blocks", "axes"], ["means"], keepdims=1),
        helper.make_node("Mul", ["state", "half"], ["faded"]),
        helper.make_node("Add", ["faded", "means"], ["next_state"]),
    ]
    graph = helper.make_graph(
        nodes,
        "negative",
        [
            helper.make_tensor_value_info("frame", FLOAT, [1, height, width, 3]),
            helper.make_tensor_value_info("style", FLOAT, [1, 2]),
            helper.make_tensor_value_info("state", FLOAT, state),
        ],
        [
            helper.make_tensor_value_info("stylized", FLOAT, [1, height, width, 3]),
            helper.make_tensor_value_info("next_state", FLOAT, state),
        ],
        [axes, half, one],
    )
    return _write(path, graph, about or {})


def foreign_onnx(path: Path) -> Path:
    """A valid network of somebody else."""
    node = helper.make_node("Identity", ["image"], ["scores"])
    values = [helper.make_tensor_value_info(name, FLOAT, [1, 8, 8, 3]) for name in ("image", "scores")]
    return _write(path, helper.make_graph([node], "foreign", values[:1], values[1:]), {})


def _write(path: Path, graph: onnx.GraphProto, about: dict[str, str]) -> Path:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    helper.set_model_props(model, about)
    onnx.save(model, str(path))
    return path
