"""What every layer and every model of ours must keep, checked in one line each; how a test asks for a gradient."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

Shape = tuple[int, ...]
Array = npt.NDArray[np.float32]
Arrays = dict[str, np.ndarray]
Inputs = Callable[[int, int], Arrays]  # (height, width) -> what the model takes, by name


def check_layer(layer: keras.layers.Layer, shape: Shape) -> None:
    """Shapes, known and unknown sizes, dtype, configuration and file of a layer of pictures."""
    features = random_array(shape)
    output = layer(features)
    assert tuple(layer.compute_output_shape(shape)) == tuple(output.shape)
    known, opened = layer(keras.Input(batch_shape=shape)), layer(keras.Input((None, None, shape[-1])))
    assert tuple(known.shape) == tuple(output.shape)
    assert tuple(opened.shape) == (None, None, None, output.shape[-1])
    _check_dtype(layer, features)
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()
    symbolic = keras.Input(batch_shape=shape)
    check_round_trip(keras.Model(symbolic, layer(symbolic)), features, np.asarray(output))


def check_round_trip(model: keras.Model, inputs: Any, wanted: Any) -> None:
    """Write the model as .keras, read it in safe mode, and compare what it answers."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        answer = keras.saving.load_model(path, safe_mode=True)(inputs)
    keras.tree.map_structure(lambda ours, theirs: np.testing.assert_array_equal(ours, theirs), answer, wanted)


def random_array(shape: Shape, seed: int = 0) -> Array:
    """Float32, uniform in [0, 1)."""
    return np.random.default_rng(seed).random(shape, np.float32)


@contextmanager
def sixteen_bits() -> Iterator[None]:
    """What is built here computes in bfloat16 and keeps its weights in float32."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        yield
    finally:
        keras.config.set_dtype_policy("float32")


def gradient(function: Callable[..., Any], *arrays: npt.ArrayLike) -> list[Array]:
    """The gradient of a scalar function by each of its arrays; fails where none arrives."""
    import tensorflow as tf

    tensors = [tf.constant(array, tf.float32) for array in arrays]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        value = function(*tensors)
    assert value.shape == (), f"not a scalar: {value.shape}"
    gradients = tape.gradient(value, tensors)
    assert all(one is not None for one in gradients)
    return [np.asarray(one) for one in gradients]


def _check_dtype(layer: keras.layers.Layer, features: Array) -> None:
    for dtype in ("float32", "float16"):
        twin = type(layer).from_config({**layer.get_config(), "dtype": dtype})
        assert keras.backend.standardize_dtype(twin(features).dtype) == dtype


def check_model(model: keras.Model, inputs: Inputs, shapes: Callable[[int, int], Any]) -> None:
    """Named inputs, output shapes at two sizes, a round trip through .keras, a gradient in every weight.

    `shapes(height, width)` gives the expected shape of each output by name.
    """
    assert {tensor.name for tensor in model.inputs} == set(inputs(32, 32))
    for height, width in ((32, 48), (72, 40)):
        outputs = model(inputs(height, width))
        assert {name: tuple(output.shape) for name, output in outputs.items()} == shapes(height, width)
    given = inputs(32, 48)
    check_round_trip(model, given, answer(model, given))
    check_gradients(model, given)


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
