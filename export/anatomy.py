"""What a .tflite file is made of: operators, the layers they came from, the types and values of its constants.

Reads the flatbuffer and runs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from export.flatbuffer import read, write

_CODES = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
_TYPES = {value: name for name, value in vars(schema.TensorType).items() if isinstance(value, int)}
_NUMPY = {"FLOAT32": np.float32, "FLOAT16": np.float16, "INT8": np.int8, "INT32": np.int32}
_PRECISIONS = {"FLOAT32": "fp32", "FLOAT16": "fp16", "INT8": "int8"}


@dataclass(frozen=True)
class Operator:
    """One operation of a signature: its TFLite name, its types, and the layer of the network it came from."""

    name: str
    layer: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    types: tuple[str, ...]  # of all that flows in and out


@dataclass(frozen=True)
class Constant:
    """A stored tensor."""

    name: str
    type: str
    values: npt.NDArray[Any] | None  # None where the type is none that NumPy reads

    @property
    def layer(self) -> str:
        """The layer it belongs to."""
        return self.name.split("/")[0]


class Anatomy:
    """A .tflite file taken apart."""

    def __init__(self, content: bytes):
        self._content = content
        self._model: Any = read(content)
        self.signatures: dict[str, int] = {
            definition.signatureKey.decode(): definition.subgraphIndex
            for definition in self._model.signatureDefs or []
        }

    def operators(self, signature: str) -> list[Operator]:
        """The operations of a signature, in the order in which they run."""
        graph = self._model.subgraphs[self.signatures[signature]]
        return [self._operator(graph, each) for each in graph.operators]

    @cached_property
    def constants(self) -> list[Constant]:
        """Every stored tensor once; signatures that share a buffer share the constant."""
        found: dict[int, Constant] = {}
        for graph in self._model.subgraphs:
            for tensor in graph.tensors:
                data = self._model.buffers[tensor.buffer].data
                if data is not None and len(data) and tensor.buffer not in found:
                    found[tensor.buffer] = _constant(tensor, data)
        return list(found.values())

    @property
    def floats(self) -> Iterator[Constant]:
        """The constants among which a NaN can be."""
        return (one for one in self.constants if one.type in ("FLOAT32", "FLOAT16"))

    @cached_property
    def weight_types(self) -> dict[str, int]:
        """How many values of each type are stored, for instance {"FLOAT16": 350000, "FLOAT32": 900}."""
        counts: dict[str, int] = {}
        for constant in self.constants:
            if constant.values is not None:
                counts[constant.type] = counts.get(constant.type, 0) + constant.values.size
        return counts

    @property
    def precision(self) -> str:
        """As what its weights are stored, for the most part: "fp32", "fp16" or "int8"."""
        counts = {kind: count for kind, count in self.weight_types.items() if kind in _PRECISIONS}
        return _PRECISIONS[max(counts, key=lambda kind: counts[kind])] if counts else "fp32"

    def example(self, precision: str) -> Constant:
        """The largest constant that is stored so."""
        kind = next(kind for kind, name in _PRECISIONS.items() if name == precision)
        stored = [one for one in self.constants if one.type == kind and one.values is not None]
        return max(stored, key=lambda one: one.values.size if one.values is not None else 0)

    def with_first(self, signature: str) -> bytes:
        """The same file with this signature first: a runtime's inspection looks at the first one only."""
        index = self.signatures[signature]
        if index == 0:
            return self._content
        model = read(self._content)
        model.subgraphs[0], model.subgraphs[index] = model.subgraphs[index], model.subgraphs[0]
        moved = {0: index, index: 0}
        for definition in model.signatureDefs:
            definition.subgraphIndex = moved.get(definition.subgraphIndex, definition.subgraphIndex)
        return write(model)

    def _operator(self, graph: Any, operator: Any) -> Operator:
        code = self._model.operatorCodes[operator.opcodeIndex]
        number = max(code.builtinCode, code.deprecatedBuiltinCode)
        name = code.customCode.decode() if code.customCode else _CODES[number]
        inputs = tuple(int(index) for index in operator.inputs if index >= 0)
        outputs = tuple(int(index) for index in operator.outputs)
        types = tuple(_TYPES[graph.tensors[index].type] for index in (*inputs, *outputs))
        return Operator(name, graph.tensors[outputs[0]].name.decode(), inputs, outputs, types)


def _constant(tensor: Any, data: Any) -> Constant:
    kind = _TYPES[tensor.type]
    raw = np.asarray(data, np.uint8).tobytes()
    values = np.frombuffer(raw, _NUMPY[kind]) if kind in _NUMPY else None
    return Constant(tensor.name.decode(), kind, values)
