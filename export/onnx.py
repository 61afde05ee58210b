"""Keras network -> ONNX, for ONNX Runtime and TensorRT.

Tensors are those of the .tflite files: float32 in [0, 1], NHWC, batch 1; in `frame`, and of film quality `warped`,
`visible` and perhaps `noise`; out `stylized`.  H and W are any multiples of 8 unless a size is given.

The graph is written from the layers, not traced: it holds one node an operation, no control flow, and turns axes
only where frames enter and leave.
"""

from __future__ import annotations

import keras
import onnx
from onnx import TensorProto, helper

from export.folding import fold
from export.onnx_layers import Graph, translate
from keras_vst.errors import UserError
from keras_vst.models.student import SIZE_MULTIPLE
from keras_vst.zoo import DEFAULT_MARGIN

OPSET = 13  # the oldest with every operation we need; TensorRT 8.0 and ONNX Runtime 1.8 already take it


def convert(network: keras.Model, size: tuple[int, int] | None = None, *, name: str = "student") -> bytes:
    """The fp32 model, checked.  `size` (height, width) makes it static; `name` and the margin lie in its metadata."""
    if size and any(side % SIZE_MULTIPLE for side in size):
        raise UserError(
            f"A size must be a multiple of {SIZE_MULTIPLE} both ways. Received: {size} (height, width). "
            f"Use {tuple(-(-side // SIZE_MULTIPLE) * SIZE_MULTIPLE for side in size)}."
        )
    opset = [helper.make_opsetid("", OPSET)]
    oldest = helper.find_min_ir_version_for(opset)  # the file format; older runtimes refuse a newer one
    graph = _graph(fold(network), size or ("height", "width"), name)
    model = helper.make_model(graph, opset_imports=opset, ir_version=oldest, producer_name="keras-vst")
    helper.set_model_props(model, {"name": name, "margin": str(DEFAULT_MARGIN)})
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def _graph(network: keras.Model, sides: tuple[int, int] | tuple[str, str], name: str) -> onnx.GraphProto:
    graph, names = Graph(), {}
    for key, tensor in network.input.items():
        names[id(tensor)] = graph.add("Transpose", [key], f"{key}/entered", perm=(0, 3, 1, 2))
    for layer in network.layers:
        if not isinstance(layer, keras.layers.InputLayer):
            inputs = layer.input if isinstance(layer.input, list) else [layer.input]
            names[id(layer.output)] = translate(graph, layer, [names[id(tensor)] for tensor in inputs])
    for key, tensor in network.output.items():
        graph.add("Transpose", [names[id(tensor)]], key, perm=(0, 2, 3, 1))
    inputs, outputs = (
        [
            helper.make_tensor_value_info(key, TensorProto.FLOAT, (1, *sides, tensor.shape[-1]))
            for key, tensor in tensors.items()
        ]
        for tensors in (network.input, network.output)
    )
    return helper.make_graph(graph.nodes, name, inputs, outputs, list(graph.weights.values()))
