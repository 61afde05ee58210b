"""The second signature of a .tflite file: `stylize_u8`, bytes in and out, beside the float `stylize`.

It is the same graph once more, reading the same weights, between two operations: the frame, uint8 in
[0, 255], is dequantized to [0, 1] and the stylized frame quantized back; style and state stay float32.  Both
are operations of XNNPACK, so that all of it stays one partition; an endpoint that casts in TensorFlow leaves CAST
and ROUND outside, and its int8 file would be calibrated as a second network.
"""

from __future__ import annotations

import copy
from typing import Any

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

SIGNATURE = "stylize"
BYTES_SIGNATURE = "stylize_u8"
MULTIPLE = 8  # pixels: the least that a frame has on a side
PROVISIONAL = {
    "frame": MULTIPLE,
    "state": MULTIPLE // 4,
}  # sides in files of any size, until they are resized
ALIGNMENT = 16  # bytes; what the format asks of weights, and Python's writer does not do by itself


def read(flatbuffer: bytes) -> Any:
    """The file as an object tree (schema.ModelT)."""
    return schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(bytearray(flatbuffer), 0))


def write(model: Any) -> bytes:
    """The inverse of `read`."""
    builder = _AligningBuilder(2**20)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def finish(a,b): return a
def add_bytes_signature(flatbuffer: bytes) -> bytes:
    """The file with `stylize_u8` added to its one signature `stylize`."""
    model = read(flatbuffer)
    if [_text(signature.signatureKey) for signature in model.signatureDefs] != [SIGNATURE]:
        keys = [_text(signature.signatureKey) for signature in model.signatureDefs]
        raise ValueError(f"A file with the one signature `{SIGNATURE}` is expected. Received: {keys}.")
    graph, signature = copy.deepcopy(model.subgraphs[0]), copy.deepcopy(model.signatureDefs[0])
    graph.name = signature.signatureKey = BYTES_SIGNATURE
    signature.subgraphIndex = len(model.subgraphs)
    inputs = {_text(each.name): each for each in signature.inputs}
    outputs = {_text(each.name): each for each in signature.outputs}
    frame, stylized = inputs["frame"].tensorIndex, outputs["stylized"].tensorIndex
    frame_bytes, stylized_bytes = _add_bytes_like(graph, frame), _add_bytes_like(graph, stylized)
    to_float = _operator(model, schema.BuiltinOperator.DEQUANTIZE, frame_bytes, frame)
    to_bytes = _operator(model, schema.BuiltinOperator.QUANTIZE, stylized, stylized_bytes)
    graph.operators = [to_float, *graph.operators, to_bytes]
    graph.inputs = [frame_bytes if index == frame else int(index) for index in graph.inputs]
    graph.outputs = [stylized_bytes if index == stylized else int(index) for index in graph.outputs]
    inputs["frame"].tensorIndex, outputs["stylized"].tensorIndex = frame_bytes, stylized_bytes
    model.subgraphs.append(graph)
    model.signatureDefs.append(signature)
    _make_foldable(model)
    return write(model)


def _make_foldable(model: Any) -> None:
    """Let XNNPACK take SPACE_TO_DEPTH in files of any size.

    What it folds is stored as 1x1 until the input is resized.  XNNPACK looks before that, and leaves an operation
    out whose block does not divide its input; so 8x8 stands there, which is as provisional.  The inputs agree with it:
    tflite-runtime prepares both signatures when the sizes of one are set.
    """
    for signature in model.signatureDefs:
        tensors = model.subgraphs[signature.subgraphIndex].tensors
        for each in signature.inputs:
            least = PROVISIONAL.get(_text(each.name))
            if least:
                tensor = tensors[each.tensorIndex]
                batch, height, width, channels = tensor.shape
                tensor.shape = [batch, max(height, least), max(width, least), channels]
    for graph in model.subgraphs:
        for operator in graph.operators:
            if model.operatorCodes[operator.opcodeIndex].builtinCode == schema.BuiltinOperator.SPACE_TO_DEPTH:
                tensor = graph.tensors[operator.inputs[0]]
                batch, height, width, channels = tensor.shape
                tensor.shape = [batch, max(height, MULTIPLE), max(width, MULTIPLE), channels]


class _AligningBuilder(flatbuffers.Builder):
    def StartVector(self, elemSize: int, numElems: int, alignment: int) -> Any:
        return super().StartVector(elemSize, numElems, max(alignment, ALIGNMENT))


def _add_bytes_like(graph: Any, index: int) -> int:
    """A uint8 tensor of the same shape whose 0..255 stand for 0..1; returns its number."""
    tensor = copy.deepcopy(graph.tensors[index])
    tensor.name = f"{_text(tensor.name)}_u8"
    tensor.type = schema.TensorType.UINT8
    tensor.buffer = 0  # none of its own: the runtime allocates it
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
