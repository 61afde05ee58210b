from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from training import backend
from training.backend import minimize


def variables(*values):
    return [keras.Variable(np.float32(value)) for value in values]


def test_a_step_moves_the_named_variables_down_and_no_others():
    (moving, resting), optimizer = variables(3.0, 2.0), keras.optimizers.SGD(0.5)

    value, seen = minimize(lambda: ((moving * resting) ** 2 / 2, {"left": moving + 0}), [moving], optimizer)

    assert float(value) == 18.0
    assert float(moving) == pytest.approx(3.0 - 0.5 * 3.0 * 2.0**2)
    assert float(resting) == 2.0
    assert float(seen["left"]) == 3.0
    assert int(optimizer.iterations) == 1


def test_a_variable_that_the_objective_does_not_feel_is_named():
    felt, lost = keras.Variable(1.0, name="felt"), keras.Variable(1.0, name="lost")

    with pytest.raises(ValueError, match=r"does not depend on 1 of 2 variables, lost among them"):
        minimize(lambda: (felt * 2, None), [felt, lost], keras.optimizers.SGD(0.1))


def test_normal_noise_has_mean_zero_and_deviation_one():
    drawn = np.array(backend.normal((200, 200), seed=3, step=tf.constant(5)))

    assert abs(drawn.mean()) < 0.02
    assert abs(drawn.std() - 1) < 0.02
    neighbours = np.corrcoef(drawn[:, :-1].ravel(), drawn[:, 1:].ravel())[0, 1]
    assert abs(neighbours) < 0.02


def test_the_same_seed_and_step_give_the_same_noise_and_others_do_not():
    def draw(seed, step, stream=0):
        return np.array(backend.normal((1000,), seed, tf.constant(step), stream))

    np.testing.assert_array_equal(draw(1, 2), draw(1, 2))
    for other in (draw(2, 2), draw(1, 3), draw(1, 2, 1)):
        assert abs(np.corrcoef(draw(1, 2), other)[0, 1]) < 0.1
