"""Which operations a device takes, and what to use in place of those that it does not.

`ALLOWED` is what our networks may consist of: taken by the GPU delegate and by XNNPACK, in float and in int8.
"""

from __future__ import annotations

# The GPU delegate's own list is LiteRT's `CheckGpuDelegateCompatibility` (tensorflow/lite/tools/versioning/
# gpu_compatibility.cc, which "GPU delegates for LiteRT", ai.google.dev/edge/litert/performance/gpu, summarizes).
# `tf.lite.experimental.Analyzer` runs that very code, and the gate asks it too, for what depends on shapes and
# attributes.  The list here is tighter: of what that code takes, only what int8 and XNNPACK take as well.
PICTURE_OPS = frozenset(
    {
        "ADD",
        "CONCATENATION",
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "DEPTH_TO_SPACE",
        "LOGISTIC",
        "MUL",
        "PAD",
        "RELU",
        "RELU6",
        "RESIZE_BILINEAR",
        "SUB",
        "TANH",
        "TRANSPOSE_CONV",
    }
)
# Conversions at the borders and of stored weights.
BORDER_OPS = frozenset({"CAST", "DEQUANTIZE", "QUANTIZE", "ROUND"})

ALLOWED = PICTURE_OPS | BORDER_OPS

# LiteRT's WebGPU accelerator computes in float and reads uint8 tensors wrongly (WGSL: cannot assign 'vec4<f32>' to
# 'vec4<i32>'; the picture comes out saturated), so a file for it has floats at both ends and all through.
GPU_TYPES = frozenset({"FLOAT32", "FLOAT16", "INT32"})

_NORM = (
    "an instance norm: it measures the whole picture for every frame, cannot be quantized and makes the picture "
    "breathe; use BatchNormalization, which is folded away"
)
REPLACEMENTS = {
    "MEAN": _NORM,
    "SQUARED_DIFFERENCE": _NORM,
    "RSQRT": _NORM,
    "SQUARE": _NORM,
    "NEG": _NORM,
    "SQRT": _NORM,
    "RESIZE_NEAREST_NEIGHBOR": "nearest resize: XNNPACK leaves it out; use DepthToSpace, or bilinear resize",
    "MIRROR_PAD": "mirrored padding (ReflectPad): XNNPACK leaves it out; use padding='same' and the edge's margin",
    "GATHER": "gathering, as warps do: no delegate takes it; keep the warp outside the network",
    "GATHER_ND": "gathering, as warps do: no delegate takes it; keep the warp outside the network",
    "SHAPE": "sizes worked out at run time: build the network with batch_size=1",
    "PACK": "sizes worked out at run time: build the network with batch_size=1, use native space_to_depth",
    "VAR_HANDLE": "weights left outside the file: convert through ExportArchive, not a tf.function",
    "READ_VARIABLE": "weights left outside the file: convert through ExportArchive, not a tf.function",
}
_FLEX = "a TensorFlow operation that TFLite lacks: build it from conv, add, mul, concat and depth_to_space"
_OTHER = "not among what every delegate takes; use conv, add, mul, concat, depth_to_space, bilinear resize or sigmoid"


def replacement(name: str) -> str:
    """What an operation comes from and what replaces it."""
    return _FLEX if name.startswith("Flex") else REPLACEMENTS.get(name, _OTHER)
