from __future__ import annotations

import numpy as np
import tensorflow as tf

from training import noise


def test_uniform_noise_fills_the_unit_interval_evenly():
    drawn = np.array(noise.uniform((40_000,), seed=3, step=tf.constant(5)))

    assert drawn.dtype == np.float32
    assert 0 <= drawn.min() < 1e-3
    assert 0.999 < drawn.max() < 1
    counts, _ = np.histogram(drawn, 20, (0, 1))
    assert np.abs(counts / 2000 - 1).max() < 0.1


def test_normal_noise_has_mean_zero_and_deviation_one():
    drawn = np.array(noise.normal((200, 200), seed=3, step=tf.constant(5)))

    assert abs(drawn.mean()) < 0.02
    assert abs(drawn.std() - 1) < 0.02
    neighbours = np.corrcoef(drawn[:, :-1].ravel(), drawn[:, 1:].ravel())[0, 1]
    assert abs(neighbours) < 0.02


def test_the_same_seed_and_step_give_the_same_noise_and_others_do_not():
    def draw(seed, step, stream=0):
        return np.array(noise.uniform((1000,), seed, tf.constant(step), stream))

    np.testing.assert_array_equal(draw(1, 2), draw(1, 2))
    for other in (draw(2, 2), draw(1, 3), draw(1, 2, 1)):
        assert abs(np.corrcoef(draw(1, 2), other)[0, 1]) < 0.1
