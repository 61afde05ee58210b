from __future__ import annotations

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from keras_vst.ops import across_replicas
from training.minimize import minimize, slope


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


def test_a_slope_can_be_differentiated_once_more():
    (weight,) = variables(2.0)
    inputs = tf.constant([1.0, 3.0])
    with tf.GradientTape() as tape:
        found = slope(lambda x: weight * x**2, inputs)
        length = ops.sum(found**2)

    np.testing.assert_allclose(found, [4.0, 12.0])
    assert float(tape.gradient(length, weight.value)) == pytest.approx(2 * 2.0 * 4 * (1 + 9))


def test_a_statistic_is_its_own_mean_on_a_single_device():
    value = tf.constant([1.0, 2.0])

    assert across_replicas(value) is value


ON_TWO_DEVICES = """
import tensorflow as tf
from keras_vst.ops import across_replicas

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])

@tf.function
def everywhere():
    def one():
        place = tf.distribute.get_replica_context().replica_id_in_sync_group
        value = tf.cast(place, tf.float32) * 2 + 1
        with tf.GradientTape() as tape:
            tape.watch(value)
            mean = across_replicas(value)
            squared = mean**2
        return mean, tape.gradient(squared, value)
    return strategy.run(one)

print(*[float(one) for found in everywhere() for one in strategy.experimental_local_results(found)])
"""


@pytest.mark.slow
def test_a_statistic_is_averaged_over_devices_and_so_is_its_gradient():
    done = subprocess.run([sys.executable, "-c", ON_TWO_DEVICES], capture_output=True, text=True, check=True)

    # The values are 1 and 3; of the gradients of mean ** 2, Keras takes the mean over devices afterwards.
    assert done.stdout.split() == ["2.0", "2.0", "4.0", "4.0"]
