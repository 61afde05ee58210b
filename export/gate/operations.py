"""Will XNNPACK, the GPU delegate and the WebGPU accelerator take all of a .tflite file?"""

from __future__ import annotations

import contextlib
import io
import re
from typing import Any

import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from export.anatomy import Anatomy, Operator
from export.gate.check import Check, not_judged
from export.oplist import ALLOWED, GPU_TYPES, replacement

_GPU_LIMIT = "float types all through, and passed by LiteRT's own check for the GPU delegate"


def checks(anatomy: Anatomy, content: bytes, size: tuple[int, int]) -> list[Check]:
    """All that is asked of a live file."""
    taken = [xnnpack(anatomy, signature, size) for signature in anatomy.signatures]
    return [white_list(anatomy), *taken, gpu(anatomy, content)]


def white_list(anatomy: Anatomy) -> Check:
    """Whether the network consists of operations that every delegate takes, in float and in int8."""
    operators = [one for signature in anatomy.signatures for one in anatomy.operators(signature)]
    outside = [one for one in operators if one.name not in ALLOWED]
    message = _explain(outside, "outside the list of what every device takes")
    limit = "only operations of export/oplist.py"
    return Check("operations", "white list", not outside, limit, {"outside": float(len(outside))}, message)


def gpu(anatomy: Anatomy, content: bytes) -> Check:
    """Whether the GPU delegate (phones) and the WebGPU accelerator (browsers) can run the signature `stylize`."""
    if anatomy.precision == "int8":
        reason = "GPUs compute in float and gain nothing from int8 (WebGPU gets uint8 wrong): give them the fp16 file"
        return not_judged("operations", "GPU and WebGPU", _GPU_LIMIT, reason)
    wrong = [one for one in anatomy.operators("stylize") if not set(one.types) <= GPU_TYPES]
    warnings = _analyzer_warnings(content)
    types = sorted({kind for one in wrong for kind in one.types} - GPU_TYPES)
    messages = [_explain(wrong, f"computed on {', '.join(types)}, which GPUs get wrong"), *warnings[:3]]
    measured = {"wrong types": float(len(wrong)), "warnings": float(len(warnings))}
    message = " ".join(filter(None, messages))
    return Check("operations", "GPU and WebGPU", not wrong and not warnings, _GPU_LIMIT, measured, message)


def xnnpack(anatomy: Anatomy, signature: str, size: tuple[int, int]) -> Check:
    """Whether XNNPACK takes the whole signature in one piece."""
    interpreter = _allocated(anatomy.with_first(signature), signature, size)
    partitions, left = _left_beside(interpreter, anatomy, signature)
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
    cause = (
        f"{', '.join(names)}{where}: {replacement('Flex')}" if names else error.strip().splitlines()[-1][:300]
    )
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
    return replacement(operator.name)


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


def _left_beside(interpreter: Any, anatomy: Anatomy, signature: str) -> tuple[int, list[Operator]]:
    """How many pieces the delegate took, and the operations that are in none of them.

    The interpreter lists its original nodes and then the delegate's, so what a piece covers is found by walking
    back from its outputs to its inputs.
    """
    operators = anatomy.operators(signature)
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
