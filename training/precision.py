"""Sixteen-bit arithmetic where a GPU has it: twice the speed there, none of the range problems of float16."""

from __future__ import annotations

import keras

AMPERE = (8, 0)  # the first generation whose matrix units take bfloat16


def use(setting: bool | str) -> str:
    """Set Keras's policy for all networks made from now on, VGG16 among them; the name of the policy.

    Weights, losses and the running mean stay float32.
    """
    wanted = _has_bfloat16() if setting == "auto" else bool(setting)
    policy = "mixed_bfloat16" if wanted else "float32"
    keras.config.set_dtype_policy(policy)
    return policy


def _has_bfloat16() -> bool:
    if keras.backend.backend() == "torch":
        import torch  # pyright: ignore[reportMissingImports]

        return torch.cuda.is_available() and torch.cuda.get_device_capability() >= AMPERE
    import tensorflow as tf

    found = [tf.config.experimental.get_device_details(one) for one in tf.config.list_physical_devices("GPU")]
    return bool(found) and all(details.get("compute_capability", (0, 0)) >= AMPERE for details in found)
