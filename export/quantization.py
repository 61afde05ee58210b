"""int8 in two steps: calibrate once, then quantize, as often as needed, all layers or all but a few.

Flatbuffers in and out, float32 at their ends: `stylize` (frame, style, state) -> (stylized, state).  What is
computed of the style vector alone before it meets the picture (`export.folding.of_style`) always stays float: S numbers
cost nothing, ten styles blended in steps of 1/255 are off by 2 %, an int8 DIV is no operation of XNNPACK and
tflite-runtime 2.14 has none.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.lite.python.convert import mlir_quantize

from export.calibration import Calibration
from export.flatbuffer import read, write
from export.ranges import fit_ranges
from keras_vst.commands import hushed

LEAST_RANGE = 1e-2  # between the smallest and the largest value of a tensor


def calibrate(converter: Any, calibration: Calibration) -> bytes:
    """The float network of a TFLiteConverter with the range of every tensor noted in it, as narrow as serves."""
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: iter(calibration.samples)
    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.TFLITE_BUILTINS_INT8,
        tf.lite.OpsSet.TFLITE_BUILTINS,
    ]
    # What tf.lite.experimental.QuantizationDebugger sets as well.
    converter._experimental_calibrate_only = True
    with hushed(), warnings.catch_warnings():  # TensorFlow's converter still uses its own interpreter
        warnings.filterwarnings("ignore", message=r"\s*Warning: tf.lite.Interpreter is deprecated")
        return _with_room(fit_ranges(converter.convert(), calibration.samples))


def quantize(calibrated: bytes, float_tensors: Iterable[str] = ()) -> bytes:
    """int8 wherever there is an int8 operation, but not where the tensors of these names are computed."""
    with hushed():
        return mlir_quantize(calibrated, denylisted_nodes=sorted(float_tensors))


class Network:
    """Which layer computes which tensors of a flatbuffer."""

    def __init__(self, flatbuffer: bytes, layers: Iterable[str], outputs: dict[str, str]) -> None:
        """`outputs` says which layer computes which output, whose tensors lost the layer's name."""
        model = read(flatbuffer)
        self._graph, self._layers = model.subgraphs[0], set(layers)
        self._names = [tensor.name.decode() for tensor in self._graph.tensors]
        final = {each.tensorIndex: outputs[each.name.decode()] for each in model.signatureDefs[0].outputs}
        computed = {int(index) for operator in self._graph.operators for index in operator.outputs}
        self._constant = set(range(len(self._names))) - computed - set(map(int, self._graph.inputs))
        self._computes: dict[str, set[int]] = {}
        for operator in self._graph.operators:
            target = int(operator.outputs[0])
            for layer in self._owners(operator) | ({final[target]} if target in final else set()):
                self._computes.setdefault(layer, set()).add(target)

    def computed_by(self, layers: Iterable[str]) -> set[str]:
        """Names of the tensors that these layers compute; a layer merged into others has theirs or none."""
        return {self._names[index] for layer in layers for index in self._computes.get(layer, ())}

    def _owners(self, operator: Any) -> set[str]:
        """An operation bears the names of the layers merged into it, if not itself then by its weights."""
        weights = [int(index) for index in operator.inputs if int(index) in self._constant]
        return set().union(
            *(
                _layers_named(self._names[index], self._layers)
                for index in (int(operator.outputs[0]), *weights)
            )
        )


def _with_room(calibrated: bytes) -> bytes:
    """Widen ranges of nearly nothing: where a layer was silent over all samples LiteRT ends the process (SIGABRT)."""
    model = read(calibrated)
    for tensor in (tensor for graph in model.subgraphs for tensor in graph.tensors):
        limits = tensor.quantization
        if limits is not None and limits.min is not None and len(limits.min):
            limits.max = np.maximum(limits.max, limits.min + LEAST_RANGE).astype(np.float32)
    return write(model)


def _layers_named(tensor: str, known: set[str]) -> set[str]:
    """The layers in a tensor's name: `student_1/stem_relu_1/Relu6;student_1/stem_1/BiasAdd` has stem_relu and stem."""
    words = re.split("[;/]", tensor)
    return {name for word in words for name in (word, re.sub(r"_\d+$", "", word)) if name in known}
