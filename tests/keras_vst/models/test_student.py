from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_vst.config import StudentConfig
from keras_vst.models import count_macs
from keras_vst.models.student import build_student
from tests.harness import check_round_trip, random_array

SMALL = StudentConfig(channels=(4, 6, 8), num_blocks=1)
# What XNNPACK takes in fp32 and int8 once batch norm is folded and the blur is a depthwise convolution.
TAKEN_BY_XNNPACK = {
    "Activation",
    "Add",
    "BatchNormalization",
    "Conv2D",
    "DepthToSpace",
    "DepthwiseConv2D",
    "InputLayer",
    "ReLU",
}


@pytest.fixture(scope="module")
def student():
    """Newborn, but with norms as after some training: unlike the identity, so that they show."""
    keras.utils.set_random_seed(0)
    return trained(build_student(SMALL))


def trained(network):
    rng = np.random.default_rng(0)
    for norm in norms_of(network):
        gamma, beta, mean, variance = (rng.uniform(low, high, norm.gamma.shape) for low, high in RANGES)
        norm.set_weights([gamma, beta, mean, variance])
    return network


RANGES = ((0.5, 1.5), (0.0, 0.5), (-0.2, 0.2), (0.5, 2.0))


def norms_of(network):
    return [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]


def stylize(network, frame, training=False):
    return np.asarray(network({"frame": frame}, training=training)["stylized"])


@pytest.mark.parametrize("size", [(1, 8, 8), (2, 16, 40)])
def test_any_multiple_of_eight_is_taken_and_given_back(student, size):
    assert {name: tensor.name for name, tensor in student.input.items()} == {"frame": "frame"}
    painted = stylize(student, random_array((*size, 3)))

    assert painted.shape == (*size, 3)
    assert painted.dtype == np.float32


def test_each_frame_is_painted_by_itself_whatever_came_before_or_stands_beside_it(student):
    frames = random_array((3, 16, 24, 3))

    together = stylize(student, frames)
    alone = [stylize(student, frames[[index]])[0] for index in (2, 0, 1, 0)]

    np.testing.assert_allclose(alone, together[[2, 0, 1, 0]], atol=1e-5)
    np.testing.assert_array_equal(alone[1], alone[3])


@pytest.mark.parametrize("loudness", [1.0, 30.0])
def test_the_picture_stays_between_black_and_white(loudness):
    network = trained(build_student(SMALL))
    network.set_weights([loudness * weight for weight in network.get_weights()])

    painted = stylize(network, random_array((1, 16, 24, 3)))

    assert painted.min() >= 0
    assert painted.max() <= 1
    assert painted.std() > 0


@pytest.mark.parametrize("config", [StudentConfig(), SMALL], ids=lambda config: config.architecture)
def test_a_gradient_reaches_every_trainable_weight(config):
    keras.utils.set_random_seed(2)
    student = build_student(config)
    assert tuple(student.get_layer(name).filters for name in ("stem", "down_4", "down_8")) == config.channels

    with tf.GradientTape() as tape:
        painted = student({"frame": random_array((2, 32, 32, 3))}, training=True)["stylized"]
        value = tf.reduce_sum(painted * random_array(painted.shape, 1))

    weights = student.trainable_variables
    pairs = zip(weights, tape.gradient(value, weights), strict=True)
    assert [weight.path for weight, reached in pairs if reached is None or not np.any(reached)] == []


def test_every_layer_is_one_that_xnnpack_takes(student):
    assert {type(layer).__name__ for layer in student.layers} <= TAKEN_BY_XNNPACK
    assert all(layer.max_value == 6.0 for layer in student.layers if isinstance(layer, keras.layers.ReLU))


def test_norms_follow_the_batches_and_stand_still_where_the_network_runs(student):
    network = build_student(SMALL)
    before = [weight.copy() for weight in network.get_weights()]
    frames = random_array((2, 32, 32, 3))

    stylize(network, frames)
    assert all(np.array_equal(*pair) for pair in zip(before, network.get_weights(), strict=True))

    stylize(network, frames, training=True)
    norm = norms_of(network)[0]
    convolved = np.asarray(network.get_layer("stem")(frames))
    np.testing.assert_allclose(norm.moving_mean, 0.03 * convolved.mean(axis=(0, 1, 2)), atol=1e-5)


def test_a_brighter_corner_leaves_the_rest_of_the_picture_alone(student):
    """No norm over the picture: what enters at one end must not make the other end breathe."""
    frame = random_array((1, 96, 96, 3))
    brighter = frame.copy()
    brighter[:, :16, :16] += 1.0

    change = np.abs(stylize(student, brighter) - stylize(student, frame))

    assert change[:, :16, :16].mean() > 1e-3
    assert change[:, 72:, 72:].max() == 0.0


@pytest.mark.parametrize("num_blocks", [0, 1])
def test_the_inside_of_a_crop_is_painted_as_in_the_whole_frame(num_blocks):
    keras.utils.set_random_seed(3)
    student = trained(build_student(StudentConfig(channels=(4, 4, 8), num_blocks=num_blocks)))
    # Pixels a side: 1 + 2 + 4 on the way down, 16 a block, 4 + 2 + 2 + 1 on the way up; the rest is what
    # rounding to blocks of 8 adds at both ends.
    sees = 16 * num_blocks + 32
    side = 2 * sees + 16
    frame = random_array((1, side + 24, side + 40, 3))

    whole = stylize(student, frame)[:, 16:, 24:]
    crop = stylize(student, frame[:, 16:][:, :side, 24:][:, :, :side])

    inside = slice(sees, side - sees)
    np.testing.assert_allclose(crop[:, inside, inside], whole[:, inside, inside], atol=1e-5)
    assert np.abs(crop[:, :1, :1] - whole[:, :1, :1]).max() > 1e-4, "the border does feel the zeros around it"


def test_a_student_survives_its_file(student):
    inputs = {"frame": random_array((1, 16, 16, 3), 5)}

    check_round_trip(student, inputs, student(inputs))


def test_a_flat_frame_is_painted_flat_whatever_was_learned():
    """Sub-pixel steps could paint a grid that sticks to the screen while the scene moves below it."""
    network, rng = trained(build_student(SMALL)), np.random.default_rng(0)
    for weight in network.trainable_variables:
        weight.assign(rng.normal(0, 0.4, weight.shape))
    step = keras.optimizers.SGD(0.3)  # constraints act with the step of an optimizer
    step.apply(
        [tf.constant(random_array(weight.shape)) for weight in network.trainable_variables],
        network.trainable_variables,
    )

    painted = stylize(network, np.full((1, 256, 256, 3), 0.4, np.float32))

    inside = painted[0, 96:-96, 96:-96]  # beyond what the border reaches
    assert np.ptp(inside, axis=(0, 1)).max() < 1e-5
    assert np.ptp(painted) > 0.01  # the border, though, is seen


def test_a_convolution_costs_kernel_times_output_pixels():
    frames = keras.Input((None, None, 3), name="frames")
    model = keras.Model({"frames": frames}, keras.layers.Conv2D(5, 3, strides=2, padding="same")(frames))

    assert count_macs(model, {"frames": (1, 8, 12, 3)}) == (4 * 6) * (3 * 3 * 3 * 5)


def test_a_student_costs_four_times_as_much_at_twice_the_size_and_stays_within_its_budget():
    macs = [count_macs(build_student(StudentConfig()), {"frame": (1, *size, 3)}) for size in SIZES]

    assert macs[1] == 4 * macs[0]
    assert macs[2] < 2.0e9


SIZES = ((64, 96), (128, 192), (368, 640))
