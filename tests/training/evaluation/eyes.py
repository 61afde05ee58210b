"""A tiny EfficientNet-Lite0 with made weights, its file as PyTorch writes one, and its features by hand."""

from __future__ import annotations

import pickle
import struct
from pathlib import Path

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
NARROW = (4, 4, 4, 5, 5, 6, 6, 6, 4, 4, 4, 5, 5, 5, 5, 6)  # channels behind each block
STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1)
KERNELS = (3, 3, 3, 5, 5, 3, 3, 3, 5, 5, 5, 5, 5, 5, 5, 3)
ORDERED = b"ccollections\nOrderedDict\n)R"


def tiny_state(seed: int = 0, features: int = 7) -> dict[str, np.ndarray]:
    """Weights by the names of the real file."""
    rng, state, width = np.random.default_rng(seed), {}, 4

    def add(conv: str, norm: str, shape: tuple[int, ...]) -> None:
        scale = np.sqrt(2 / np.prod(shape[1:]))
        state[f"{conv}.weight"] = (scale * rng.standard_normal(shape)).astype(np.float32)
        for name, low, high in (
            ("weight", 0.8, 1.4),
            ("bias", 0, 1),
            ("running_mean", -0.3, 0.3),
            ("running_var", 0.5, 1),
        ):
            state[f"{norm}.{name}"] = rng.uniform(low, high, shape[0]).astype(np.float32)

    add("_conv_stem", "_bn0", (4, 3, 3, 3))
    for number, (narrow, kernel) in enumerate(zip(NARROW, KERNELS, strict=True)):
        block, wide = f"_blocks.{number}.", width if number == 0 else 2 * width
        if number:
            add(f"{block}_expand_conv", f"{block}_bn0", (wide, width, 1, 1))
        add(f"{block}_depthwise_conv", f"{block}_bn1", (wide, 1, kernel, kernel))
        add(f"{block}_project_conv", f"{block}_bn2", (narrow, wide, 1, 1))
        width = narrow
    add("_conv_head", "_bn1", (features, width, 1, 1))
    return {**state, "_bn1.num_batches_tracked": np.array(12, np.int64)}


def stored(state: dict[str, np.ndarray], intruder: bytes = b"") -> bytes:
    """As PyTorch 1.5 writes it; numbers lie in column order, as in the real file, which came from TensorFlow."""
    tensors, numbers = b"", b""
    for key, (name, array) in enumerate(state.items()):
        column = np.asfortranarray(array)
        tensors += f"V{name}\n".encode() + _described(key, column) + b"s"
        numbers += struct.pack("<q", array.size) + column.tobytes("A")
    head = b"".join(pickle.dumps(each, 2) for each in (MAGIC, 1001, {"little_endian": True}))
    return (
        head
        + ORDERED
        + intruder
        + tensors
        + b"."
        + pickle.dumps([str(key) for key in range(len(state))], 2)
        + numbers
    )


def _described(key: int, array: np.ndarray) -> bytes:
    kind = {"float32": "FloatStorage", "int64": "LongStorage"}[array.dtype.name]
    storage = f"(Vstorage\nctorch\n{kind}\nV{key}\nVcpu\nI{array.size}\nNtQ".encode()
    shape, strides = (
        b"(" + b"".join(b"I%d\n" % number for number in numbers) + b"t"
        for numbers in (array.shape, [stride // array.itemsize for stride in array.strides])
    )
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n("
        + storage
        + b"I0\n"
        + shape
        + strides
        + b"I00\n"
        + ORDERED
        + b"tR"
    )


def tiny_file(path: Path, seed: int = 0) -> Path:
    path.write_bytes(stored(tiny_state(seed)))
    return path


def features_by_hand(state: dict[str, np.ndarray], picture: np.ndarray) -> np.ndarray:
    """Of one picture (H, W, 3) uint8, norm after convolution, in float64."""
    seen = convolved(state, (picture.astype(np.float64) - 127) / 128, "_conv_stem", "_bn0", 2).clip(0, 6)
    for number, stride in enumerate(STRIDES):
        block, inner = f"_blocks.{number}.", seen
        if number:
            inner = convolved(state, inner, f"{block}_expand_conv", f"{block}_bn0").clip(0, 6)
        inner = convolved(state, inner, f"{block}_depthwise_conv", f"{block}_bn1", stride).clip(0, 6)
        inner = convolved(state, inner, f"{block}_project_conv", f"{block}_bn2")
        seen = inner + seen if inner.shape == seen.shape else inner
    return convolved(state, seen, "_conv_head", "_bn1").clip(0, 6).mean((0, 1))


def convolved(state, seen, conv, norm, stride=1):
    weight = state[f"{conv}.weight"].astype(np.float64)
    kernel = weight.shape[-1]
    whole = [max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in seen.shape[:2]]
    padded = np.pad(seen, [*((each // 2, each - each // 2) for each in whole), (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel), (0, 1))[::stride, ::stride]
    found = (
        np.einsum("hwcij,cij->hwc", windows, weight[:, 0])
        if "depthwise" in conv
        else np.einsum("hwcij,ocij->hwo", windows, weight)
    )
    mean, variance = state[f"{norm}.running_mean"], state[f"{norm}.running_var"]
    return (found - mean) / np.sqrt(variance + 1e-3) * state[f"{norm}.weight"] + state[f"{norm}.bias"]
