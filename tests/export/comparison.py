"""Whether two networks are the same one."""

from __future__ import annotations

import keras
import numpy as np

from keras_vst.models.student import input_shapes


def assert_same_network(ours: keras.Model, theirs: keras.Model) -> None:
    """Layer by layer, weight by weight, and in what they paint."""
    assert [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers]
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)
    rng = np.random.default_rng(0)
    shapes = input_shapes(theirs, (16, 24))
    inputs = {name: rng.random(shape, np.float32) for name, shape in shapes.items()}
    painted, expected = ours(inputs, training=False), theirs(inputs, training=False)
    for name in ("stylized", "state"):
        np.testing.assert_allclose(painted[name], expected[name], atol=1e-6)
