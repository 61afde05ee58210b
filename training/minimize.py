"""Steps down a gradient.  An objective is a function without arguments: (scalar, anything to look at afterwards)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_vst.ops import Tensor, across_replicas


def minimize(
    objective: Callable[[], tuple[Tensor, Any]],
    variables: Sequence[keras.Variable],
    optimizer: keras.optimizers.Optimizer,
) -> tuple[Tensor, Any]:
    """Move `variables`, and nothing else, one step of the optimizer down the objective; what it returned."""
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


def slope(function: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    """The gradient of sum(function(inputs)) by the inputs, which can itself be differentiated once more."""
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        value = tf.reduce_sum(function(inputs))
    return tape.gradient(value, inputs)
