"""Tiny .onnx networks whose answer is known, made of single operations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT
NUMBERS = {"one": 1.0, "half": 0.5}


def negative_onnx(
    path: Path,
    *,
    size: tuple[int | str, int | str] = ("height", "width"),
    about: dict[str, str] | None = None,
) -> Path:
    """The frame's negative."""
    shape = [1, *size, 3]
    one = numpy_helper.from_array(np.array(1.0, np.float32), "one")
    graph = helper.make_graph(
        [helper.make_node("Sub", ["one", "frame"], ["stylized"])],
        "negative",
        [helper.make_tensor_value_info("frame", FLOAT, shape)],
        [helper.make_tensor_value_info("stylized", FLOAT, shape)],
        [one],
    )
    return _write(path, graph, about or {})


def film_onnx(path: Path) -> Path:
    """Of film quality: the last painting where it is visible, elsewhere half the frame."""
    channels = {"frame": 3, "warped": 3, "visible": 1, "stylized": 3}
    values = [
        helper.make_tensor_value_info(name, FLOAT, [1, "height", "width", count])
        for name, count in channels.items()
    ]
    numbers = [numpy_helper.from_array(np.array(each, np.float32), name) for name, each in NUMBERS.items()]
    nodes = [
        helper.make_node("Mul", ["warped", "visible"], ["kept"]),
        helper.make_node("Sub", ["one", "visible"], ["unseen"]),
        helper.make_node("Mul", ["frame", "half"], ["faint"]),
        helper.make_node("Mul", ["faint", "unseen"], ["fresh"]),
        helper.make_node("Add", ["kept", "fresh"], ["stylized"]),
    ]
    return _write(path, helper.make_graph(nodes, "film", values[:3], values[3:], numbers), {})


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
