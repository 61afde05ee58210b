"""What a .tflite file is made of, and whether it may be so.  Reads the flatbuffer and runs nothing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from export.formats.flatbuffer import layout, read, write
from export.results import Check, not_judged, rounded
from keras_vst import zoo

CODES = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
TYPES = {value: name for name, value in vars(schema.TensorType).items() if isinstance(value, int)}
NUMPY = {"FLOAT32": np.float32, "FLOAT16": np.float16, "INT8": np.int8, "INT32": np.int32}
PRECISIONS = {"FLOAT32": "fp32", "FLOAT16": "fp16", "INT8": "int8"}

# Its type and what is stored beside: int8 has 12 bytes a channel for scales, in both signatures.  Stored in the wrong
# type a file has twice the bytes.
BYTES_PER_PARAMETER = {"fp32": 4.3, "fp16": 2.3, "int8": 1.6}
# The graph beside the weights: in .tflite twice (two signatures), 15-40 kB in our networks; in a SavedModel three
# times, 750 kB, with the names of everything.  Keras writes each weight of a SavedModel twice, under two names.
GRAPH_BYTES = {"tflite": 64 * 1024, "onnx": 64 * 1024, "savedmodel": 1024**2}
COPIES = {"tflite": 1, "onnx": 1, "savedmodel": 2}
MIXABLE = "weights where the package's styles of this architecture have theirs"


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
    """A stored tensor, and the layer it belongs to."""

    layer: str
    type: str
    values: npt.NDArray[Any]


class Contents:
    """A .tflite file taken apart."""

    def __init__(self, file: bytes):
        self.file = file
        self._model: Any = read(file)
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
        """Every stored tensor that NumPy can read, once: signatures share their weights."""
        found: dict[int, Constant] = {}
        for graph in self._model.subgraphs:
            for tensor in graph.tensors:
                data, kind = self._model.buffers[tensor.buffer].data, TYPES[tensor.type]
                if data is not None and len(data) and kind in NUMPY:
                    values = np.frombuffer(np.asarray(data, np.uint8).tobytes(), NUMPY[kind])
                    found[tensor.buffer] = Constant(tensor.name.decode().split("/")[0], kind, values)
        return list(found.values())

    @cached_property
    def num_stored(self) -> dict[str, int]:
        """How many values of each type are stored, for instance {"FLOAT16": 350000, "FLOAT32": 900}."""
        counts: dict[str, int] = {}
        for constant in self.constants:
            counts[constant.type] = counts.get(constant.type, 0) + constant.values.size
        return counts

    @property
    def precision(self) -> str:
        """As what its weights are stored, for the most part: "fp32", "fp16" or "int8"."""
        counts = {kind: count for kind, count in self.num_stored.items() if kind in PRECISIONS}
        return PRECISIONS[max(counts, key=lambda kind: counts[kind])] if counts else "fp32"

    @property
    def largest(self) -> Constant:
        """The largest constant that is stored as most are."""
        stored = [one for one in self.constants if PRECISIONS.get(one.type) == self.precision]
        return max(stored, key=lambda one: one.values.size)

    def with_first(self, signature: str) -> bytes:
        """The same file with this signature first: a runtime's inspection looks at the first one only."""
        index = self.signatures[signature]
        if index == 0:
            return self.file
        model = read(self.file)
        model.subgraphs[0], model.subgraphs[index] = model.subgraphs[index], model.subgraphs[0]
        moved = {0: index, index: 0}
        for definition in model.signatureDefs:
            definition.subgraphIndex = moved.get(definition.subgraphIndex, definition.subgraphIndex)
        return write(model)

    def _operator(self, graph: Any, operator: Any) -> Operator:
        code = self._model.operatorCodes[operator.opcodeIndex]
        name = (
            code.customCode.decode()
            if code.customCode
            else CODES[max(code.builtinCode, code.deprecatedBuiltinCode)]
        )
        inputs = tuple(int(index) for index in operator.inputs if index >= 0)
        outputs = tuple(int(index) for index in operator.outputs)
        types = tuple(TYPES[graph.tensors[index].type] for index in (*inputs, *outputs))
        return Operator(name, graph.tensors[outputs[0]].name.decode(), inputs, outputs, types)


def weights(contents: Contents) -> Check:
    """Whether every stored float is a number."""
    floats = (one for one in contents.constants if one.type.startswith("FLOAT"))
    return finite("weights of the file", [one.layer for one in floats if not np.isfinite(one.values).all()])


def finite(name: str, bad: list[str]) -> Check:
    """The check for weights, of which those of the `bad` layers are not all numbers."""
    message = ""
    if bad:
        more = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
        message = (
            f"NaN or infinity in `{bad[0]}`{more}: the training diverged. Look where the losses of metrics.jsonl "
            "become nan, and train from a checkpoint before it with a smaller schedule.learning_rate."
        )
    limit = "every weight a finite number"
    return Check("numbers", name, not bad, limit, {"bad": float(len(bad))}, message)


def size(num_bytes: int, format: str, precision: str, parameters: int, contents: Contents | None) -> Check:
    """Bytes of an artifact against what a network of so many parameters may weigh."""
    most = int(COPIES[format] * BYTES_PER_PARAMETER[precision] * parameters) + GRAPH_BYTES[format]
    message = ""
    if num_bytes > most:
        stored = contents.num_stored if contents else {}
        types = ", ".join(f"{count} values as {kind}" for kind, count in sorted(stored.items()))
        cause = f"it stores {types}" if types else "something else than weights is stored in it"
        message = f"{num_bytes} bytes for {parameters} parameters at {precision}: {cause}. Convert it as {precision}."
    measured = {"bytes": float(num_bytes), "per parameter": rounded(num_bytes / max(parameters, 1))}
    return Check("size", "bytes", num_bytes <= most, f"<= {most} bytes", measured, message)


def stored(contents: Contents, precision: str) -> Check:
    """Whether the weights are stored as the file's name says."""
    own, message = contents.precision, ""
    if own != precision:
        message = (
            f"the weights, those of `{contents.largest.layer}` for instance, are stored as {own}; convert the "
            f"network as {precision}, or call the file {own}."
        )
    return Check("size", "stored as", own == precision, precision, message=message)


def mixable(file: bytes, architecture: str) -> Check:
    """Whether each weight of an fp32 file lies where it does in the package's styles of the same architecture."""
    bundled = (style for style in zoo.styles() if not style.own)
    known = (zoo.of_size(style, size) for style in bundled for size in zoo.sizes(style))
    alike = [each for each in known if each.architecture == architecture and each.weights]
    if not alike:
        return not_judged("layout", "mixing", MIXABLE, f"the package has no style of {architecture}")
    own = layout(file)
    apart = next((each for each in alike if each.weights != own), None)
    if apart is None:
        return Check("layout", "mixing", True, MIXABLE, {"styles": float(len(alike))})
    first = next((a["name"] for a, b in zip(own, apart.weights, strict=False) if a != b), "their number")
    message = (
        f"`{apart.name}` has another layout, first at {first}: another version of the converter made it. Export both "
        "with the same version of TensorFlow."
    )
    return Check("layout", "mixing", False, MIXABLE, message=message)
