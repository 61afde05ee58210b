"""Noise that follows from a seed and a step alone, the same on every backend, machine and after a resume."""

from __future__ import annotations

import math

from keras import ops

from keras_vst.ops import Tensor

_MASK = 0xFFFFFFFF


def uniform(shape: tuple[int, ...], seed: int, step: Tensor, stream: int = 0) -> Tensor:
    """Float32 in [0, 1).  `stream` tells apart several draws of one step."""
    count = math.prod(shape)
    place = ops.arange(count, dtype="int64")
    start = _mix(_mix(ops.cast(step, "int64") * 8 + stream) + seed)
    bits = _mix(ops.bitwise_and(place + start, _MASK))
    return ops.reshape(ops.cast(ops.right_shift(bits, 8), "float32") * 2.0**-24, shape)


def normal(shape: tuple[int, ...], seed: int, step: Tensor, stream: int = 0) -> Tensor:
    """Float32 with mean 0 and deviation 1: four uniforms in a sum, which ends at 3.5."""
    four = uniform((4, *shape), seed, step, stream)
    return (ops.sum(four, axis=0) - 2.0) * math.sqrt(3.0)


def _mix(bits: Tensor) -> Tensor:
    """Spread each bit of a number over all 32 (multiply and xor-shift, in 64 bits so that nothing overflows)."""
    for factor, shift in ((0x45D9F3B, 16), (0x45D9F3B, 16), (1, 16)):
        bits = ops.bitwise_xor(bits, ops.right_shift(bits, shift))
        bits = ops.bitwise_and(bits * factor, _MASK)
    return bits
