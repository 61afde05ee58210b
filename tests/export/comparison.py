"""Whether two networks are the same one."""

from __future__ import annotations

import keras
import numpy as np


def assert_same_network(ours: keras.Model, theirs: keras.Model) -> None:
    """Layer by layer, weight by weight, and in what they paint."""
    assert [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers]
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)
    frame = np.random.default_rng(0).random((1, 16, 24, 3), np.float32)
    painted, expected = (network({"frame": frame}, training=False)["stylized"] for network in (ours, theirs))
    np.testing.assert_allclose(painted, expected, atol=1e-6)
