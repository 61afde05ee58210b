from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_vst.config import RECIPES, StudentConfig
from keras_vst.models.student import build_student, input_shapes, state_shape
from tests.harness import check_round_trip, random_array

SMALL = StudentConfig(num_styles=2, channels=(4, 6, 8), num_blocks=1, state_channels=3)
# What XNNPACK takes in fp32 and int8 once batch norm is folded and the blur is a depthwise convolution.
TAKEN_BY_XNNPACK = {
    "Activation",
    "Add",
    "Blend",
    "Concatenate",
    "Conv2D",
    "DepthToSpace",
    "DepthwiseConv2D",
    "InputLayer",
    "ReLU",
    "ShareStyle",
    "StyleNorm",
}


@pytest.fixture(scope="module")
def student():
    keras.utils.set_random_seed(0)
    return build_student(SMALL)


def example(size=(16, 24), batch=1, style=(1.0, 0.0), seed=0):
    state = state_shape((batch, *size, 3), SMALL)
    return {
        "frame": random_array((batch, *size, 3), seed),
        "style": np.tile(np.float32(style), (batch, 1)),
        "state": np.zeros(state, np.float32),
    }


def stylize(student, **changed):
    answer = student({**example(), **changed}, training=False)
    return {name: np.asarray(tensor) for name, tensor in answer.items()}


def test_inputs_and_outputs_have_their_names(student):
    assert set(student.input) == {"frame", "style", "state"}
    assert set(student.output) == {"stylized", "state"}
    assert all(tensor.name == name for name, tensor in student.input.items())


@pytest.mark.parametrize("size", [(8, 8), (16, 40), (48, 24), (64, 64)])
@pytest.mark.parametrize("batch", [1, 2])
def test_any_multiple_of_eight_is_taken_and_given_back(student, size, batch):
    inputs = example(size, batch)

    answer = student(inputs, training=False)

    assert answer["stylized"].shape == (batch, *size, 3)
    assert answer["state"].shape == inputs["state"].shape
    assert answer["stylized"].dtype == answer["state"].dtype == tf.float32


def test_the_state_is_a_quarter_of_the_frame():
    assert state_shape((2, 64, 96, 3), SMALL) == (2, 16, 24, 3)


def test_the_shapes_of_a_student_are_read_off_the_student(student):
    shapes = {"frame": (2, 64, 96, 3), "style": (2, 2), "state": (2, 16, 24, 3)}
    assert input_shapes(student, (64, 96), batch=2) == shapes
    assert input_shapes(student, (8, 16))["state"] == state_shape((1, 8, 16, 3), SMALL)


def test_a_batch_size_is_kept_for_the_export():
    student = build_student(SMALL, batch_size=1)

    assert all(tensor.shape[0] == 1 for tensor in student.input.values())
    assert student.output["stylized"].shape == (1, None, None, 3)


def test_pictures_of_a_batch_do_not_see_each_other(student):
    two = example(batch=2)
    answer = student(two, training=False)

    for index in range(2):
        alone = student({name: array[index : index + 1] for name, array in two.items()}, training=False)
        np.testing.assert_allclose(answer["stylized"][index], alone["stylized"][0], atol=1e-5)
        np.testing.assert_allclose(answer["state"][index], alone["state"][0], atol=1e-5)


@pytest.fixture(params=[1.0, 30.0], ids=["newborn", "loud"])
def any_student(request, student):
    """The student with its weights as they are, and with weights that drive every activation to its limit."""
    quiet = student.get_weights()
    student.set_weights([request.param * weight for weight in quiet])
    yield student
    student.set_weights(quiet)


@pytest.mark.parametrize("style", [(1.0, 0.0), (0.3, 0.4), (0.0, 0.0)])
def test_the_picture_stays_between_black_and_white_and_the_state_within_relu6(style, any_student):
    answer = stylize(any_student, style=np.float32([style]))

    # The blend rounds once more than the sigmoid does: one unit in the last place.
    assert answer["stylized"].min() >= -1e-7
    assert answer["stylized"].max() <= 1 + 1.2e-7
    assert answer["state"].min() >= 0.0
    assert answer["state"].max() <= 6.0


def test_no_strength_gives_the_frame_back_exactly(student):
    inputs = example()

    stylized = stylize(student, style=np.zeros((1, 2), np.float32))["stylized"]

    np.testing.assert_array_equal(stylized, inputs["frame"])


def test_strength_lays_the_same_painting_over_the_frame(student):
    frame = example()["frame"]
    whole = stylize(student)["stylized"]

    third = stylize(student, style=np.float32([[0.3, 0.0]]))["stylized"]

    assert np.abs(whole - frame).mean() > 0.05
    np.testing.assert_allclose(third, frame + 0.3 * (whole - frame), atol=1e-5)


def test_two_styles_paint_differently_and_a_blend_is_neither(student):
    first, second, between = (
        stylize(student, style=np.float32([style]))["stylized"] for style in [(1, 0), (0, 1), (0.5, 0.5)]
    )

    apart = np.abs(first - second).mean()
    assert apart > 1e-3
    assert 0 < np.abs(between - first).mean() < apart
    assert 0 < np.abs(between - second).mean() < apart


def test_a_student_of_equal_styles_blends_them_to_the_same(student):
    """Where both styles have one scale and shift, any blend of full strength must paint that one picture."""
    twin = keras.models.clone_model(student)
    twin.set_weights(student.get_weights())
    for layer in twin.layers:
        if layer.name.endswith("_norm"):
            layer.set_weights([np.repeat(weight[:1], 2, axis=0) for weight in layer.get_weights()])

    pictures = [
        stylize(twin, style=np.float32([style]))["stylized"] for style in [(1, 0), (0, 1), (0.3, 0.7)]
    ]

    np.testing.assert_allclose(pictures[1], pictures[0], atol=1e-5)
    np.testing.assert_allclose(pictures[2], pictures[0], atol=1e-5)


def test_the_state_changes_the_picture_and_the_next_state(student):
    start = stylize(student)
    later = stylize(student, state=start["state"] + 1)

    assert np.abs(later["stylized"] - start["stylized"]).mean() > 1e-3
    assert np.abs(later["state"] - start["state"]).mean() > 1e-3


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_gradient_reaches_every_trainable_weight(recipe):
    keras.utils.set_random_seed(2)
    config = RECIPES[recipe].student
    student = build_student(config)
    assert tuple(student.get_layer(name).filters for name in ("stem", "down_4", "down_8")) == config.channels
    shapes = input_shapes(student, (32, 32), batch=2)
    inputs = {name: tf.constant(random_array(shape) + 0.1) for name, shape in shapes.items()}

    with tf.GradientTape() as tape:
        answer = student(inputs, training=True)
        stylized, state = (
            answer[name] * random_array(answer[name].shape, 1) for name in ("stylized", "state")
        )
        value = tf.reduce_sum(stylized) + tf.reduce_sum(state)

    gradients = tape.gradient(value, student.trainable_variables)
    unreached = [
        weight.path
        for weight, reached in zip(student.trainable_variables, gradients, strict=True)
        if reached is None or not np.any(reached)
    ]
    assert unreached == []


def test_every_layer_is_one_that_xnnpack_takes(student):
    kinds = {type(layer).__name__ for layer in student.layers}

    assert kinds <= TAKEN_BY_XNNPACK
    assert all(layer.max_value == 6.0 for layer in student.layers if isinstance(layer, keras.layers.ReLU))


def test_a_brighter_corner_leaves_the_rest_of_the_picture_alone(student):
    """No norm over the picture: what enters at one end must not make the other end breathe."""
    inputs = example((96, 96))
    brighter = inputs["frame"].copy()
    brighter[:, :16, :16] += 1.0

    before, after = (stylize(student, **{**inputs, "frame": frame}) for frame in (inputs["frame"], brighter))

    change = np.abs(after["stylized"] - before["stylized"])
    assert change[:, :16, :16].mean() > 1e-3
    assert change[:, 72:, 72:].max() == 0.0


@pytest.mark.parametrize("num_blocks", [0, 1])
def test_the_inside_of_a_crop_is_painted_as_in_the_whole_frame(num_blocks):
    keras.utils.set_random_seed(3)
    student = build_student(StudentConfig(channels=(4, 4, 8), num_blocks=num_blocks, state_channels=2))
    # Pixels a side: 1 + 2 + 4 on the way down, 16 a block, 4 + 2 + 2 + 1 on the way up; the rest is what
    # rounding to blocks of 8 adds at both ends.
    sees = 16 * num_blocks + 32
    side = 2 * sees + 16
    frame = random_array((1, side + 24, side + 40, 3))
    style = np.ones((1, 1), np.float32)

    whole = student(with_start(frame, style, student), training=False)["stylized"]
    crop = student(with_start(frame[:, 16:][:, :side, 24:][:, :, :side], style, student), training=False)[
        "stylized"
    ]

    inside = slice(sees, side - sees)
    expected = whole[:, 16:, 24:][:, inside, inside]
    np.testing.assert_allclose(crop[:, inside, inside], expected, atol=1e-5)
    assert np.abs(crop[:, :1, :1] - whole[:, 16:17, 24:25]).max() > 1e-4, (
        "the border does feel the zeros around it"
    )


def with_start(frame, style, student):
    shapes = input_shapes(student, frame.shape[1:3])
    return {"frame": frame, "style": style, "state": np.zeros(shapes["state"], np.float32)}


def test_a_student_survives_its_file(student):
    inputs = example((16, 16), style=(0.2, 0.5), seed=5)

    check_round_trip(student, inputs, student(inputs))


def test_a_flat_frame_is_painted_flat_whatever_was_learned():
    """Sub-pixel steps could paint a grid that sticks to the screen while the scene moves below it."""
    network, rng = build_student(SMALL), np.random.default_rng(0)
    for weight in network.trainable_variables:
        weight.assign(rng.normal(0, 0.4, weight.shape))
    step = keras.optimizers.SGD(0.3)  # constraints act with the step of an optimizer
    step.apply(
        [tf.constant(random_array(weight.shape)) for weight in network.trainable_variables],
        network.trainable_variables,
    )
    flat = np.full((1, 256, 256, 3), 0.4, np.float32)
    state = np.zeros(state_shape(flat.shape, SMALL), np.float32)

    painted = stylize(network, frame=flat, state=state)["stylized"]

    inside = painted[0, 96:-96, 96:-96]  # beyond what the border reaches
    assert np.ptp(inside, axis=(0, 1)).max() < 1e-5
    assert np.ptp(painted) > 0.01  # the border, though, is seen
