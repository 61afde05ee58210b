"""What every layer of ours must keep, checked in one line each; and how a test asks for a gradient."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

Shape = tuple[int, ...]
Array = npt.NDArray[np.float32]


def check_layer(layer: keras.layers.Layer, shape: Shape | Sequence[Shape]) -> None:
    """Shapes, known and unknown sizes, dtype, configuration and file of a layer; a list of shapes: several inputs."""
    several = not isinstance(shape, tuple)
    inputs = [random_array(one, seed) for seed, one in enumerate(shape if several else [shape])]
    output = layer(inputs if several else inputs[0])
    assert tuple(layer.compute_output_shape(shape)) == tuple(output.shape)
    _check_symbolic(layer, [array.shape for array in inputs], tuple(output.shape))
    _check_dtype(layer, inputs)
    _check_configuration(layer)
    _check_file(layer, inputs, np.asarray(output))


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


def _check_symbolic(layer: keras.layers.Layer, shapes: list[Shape], wanted: Shape) -> None:
    """A graph knows the shape beforehand, and what it does know when heights and widths are left open."""
    known = _apply(layer, [keras.Input(batch_shape=shape) for shape in shapes])
    assert tuple(known.shape) == wanted
    opened = [(None, None, None, shape[-1]) if len(shape) == 4 else (None, shape[-1]) for shape in shapes]
    open_output = _apply(layer, [keras.Input(batch_shape=shape) for shape in opened])
    expected = (None, None, None, wanted[-1]) if len(wanted) == 4 else (None, wanted[-1])
    assert tuple(open_output.shape) == expected


def _check_dtype(layer: keras.layers.Layer, inputs: list[Array]) -> None:
    for dtype in ("float32", "float16"):
        twin = type(layer).from_config({**layer.get_config(), "dtype": dtype})
        assert keras.backend.standardize_dtype(_apply(twin, inputs).dtype) == dtype


def _check_configuration(layer: keras.layers.Layer) -> None:
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()


def _check_file(layer: keras.layers.Layer, inputs: list[Array], wanted: Array) -> None:
    symbolic = [keras.Input(batch_shape=array.shape) for array in inputs]
    check_round_trip(keras.Model(symbolic, _apply(layer, symbolic)), inputs, wanted)


def _apply(layer: keras.layers.Layer, inputs: list[Any]) -> Any:
    return layer(inputs if len(inputs) > 1 else inputs[0])
