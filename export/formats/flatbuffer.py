"""What is done to a .tflite file after its conversion: one layout for one architecture, and a second signature.

One layout: weights can be mixed as bytes, so two networks of one architecture must lie alike whatever their weights.
The converter stores equal constants once (all biases that are zero, say) and numbers its names by how often it was
called.  Here every operation gets constants of its own, and names are those of the layers: `stem`, `stem/kernel`,
`stem/bias`.

The second signature, `stylize_u8`, is bytes in and out: the same graph once more, reading the same weights, between
two operations: the frame, uint8 in [0, 255], is dequantized to [0, 1] and the stylized frame quantized back.  Both are
operations of XNNPACK, so that all of it stays one partition; an endpoint that casts in TensorFlow leaves CAST and
ROUND outside, and its int8 file would be calibrated as a second network.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from typing import Any

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

from keras_vst.networks.base import MULTIPLE
from keras_vst.networks.opening import SIGNATURE as SIGNATURE

BYTES_SIGNATURE = "stylize_u8"
ALIGNMENT = 16  # bytes; what the format asks of weights, and Python's writer does not do by itself
RUNTIME_VERSION = "min_runtime_version"  # the one entry of a file's metadata that says nothing of its maker
WEIGHTS = ("kernel", "bias")  # of a convolution, after its features


def read(flatbuffer: bytes) -> Any:
    """The file as an object tree (schema.ModelT)."""
    return schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(bytearray(flatbuffer), 0))


def write(model: Any) -> bytes:
    """The inverse of `read`."""
    builder = _AligningBuilder(2**20)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def finish(flatbuffer: bytes, layers: set[str], *, bytes_too: bool) -> bytes:
    """The file in one layout, with names of the layers; `bytes_too` puts `stylize_u8` beside `stylize`."""
    model = read(flatbuffer)
    graph = model.subgraphs[0]
    _rename(graph, layers)
    _separate(model, graph)
    if bytes_too:
        _add_bytes_signature(model)
    return write(model)


def layout(flatbuffer: bytes) -> list[dict[str, Any]]:
    """Where each float32 constant lies in the file: its name, its shape, offset and length in bytes, in file order."""
    model: Any = schema.Model.GetRootAsModel(flatbuffer, 0)
    graph, found = model.Subgraphs(0), []
    for index in range(graph.TensorsLength()):
        tensor = graph.Tensors(index)
        buffer = model.Buffers(tensor.Buffer())
        if tensor.Type() == schema.TensorType.FLOAT32 and buffer.DataLength():
            offset = buffer._tab.Vector(buffer._tab.Offset(4))  # `data` is the first field of a Buffer
            shape = [int(side) for side in tensor.ShapeAsNumpy()] if tensor.ShapeLength() else []
            place = {"shape": shape, "offset": int(offset), "length": int(buffer.DataLength())}
            found.append({"name": tensor.Name().decode(), **place})
    return sorted(found, key=lambda each: each["offset"])


def set_range(flatbuffer: bytes, layer: str, low: float, high: float) -> bytes:
    """The int8 file with another range for what a convolution gives; what it computes outside is cut off."""
    model = read(flatbuffer)
    scale = (high - low) / 255.0
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            if _text(tensor.name) == layer:
                tensor.quantization.scale, tensor.quantization.zeroPoint = (
                    [scale],
                    [round(-128 - low / scale)],
                )
    return write(model)


def _rename(graph: Any, layers: set[str]) -> None:
    """Name tensors after the layers that compute them."""
    for operator in graph.operators:
        layer = _layer(_text(graph.tensors[operator.outputs[0]].name), layers)
        for index in operator.outputs:
            graph.tensors[index].name = layer


def _layer(tensor: str, layers: set[str]) -> str:
    """The layer in "student_1/stem_relu_1/Relu6;student_1/stem_1/convolution": the last, which has the weights.

    Each trace of a network adds a number to the name of the network and of all its layers.
    """
    words = [word for part in tensor.split(";") for word in part.split("/")]
    known = [name for word in words for name in (word, re.sub(r"_\d+$", "", word)) if name in layers]
    return known[-1] if known else words[0]


def _separate(model: Any, graph: Any) -> None:
    """Give each operation constants of its own, and each constant its own bytes."""
    variable = {int(index) for each in graph.operators for index in each.outputs} | set(
        map(int, graph.inputs)
    )
    old, buffers, tensors = model.buffers, [model.buffers[0]], []
    numbers: dict[int, int] = {-1: -1}

    def keep(tensor: Any) -> int:
        if tensor.buffer:
            buffers.append(copy.copy(old[tensor.buffer]))
            tensor.buffer = len(buffers) - 1
        tensors.append(tensor)
        return len(tensors) - 1

    for index in sorted(variable):
        graph.tensors[index].buffer = 0  # none of its own: the runtime allocates it
        numbers[index] = keep(graph.tensors[index])
    for operator in graph.operators:
        layer, inputs = _text(graph.tensors[operator.outputs[0]].name), []
        for place, index in enumerate(map(int, operator.inputs)):
            if index not in numbers:
                tensor = copy.deepcopy(graph.tensors[index])
                tensor.name = f"{layer}/{WEIGHTS[place - 1] if 0 < place <= len(WEIGHTS) else place}"
                inputs.append(keep(tensor))
            else:
                inputs.append(numbers[index])
        operator.inputs = inputs
    for operator in graph.operators:
        operator.outputs = _renumbered(operator.outputs, numbers)
    graph.inputs, graph.outputs = _renumbered(graph.inputs, numbers), _renumbered(graph.outputs, numbers)
    for each in (*model.signatureDefs[0].inputs, *model.signatureDefs[0].outputs):
        each.tensorIndex = numbers[each.tensorIndex]
    model.metadata = [each for each in model.metadata or [] if _text(each.name) == RUNTIME_VERSION]
    for each in model.metadata:
        buffers.append(old[each.buffer])
        each.buffer = len(buffers) - 1
    graph.tensors, model.buffers = tensors, buffers


def _renumbered(indices: Iterable[int], numbers: dict[int, int]) -> list[int]:
    return [numbers[int(index)] for index in indices]


def _add_bytes_signature(model: Any) -> None:
    graph, signature = copy.deepcopy(model.subgraphs[0]), copy.deepcopy(model.signatureDefs[0])
    graph.name = signature.signatureKey = BYTES_SIGNATURE
    signature.subgraphIndex = len(model.subgraphs)
    (given,), (made,) = signature.inputs, signature.outputs
    frame, stylized = given.tensorIndex, made.tensorIndex
    given.tensorIndex, made.tensorIndex = _add_bytes_like(graph, frame), _add_bytes_like(graph, stylized)
    to_float = _operator(model, schema.BuiltinOperator.DEQUANTIZE, given.tensorIndex, frame)
    to_bytes = _operator(model, schema.BuiltinOperator.QUANTIZE, stylized, made.tensorIndex)
    graph.operators = [to_float, *graph.operators, to_bytes]
    graph.inputs, graph.outputs = [given.tensorIndex], [made.tensorIndex]
    model.subgraphs.append(graph)
    model.signatureDefs.append(signature)
    for each in model.subgraphs:  # of any size: 1x1 until it is resized, which tflite-runtime cannot prepare
        tensor = each.tensors[each.inputs[0]]
        tensor.shape = [1, *(max(int(side), MULTIPLE) for side in tensor.shape[1:3]), 3]


def _add_bytes_like(graph: Any, index: int) -> int:
    """A uint8 tensor of the same shape whose 0..255 stand for 0..1; returns its number."""
    tensor = copy.deepcopy(graph.tensors[index])
    tensor.name = f"{_text(tensor.name)}_u8"
    tensor.type = schema.TensorType.UINT8
    tensor.quantization = schema.QuantizationParametersT()
    tensor.quantization.scale, tensor.quantization.zeroPoint = [1.0 / 255.0], [0]
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _operator(model: Any, builtin: int, source: int, target: int) -> Any:
    operator = schema.OperatorT()
    operator.opcodeIndex = _operator_code(model, builtin)
    operator.inputs, operator.outputs = [source], [target]
    return operator


def _operator_code(model: Any, builtin: int) -> int:
    """Where the file lists the kind of operation; it is added if the file had none of it."""
    for index, code in enumerate(model.operatorCodes):
        if code.builtinCode == builtin:
            return index
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = builtin
    code.version = 1
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


class _AligningBuilder(flatbuffers.Builder):
    def StartVector(self, elemSize: int, numElems: int, alignment: int) -> Any:
        return super().StartVector(elemSize, numElems, max(alignment, ALIGNMENT))
