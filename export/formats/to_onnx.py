"""Keras network -> ONNX, for ONNX Runtime and TensorRT.

Tensors are those of the .tflite files: float32 in [0, 1], NHWC, batch 1; in `frame`, and of film quality `warped`,
`visible` and perhaps `noise`; out `stylized`.  H and W are any multiples of 8.

The graph is written from the layers, one rule a kind of layer (RULES), not traced: it holds one node an operation, no
control flow, and turns axes only where frames enter and leave; between, features are (1, C, H, W).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from keras_vst import layers
from keras_vst.errors import UserError
from keras_vst.models import fold
from keras_vst.zoo import DEFAULT_MARGIN

OPSET = 13  # the oldest with every operation we need; TensorRT 8.0 and ONNX Runtime 1.8 already take it


def convert(network: keras.Model, *, name: str = "student") -> bytes:
    """The fp32 model, checked; `name` and the margin lie in its metadata."""
    opset = [helper.make_opsetid("", OPSET)]
    oldest = helper.find_min_ir_version_for(opset)  # the file format; older runtimes refuse a newer one
    graph = _graph(fold(network), name)
    model = helper.make_model(graph, opset_imports=opset, ir_version=oldest, producer_name="keras-vst")
    helper.set_model_props(model, {"name": name, "margin": str(DEFAULT_MARGIN)})
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def _graph(network: keras.Model, name: str) -> onnx.GraphProto:
    graph, names = Graph(), {}
    for key, tensor in network.input.items():
        names[id(tensor)] = graph.add("Transpose", [key], f"{key}/entered", perm=(0, 3, 1, 2))
    for layer in network.layers:
        if not isinstance(layer, keras.layers.InputLayer):
            inputs = layer.input if isinstance(layer.input, list) else [layer.input]
            rule = RULES.get(type(layer), _no_rule)
            names[id(layer.output)] = rule(graph, layer, [names[id(tensor)] for tensor in inputs])
    for key, tensor in network.output.items():
        graph.add("Transpose", [names[id(tensor)]], key, perm=(0, 2, 3, 1))
    inputs, outputs = (
        [
            helper.make_tensor_value_info(key, TensorProto.FLOAT, (1, "height", "width", tensor.shape[-1]))
            for key, tensor in tensors.items()
        ]
        for tensors in (network.input, network.output)
    )
    return helper.make_graph(graph.nodes, name, inputs, outputs, list(graph.weights.values()))


class Graph:
    """Nodes and weights in the order they are added; names are unique because layers' names are."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.weights: dict[str, TensorProto] = {}

    def add(self, operation: str, inputs: list[str], name: str, **attributes: Any) -> str:
        """Append a node with one output called `name`, which it returns."""
        self.nodes.append(helper.make_node(operation, inputs, [name], name=name, **attributes))
        return name

    def weight(self, name: str, value: npt.ArrayLike, kind: Any = np.float32) -> str:
        """Keep an array under `name`, which it returns."""
        self.weights[name] = numpy_helper.from_array(np.ascontiguousarray(value, kind), name)
        return name


def _conv(graph: Graph, layer: Any, inputs: list[str]) -> str:
    if layer.data_format != "channels_last" or layer.dilation_rate != (1, 1):
        raise _unknown(layer, f"data_format={layer.data_format}, dilation_rate={layer.dilation_rate}")
    kernel = keras.ops.convert_to_numpy(layer.kernel)
    groups = 1
    if isinstance(layer, keras.layers.DepthwiseConv2D):  # (h, w, C, multiplier): one group a channel
        groups = kernel.shape[2]
        kernel = kernel.reshape(*kernel.shape[:2], 1, -1)
    operands = [*inputs, graph.weight(f"{layer.name}/kernel", kernel.transpose(3, 2, 0, 1))]
    if layer.use_bias:
        operands.append(graph.weight(f"{layer.name}/bias", keras.ops.convert_to_numpy(layer.bias)))
    pads = _pads(layer) if layer.padding == "same" else [0, 0, 0, 0]
    attributes = {"kernel_shape": layer.kernel_size, "strides": layer.strides, "pads": pads, "group": groups}
    return _activation(graph, layer, [graph.add("Conv", operands, f"{layer.name}/convolved", **attributes)])


def _pads(layer: Any) -> list[int]:
    """Keras's "same" for sides that the stride divides, which multiples of 8 are: the odd pixel comes last."""
    totals = [
        max(kernel - stride, 0) for kernel, stride in zip(layer.kernel_size, layer.strides, strict=True)
    ]
    return [total // 2 for total in totals] + [total - total // 2 for total in totals]


def _activation(graph: Graph, layer: Any, inputs: list[str]) -> str:
    function = layer.activation.__name__
    if function == "linear":
        return inputs[0]
    if function == "relu6":
        return _clip(graph, layer.name, inputs[0], 6.0)
    if function in ("sigmoid", "relu"):
        return graph.add(function.capitalize(), inputs, f"{layer.name}/{function}")
    raise _unknown(layer, f"activation {function}")


def _relu(graph: Graph, layer: Any, inputs: list[str]) -> str:
    if layer.negative_slope or layer.threshold:
        raise _unknown(layer, f"negative_slope={layer.negative_slope}, threshold={layer.threshold}")
    if layer.max_value is None:
        return graph.add("Relu", inputs, f"{layer.name}/relu")
    return _clip(graph, layer.name, inputs[0], float(layer.max_value))


def _clip(graph: Graph, name: str, features: str, most: float) -> str:
    bounds = [graph.weight(f"{name}/least", 0.0), graph.weight(f"{name}/most", most)]
    return graph.add("Clip", [features, *bounds], f"{name}/clipped")


def _plain(operation: str, name: str, graph: Graph, layer: Any, inputs: list[str]) -> str:
    return graph.add(operation, inputs, f"{layer.name}/{name}")


def _concatenate(graph: Graph, layer: Any, inputs: list[str]) -> str:
    if layer.axis not in (-1, 3):
        raise _unknown(layer, f"axis={layer.axis}")
    return graph.add("Concat", inputs, f"{layer.name}/joined", axis=1)


def _depth_to_space(graph: Graph, layer: Any, inputs: list[str]) -> str:
    return graph.add("DepthToSpace", inputs, f"{layer.name}/unfolded", blocksize=layer.block, mode="DCR")


def _instance_norm(graph: Graph, layer: Any, inputs: list[str]) -> str:
    if layer.groups != layer.gamma.shape[0] or layer.axis not in (-1, 3):
        raise _unknown(layer, f"groups={layer.groups}, axis={layer.axis}")
    parts = {"gamma": layer.gamma, "beta": layer.beta}
    weights = [
        graph.weight(f"{layer.name}/{key}", keras.ops.convert_to_numpy(part)) for key, part in parts.items()
    ]
    name = f"{layer.name}/normed"
    return graph.add("InstanceNormalization", [*inputs, *weights], name, epsilon=float(layer.epsilon))


def _reflect_pad(graph: Graph, layer: Any, inputs: list[str]) -> str:
    pads = graph.weight(f"{layer.name}/pads", [0, 0, layer.pad, layer.pad] * 2, np.int64)
    return graph.add("Pad", [*inputs, pads], f"{layer.name}/padded", mode="reflect")


def _upsample(graph: Graph, layer: Any, inputs: list[str]) -> str:
    if layer.interpolation != "bilinear":
        raise _unknown(layer, f"interpolation={layer.interpolation}")
    scales = graph.weight(f"{layer.name}/scales", [1, 1, *layer.size])
    attributes = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    return graph.add("Resize", [*inputs, "", scales], f"{layer.name}/larger", **attributes)


def _no_rule(graph: Graph, layer: Any, inputs: list[str]) -> str:
    raise _unknown(layer, f"{type(layer).__name__} has no counterpart here")


def _unknown(layer: keras.layers.Layer, reason: str) -> UserError:
    return UserError(
        f"The layer {layer.name!r} cannot be written as ONNX: {reason}. Known are the layers of "
        f"keras_vst.models: {', '.join(kind.__name__ for kind in RULES)}. Replace it by one of them."
    )


RULES: dict[type, Callable[[Graph, Any, list[str]], str]] = {
    keras.layers.Conv2D: _conv,
    keras.layers.DepthwiseConv2D: _conv,
    keras.layers.Activation: _activation,
    keras.layers.ReLU: _relu,
    keras.layers.Add: partial(_plain, "Add", "sum"),
    keras.layers.Multiply: partial(_plain, "Mul", "product"),
    keras.layers.Concatenate: _concatenate,
    layers.DepthToSpace: _depth_to_space,
    keras.layers.GroupNormalization: _instance_norm,
    keras.layers.UpSampling2D: _upsample,
    layers.ReflectPad: _reflect_pad,
}
