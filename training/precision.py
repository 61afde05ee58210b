"""Sixteen-bit arithmetic where the hardware has it: half the time of a step, none of the range problems of float16.

Weights, sums, statistics and the running mean of the weights stay float32 everywhere.
"""

from __future__ import annotations

from pathlib import Path

import keras
import tensorflow as tf

AMPERE = (8, 0)  # the first generation of GPUs whose matrix units take bfloat16
CPU_FLAGS = {"avx512_bf16", "amx_bf16"}


def use(setting: bool | str) -> str:
    """Set Keras's policy for the networks that are trained from now on; its name.

    On a CPU they stay float32, for their norms would cost what little their convolutions gain.
    """
    wanted = _gpu_has_bfloat16() if setting == "auto" else bool(setting)
    policy = "mixed_bfloat16" if wanted else "float32"
    keras.config.set_dtype_policy(policy)
    return policy


def of_features(setting: bool | str) -> str:
    """What the frozen VGG16 computes in; it has no norms, and takes most of a step."""
    wanted = _gpu_has_bfloat16() or _cpu_has_bfloat16() if setting == "auto" else bool(setting)
    return "bfloat16" if wanted else "float32"


def _gpu_has_bfloat16() -> bool:
    found = [tf.config.experimental.get_device_details(one) for one in tf.config.list_physical_devices("GPU")]
    return bool(found) and all(details.get("compute_capability", (0, 0)) >= AMPERE for details in found)


def _cpu_has_bfloat16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """As Linux tells; elsewhere we cannot know, and emulated it would be slower than float32."""
    if not cpuinfo.is_file() or tf.config.list_physical_devices("GPU"):
        return False
    lines = (line for line in cpuinfo.read_text(encoding="utf-8").splitlines() if line.startswith("flags"))
    return bool(CPU_FLAGS & set(next(lines, "").split()))
