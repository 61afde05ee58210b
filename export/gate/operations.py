"""Will XNNPACK, the GPU delegate and the WebGPU accelerator take all of a .tflite file?"""

from __future__ import annotations

import contextlib
import io
import re
from typing import Any

import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from export.gate.contents import Contents, Operator
from export.results import Check, not_judged

# The GPU delegate's own list is LiteRT's `CheckGpuDelegateCompatibility` (tensorflow/lite/tools/versioning/
# gpu_compatibility.cc, which "GPU delegates for LiteRT", ai.google.dev/edge/litert/performance/gpu, summarizes).
# `tf.lite.experimental.Analyzer` runs that very code, and the gate asks it too, for what depends on shapes and
# attributes.  The list here is tighter: of what that code takes, only what int8 and XNNPACK take as well.
PICTURE_OPS = """ADD CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE LOGISTIC MUL PAD RELU RELU6 RESIZE_BILINEAR
SUB TANH TRANSPOSE_CONV"""
BORDER_OPS = "CAST DEQUANTIZE QUANTIZE ROUND"  # and of stored weights
ALLOWED = frozenset(f"{PICTURE_OPS} {BORDER_OPS}".split())

# LiteRT's WebGPU accelerator computes in float and reads uint8 tensors wrongly (WGSL: cannot assign 'vec4<f32>' to
# 'vec4<i32>'; the picture comes out saturated), so a file for it has floats at both ends and all through.
GPU_TYPES = frozenset({"FLOAT32", "FLOAT16", "INT32"})

NORM = (
    "an instance norm: it measures the whole picture for every frame, cannot be quantized and makes the picture "
    "breathe; use BatchNormalization, which is folded away"
)
WARP = "gathering, as warps do: no delegate takes it; keep the warp outside the network"
OUTSIDE = "weights left outside the file: convert through ExportArchive, not a tf.function"
REPLACEMENTS = {
    **dict.fromkeys(("MEAN", "SQUARED_DIFFERENCE", "RSQRT", "SQUARE", "NEG", "SQRT"), NORM),
    "RESIZE_NEAREST_NEIGHBOR": "nearest resize: XNNPACK leaves it out; use DepthToSpace, or bilinear resize",
    "MIRROR_PAD": "mirrored padding (ReflectPad): XNNPACK leaves it out; use padding='same' and the edge's margin",
    **dict.fromkeys(("GATHER", "GATHER_ND"), WARP),
    "SHAPE": "sizes worked out at run time: build the network with batch_size=1",
    "PACK": "sizes worked out at run time: build the network with batch_size=1, use native space_to_depth",
    **dict.fromkeys(("VAR_HANDLE", "READ_VARIABLE"), OUTSIDE),
}
FLEX = "a TensorFlow operation that TFLite lacks: build it from conv, add, mul, concat and depth_to_space"
OTHER = "not among what every delegate takes; use conv, add, mul, concat, depth_to_space, bilinear resize or sigmoid"

GPU_LIMIT = "float types all through, and passed by LiteRT's own check for the GPU delegate"


def checks(contents: Contents, size: tuple[int, int]) -> list[Check]:
    """All that is asked of a live file."""
    taken = [xnnpack(contents, signature, size) for signature in contents.signatures]
    return [white_list(contents), *taken, gpu(contents)]


def white_list(contents: Contents) -> Check:
    """Whether the network consists of operations that every delegate takes, in float and in int8."""
    operators = [one for signature in contents.signatures for one in contents.operators(signature)]
    outside = [one for one in operators if one.name not in ALLOWED]
    message = _explain(outside, "outside the list of what every device takes")
    limit = "only operations that every device takes"
    return Check("operations", "white list", not outside, limit, {"outside": float(len(outside))}, message)


def gpu(contents: Contents) -> Check:
    """Whether the GPU delegate (phones) and the WebGPU accelerator (browsers) can run the signature `stylize`."""
    if contents.precision == "int8":
        reason = "GPUs compute in float and gain nothing from int8 (WebGPU gets uint8 wrong): give them the fp16 file"
        return not_judged("operations", "GPU and WebGPU", GPU_LIMIT, reason)
    wrong = [one for one in contents.operators("stylize") if not set(one.types) <= GPU_TYPES]
    warnings = _analyzer_warnings(contents.file)
    types = sorted({kind for one in wrong for kind in one.types} - GPU_TYPES)
    messages = [_explain(wrong, f"computed on {', '.join(types)}, which GPUs get wrong"), *warnings[:3]]
    measured = {"wrong types": float(len(wrong)), "warnings": float(len(warnings))}
    message = " ".join(filter(None, messages))
    return Check("operations", "GPU and WebGPU", not wrong and not warnings, GPU_LIMIT, measured, message)


def xnnpack(contents: Contents, signature: str, size: tuple[int, int]) -> Check:
    """Whether XNNPACK takes the whole signature in one piece."""
    interpreter = _allocated(contents.with_first(signature), signature, size)
    partitions, left = _left_beside(interpreter, contents, signature)
    message = _explain(left, "left by XNNPACK to slow kernels")
    if partitions != 1 and not left:
        message = f"{partitions} partitions, though XNNPACK takes every operation: their order splits it."
    measured = {"partitions": float(partitions), "left": float(len(left))}
    passed = partitions == 1 and not left
    return Check(
        "operations", f"XNNPACK, {signature}", passed, "one partition, nothing beside it", measured, message
    )


def refused_by_converter(error: str) -> Check:
    """The check for a network that does not even convert, from what the converter said."""
    found = re.search(r"(?:TF Select|Custom) ops: ([\w, ]+)", error)
    names = [name.strip() for name in found[1].split(",")] if found else []
    layer = re.search(r'fused\["\w+:", "[^/"]+/([^/"]+)/', error)
    where = f" (layer `{layer[1]}`)" if layer else ""
    cause = f"{', '.join(names)}{where}: {FLEX}" if names else error.strip().splitlines()[-1][:300]
    return Check("operations", "conversion", False, "TFLite's built-in operations alone", {}, cause)


def _explain(operators: list[Operator], what: str) -> str:
    """Operations with the first layer they come from, those that have one remedy together."""
    remedies: dict[str, list[Operator]] = {}
    for one in operators:
        remedies.setdefault(_remedy(one), []).append(one)
    return " ".join(
        f"{', '.join(dict.fromkeys(one.name for one in same))} in layer `{same[0].layer}`: {what}. This is {remedy}."
        for remedy, same in list(remedies.items())[:3]
    )


def _remedy(operator: Operator) -> str:
    if operator.name in ALLOWED:
        return "taken in other types or shapes; convert the network as fp16 or fp32, or to a fixed size (--sizes)"
    return FLEX if operator.name.startswith("Flex") else REPLACEMENTS.get(operator.name, OTHER)


def _analyzer_warnings(content: bytes) -> list[str]:
    """What LiteRT's own check for the GPU delegate says of the signature `stylize`, which is the first."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        tf.lite.experimental.Analyzer.analyze(model_content=content, gpu_compatibility=True)
    first = text.getvalue().partition("Subgraph#1")[0]
    return [
        f"The GPU delegate refuses {operator}: {reason.strip()}."
        for operator, reason in re.findall(
            r"Op#\d+ (\w+)[^\n]*\n\s*GPU COMPATIBILITY WARNING: ([^\n]+)", first
        )
    ]


def _allocated(content: bytes, signature: str, size: tuple[int, int]) -> Any:
    interpreter = Interpreter(model_content=content)
    index = int(interpreter.get_signature_runner(signature).get_input_details()["frame"]["index"])
    interpreter.resize_tensor_input(index, (1, *size, 3))
    interpreter.allocate_tensors()
    return interpreter


def _left_beside(interpreter: Any, contents: Contents, signature: str) -> tuple[int, list[Operator]]:
    """How many pieces the delegate took, and the operations that are in none of them.

    The interpreter lists its original nodes and then the delegate's, so what a piece covers is found by walking
    back from its outputs to its inputs.
    """
    operators = contents.operators(signature)
    maker = {output: index for index, one in enumerate(operators) for output in one.outputs}
    pieces = [node for node in interpreter._get_ops_details() if node["op_name"] == "DELEGATE"]
    covered: set[int] = set()
    for piece in pieces:
        borders, waiting = set(map(int, piece["inputs"])), [int(index) for index in piece["outputs"]]
        while waiting:
            index = maker.get(waiting.pop())
            if index is not None and index not in covered:
                covered.add(index)
                waiting.extend(one for one in operators[index].inputs if one not in borders)
    return len(pieces), [one for index, one in enumerate(operators) if index not in covered]
