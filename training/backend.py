"""What training needs and keras.ops has no word for: gradients, and noise from a seed and a step alone.

Such noise is the same after a resume, and on every device.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_vst.ops import Tensor, across_replicas

STREAMS = 16  # draws of one step that can be told apart


def minimize(
    objective: Callable[[], tuple[Tensor, Any]],
    variables: Sequence[keras.Variable],
    optimizer: keras.optimizers.Optimizer,
) -> tuple[Tensor, Any]:
    """Move `variables`, and nothing else, one step of the optimizer down the objective; what it returned.

    The objective gives a scalar, and anything to look at afterwards.
    """
    with tf.GradientTape() as tape:
        value, seen = objective()
    gradients = tape.gradient(value, [variable.value for variable in variables])
    lost = [variable.path for variable, one in zip(variables, gradients, strict=True) if one is None]
    if lost:
        raise ValueError(
            f"The objective does not depend on {len(lost)} of {len(variables)} variables, {lost[0]} among them. "
            "Every variable must feel it: leave out those that cannot, or look for a cut in the graph."
        )
    optimizer.apply(across_replicas(gradients), variables)  # averaged before they are clipped
    return value, seen


def normal(shape: tuple[int, ...], seed: int, step: tf.Tensor, stream: int = 0) -> tf.Tensor:
    """Noise, float32 with mean 0 and deviation 1."""
    return tf.random.stateless_normal(shape, _key(seed, step, stream))


def place(
    least: int, beyond: int, seed: int, step: tf.Tensor, stream: int = 0
) -> tuple[tf.Tensor, tf.Tensor]:
    """A row and a column, each in [least, beyond); `least` where nothing lies between."""
    drawn = tf.random.stateless_uniform((2,), _key(seed, step, stream)) * max(beyond - least, 0)
    row, column = tf.unstack(least + tf.cast(drawn, tf.int32))
    return row, column


def _key(seed: int, step: tf.Tensor, stream: int) -> tf.Tensor:
    return tf.stack([tf.constant(seed, tf.int64), tf.cast(step, tf.int64) * STREAMS + stream])
