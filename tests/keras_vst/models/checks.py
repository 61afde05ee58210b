"""What every network must pass, in one call, so that a model's test file holds only what is its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

Arrays = dict[str, np.ndarray]
Inputs = Callable[[int, int], Arrays]  # (height, width) -> what the model takes, by name


def check_model(model: keras.Model, inputs: Inputs, shapes: Callable[[int, int], Any], folder: Path) -> None:
    """Named inputs, output shapes at two sizes, a round trip through .keras, a gradient in every weight.

    `shapes(height, width)` gives the expected shape of each output by name.
    """
    assert {tensor.name for tensor in model.inputs} == set(inputs(32, 32))
    for height, width in ((32, 48), (72, 40)):
        outputs = model(inputs(height, width))
        assert {name: tuple(output.shape) for name, output in outputs.items()} == shapes(height, width)
    check_round_trip(model, inputs(32, 48), folder)
    check_gradients(model, inputs(32, 48))


def check_round_trip(model: keras.Model, inputs: Arrays, folder: Path) -> None:
    """Saved and loaded in safe mode, the model answers with the same numbers."""
    path = folder / "model.keras"
    model.save(path)
    loaded: Any = keras.models.load_model(path, compile=False, safe_mode=True)
    ours, theirs = answer(model, inputs), answer(loaded, inputs)
    assert ours.keys() == theirs.keys()
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name])


def check_gradients(model: keras.Model, inputs: Arrays) -> None:
    """The mean square of the outputs pulls at every trainable weight."""
    import tensorflow as tf

    with tf.GradientTape() as tape:
        objective = sum(ops.mean(ops.square(output)) for output in model(inputs, training=True).values())
    weights = model.trainable_variables
    gradients = tape.gradient(objective, [weight.value for weight in weights])
    still = [
        weight.path
        for weight, gradient in zip(weights, gradients, strict=True)
        if gradient is None or not np.abs(gradient.numpy()).max() > 0
    ]
    assert not still, f"no gradient reaches {still}"


def answer(model: keras.Model, inputs: Arrays) -> Arrays:
    """The outputs of one call by name, as numpy."""
    return {name: ops.convert_to_numpy(output) for name, output in model(inputs).items()}
