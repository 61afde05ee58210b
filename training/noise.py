"""Noise that follows from a seed and a step alone: the same after a resume, and on every device."""

from __future__ import annotations

import tensorflow as tf

STREAMS = 16  # draws of one step that can be told apart


def uniform(shape: tuple[int, ...], seed: int, step: tf.Tensor, stream: int = 0) -> tf.Tensor:
    """Float32 in [0, 1)."""
    return tf.random.stateless_uniform(shape, _key(seed, step, stream))


def normal(shape: tuple[int, ...], seed: int, step: tf.Tensor, stream: int = 0) -> tf.Tensor:
    """Float32 with mean 0 and deviation 1."""
    return tf.random.stateless_normal(shape, _key(seed, step, stream))


def place(
    least: int, beyond: int, seed: int, step: tf.Tensor, stream: int = 0
) -> tuple[tf.Tensor, tf.Tensor]:
    """A row and a column, each in [least, beyond); `least` where nothing lies between."""
    drawn = uniform((2,), seed, step, stream) * max(beyond - least, 0)
    row, column = tf.unstack(least + tf.cast(drawn, tf.int32))
    return row, column


def _key(seed: int, step: tf.Tensor, stream: int) -> tf.Tensor:
    return tf.stack([tf.constant(seed, tf.int64), tf.cast(step, tf.int64) * STREAMS + stream])
