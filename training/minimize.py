"""Steps down a gradient: the one place where Keras's TensorFlow and torch backends differ.

An objective is a function without arguments that returns (scalar, anything to look at afterwards).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from keras_vst.ops import Tensor, across_replicas


def minimize(
    objective: Callable[[], tuple[Tensor, Any]],
    variables: Sequence[keras.Variable],
    optimizer: keras.optimizers.Optimizer,
) -> tuple[Tensor, Any]:
    """Move `variables`, and nothing else, one step of the optimizer down the objective; what it returned."""
    find = _with_torch if _backend() == "torch" else _with_tensorflow
    value, seen, gradients = find(objective, variables)
    lost = [variable.path for variable, one in zip(variables, gradients, strict=True) if one is None]
    if lost:
        raise ValueError(
            f"The objective does not depend on {len(lost)} of {len(variables)} variables, {lost[0]} among them. "
            "Every variable must feel it: leave out those that cannot, or look for a cut in the graph."
        )
    with _without_graph():
        optimizer.apply(across_replicas(gradients), variables)  # averaged before they are clipped
    return value, seen


def slope(function: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    """The gradient of sum(function(inputs)) by the inputs, which can itself be differentiated once more."""
    if _backend() == "torch":
        import torch  # pyright: ignore[reportMissingImports]

        inputs = inputs.detach().requires_grad_()
        return torch.autograd.grad(ops.sum(function(inputs)), inputs, create_graph=True)[0]
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(inputs)
        value = ops.sum(function(inputs))
    return tape.gradient(value, inputs)


def _backend() -> str:
    return keras.backend.backend()


def _with_tensorflow(objective: Any, variables: Sequence[keras.Variable]) -> tuple[Tensor, Any, list[Tensor]]:
    import tensorflow as tf

    with tf.GradientTape() as tape:
        value, seen = objective()
    return value, seen, tape.gradient(value, [variable.value for variable in variables])


def _with_torch(objective: Any, variables: Sequence[keras.Variable]) -> tuple[Tensor, Any, list[Tensor]]:
    import torch  # pyright: ignore[reportMissingImports]

    value, seen = objective()
    gradients = torch.autograd.grad(value, [variable.value for variable in variables], allow_unused=True)
    return value.detach(), keras.tree.map_structure(ops.stop_gradient, seen), list(gradients)


def _without_graph() -> Any:
    if _backend() == "torch":
        import torch  # pyright: ignore[reportMissingImports]

        return torch.no_grad()
    import contextlib

    return contextlib.nullcontext()
