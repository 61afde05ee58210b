"""Keras student, or the teacher of a film, -> ONNX, for ONNX Runtime and TensorRT.

Frames are float32 in [0, 1], NHWC, batch 1, as everywhere: in `frame` (1, H, W, 3), `style` (1, S), `state`
(1, H/4, W/4, C); out `stylized` and `next_state`.  H and W are any multiples of 8 unless a size is given.
A teacher has `warped`, `visible` and perhaps `noise` instead of a state.
In ONNX an output cannot be called like an input, hence `next_state`; `INPUTS` and `OUTPUTS` map our names.

The graph is written from the layers, not traced: it holds one node an operation, no control flow, and turns axes
only where frames and states enter and leave.
"""

from __future__ import annotations

from collections.abc import Iterable

import keras
import numpy as np
import onnx
from onnx import GraphProto, TensorProto, ValueInfoProto, helper

from export.onnx_layers import Graph, translate
from keras_vst.errors import UserError
from keras_vst.models import teacher
from keras_vst.models.student import SIZE_MULTIPLE, STATE_STRIDE, input_shapes
from keras_vst.zoo import DEFAULT_MARGIN

INPUTS = {
    "frame": "frame",
    "style": "style",
    "state": "state",
}  # our name -> the file's name; others keep theirs
OUTPUTS = {"stylized": "stylized", "state": "next_state"}
OPSET = 13  # the oldest with every operation we need; TensorRT 8.0 and ONNX Runtime 1.8 already take it

Shape = tuple[int | str, ...]


def convert(
    student: keras.Model,
    size: tuple[int, int] | None = None,
    *,
    name: str = "student",
    styles: Iterable[str] = (),
) -> bytes:
    """The fp32 model, checked.  `size` (height, width) makes it static.

    `name`, `styles` (separated by newlines) and the margin it wants around a picture lie in its metadata.
    """
    about = {"name": name, "styles": "\n".join(styles), "margin": str(DEFAULT_MARGIN)}
    opset = [helper.make_opsetid("", OPSET)]
    oldest = helper.find_min_ir_version_for(opset)  # the file format; older runtimes refuse a newer one
    graph = _graph(student, _shapes(student, size), name)
    model = helper.make_model(graph, opset_imports=opset, ir_version=oldest, producer_name="keras-vst")
    helper.set_model_props(model, about)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def _graph(student: keras.Model, shapes: dict[str, Shape], name: str) -> GraphProto:
    graph = Graph()
    names = _enter(graph, student)
    for layer in student.layers:
        if not isinstance(layer, keras.layers.InputLayer):
            inputs = layer.input if isinstance(layer.input, list) else [layer.input]
            names[id(layer.output)] = translate(graph, layer, [names[id(tensor)] for tensor in inputs])
    for key, tensor in student.output.items():
        graph.add("Transpose", [names[id(tensor)]], OUTPUTS[key], perm=(0, 2, 3, 1))
    returned = {"stylized": shapes["frame"], "state": shapes.get("state", ())}
    return helper.make_graph(
        graph.nodes,
        name,
        [_tensor(INPUTS.get(key, key), shape) for key, shape in shapes.items()],
        [_tensor(name, returned[key]) for key, name in OUTPUTS.items() if key in student.output],
        list(graph.weights.values()),
    )


def _enter(graph: Graph, student: keras.Model) -> dict[int, str]:
    """Bring the inputs into the axis order of the graph; the names of the student's tensors by identity."""
    axes = graph.weight("style/axes", [2, 3], np.int64)
    entered: dict[int, str] = {}
    for key in (*INPUTS, "warped", "visible", "noise"):
        if key in student.input:
            name, target = INPUTS.get(key, key), f"{key}/entered"
            entered[id(student.input[key])] = (
                graph.add("Unsqueeze", [name, axes], target)
                if key == "style"
                else graph.add("Transpose", [name], target, perm=(0, 3, 1, 2))
            )
    return entered


def _shapes(student: keras.Model, size: tuple[int, int] | None) -> dict[str, Shape]:
    """Fixed, or with the names of what may vary."""
    if size:
        if any(side % SIZE_MULTIPLE for side in size):
            raise UserError(
                f"A size must be a multiple of {SIZE_MULTIPLE} both ways. Received: {size} (height, width). "
                f"Use {tuple(-(-side // SIZE_MULTIPLE) * SIZE_MULTIPLE for side in size)}."
            )
        return _fixed(student, size)
    sides = {"state": (f"height/{STATE_STRIDE}", f"width/{STATE_STRIDE}")}
    return {
        key: shape if key == "style" else (1, *sides.get(key, ("height", "width")), shape[-1])
        for key, shape in _fixed(student, (SIZE_MULTIPLE, SIZE_MULTIPLE)).items()
    }


def _fixed(student: keras.Model, size: tuple[int, int]) -> dict[str, Shape]:
    shapes = input_shapes(student, size) if "state" in student.input else teacher.input_shapes(student, size)
    return dict(shapes)


def _tensor(name: str, shape: Shape) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
