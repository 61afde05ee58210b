from __future__ import annotations

import keras
import numpy as np
import pytest

from export.folding import fold, parts
from keras_vst.config import StudentConfig
from keras_vst.layers import StyleNorm
from keras_vst.models.student import build_student, input_shapes
from tests.harness import random_array

STYLES = 3
SIZE = (16, 24)


@pytest.fixture(scope="module")
def student():
    return lively(
        build_student(StudentConfig(num_styles=STYLES, channels=(4, 4, 8), num_blocks=1, state_channels=2))
    )


def lively(student):
    """Norms as training leaves them: every number its own, and a channel that is dead in all styles."""
    rng = np.random.default_rng(0)
    for layer in student.layers:
        if isinstance(layer, StyleNorm):
            shape = layer.gamma.shape
            layer.gamma.assign(rng.normal(0, 1, shape))
            layer.beta.assign(rng.normal(0, 1, shape))
            layer.mean.assign(rng.normal(0, 0.3, shape))
            layer.variance.assign(rng.uniform(0.1, 2, shape))
    stem = student.get_layer("stem_norm")
    stem.gamma.assign(stem.gamma * np.array([1, 1, 0, 1], np.float32))
    return student


def looped(network, style, num_frames=3):
    """Stylized frames (T, H, W, 3) with the state fed back."""
    shapes = input_shapes(network, SIZE)
    state, stylized = np.zeros(shapes["state"], np.float32), []
    for index in range(num_frames):
        frame = random_array(shapes["frame"], seed=index)
        outputs = network({"frame": frame, "style": np.float32([style]), "state": state}, training=False)
        state = np.asarray(outputs["state"])
        stylized.append(np.asarray(outputs["stylized"])[0])
    return np.stack(stylized)


@pytest.mark.parametrize("index", [0, 2])
def test_a_single_style_is_equal_to_that_style_among_several_however_strong(student, index):
    folded, alone = fold(student, index), np.eye(STYLES)
    for strength in (1.0, 0.6, 0.05, 0.0):
        ours = looped(folded, [strength])
        np.testing.assert_allclose(ours, looped(student, strength * alone[index]), atol=1e-5)
    assert np.abs(looped(folded, [1.0]) - looped(student, alone[1])).max() > 1e-3


def test_a_blend_that_does_not_change_is_one_style(student):
    ours = looped(fold(student, [1, 0, 3]), [0.8])
    np.testing.assert_allclose(ours, looped(student, [0.2, 0, 0.6]), atol=1e-5)


@pytest.mark.parametrize("style", [[1, 0, 0], [0.2, 0.5, 0.3], [0, 0.3, 0.1], [0, 0, 0]])
def test_several_styles_stay_several(student, style):
    np.testing.assert_allclose(looped(fold(student), style), looped(student, style), atol=1e-5)


def test_nothing_but_convolutions_is_left_of_a_single_style(student):
    folded = fold(student, 1)
    kinds = {type(layer).__name__ for layer in folded.layers}
    assert not kinds & {"StyleNorm", "ShareStyle", "Multiply", "BatchNormalization"}
    assert folded.input["style"].shape == (None, 1)
    styles = sum(layer.count_params() for layer in student.layers if isinstance(layer, StyleNorm))
    biases = sum(layer.gamma.shape[1] for layer in student.layers if isinstance(layer, StyleNorm))
    assert folded.count_params() == student.count_params() - styles + biases


def test_what_is_left_of_a_norm_of_several_styles_lies_within_one(student):
    folded = fold(student)
    scales = [layer.get_weights()[0] for layer in folded.layers if layer.name.endswith("_norm_scale")]
    assert len(scales) == 7
    for scale in scales:
        alive = np.abs(scale).max(axis=(0, 1, 2))
        np.testing.assert_allclose(alive[alive > 0], 1.0, rtol=1e-6)


def test_a_network_of_one_style_is_folded_without_being_told_which():
    student = lively(
        build_student(StudentConfig(channels=(4, 4, 8), num_blocks=0, state_channels=2), batch_size=1)
    )
    folded = fold(student)
    assert folded.input["frame"].shape == (1, None, None, 3)
    np.testing.assert_allclose(looped(folded, [0.7]), looped(student, [0.7]), atol=1e-5)


def test_folding_leaves_the_student_as_it_was(student):
    before = [weights.copy() for weights in student.get_weights()]
    fold(student, 0)
    fold(student)
    for ours, theirs in zip(student.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_norm_that_follows_no_convolution_stays(student):
    frame, style = keras.Input((8, 8, 3), name="frame"), keras.Input((2,), name="style")
    normed = StyleNorm(name="alone")([frame, style])
    network = keras.Model({"frame": frame, "style": style}, {"stylized": normed})
    folded = fold(network)
    inputs = {"frame": random_array((1, 8, 8, 3)), "style": np.float32([[0.4, 0.6]])}
    np.testing.assert_array_equal(folded(inputs)["stylized"], network(inputs)["stylized"])
    with pytest.raises(ValueError, match="whose norms each follow a convolution"):
        fold(network, 0)


def test_parts_tell_where_a_layer_went(student):
    became = parts(student)
    assert became["stem"] == {"stem", *became["stem_norm"]}
    assert became["paint"] == {"paint"}
    names = {layer.name for layer in fold(student).layers}
    assert set().union(*became.values()) <= names


@pytest.mark.parametrize(
    ("style", "message"),
    [
        (3, "styles 0 to 2"),
        (-1, "styles 0 to 2"),
        ([1, 0], "takes 3 weights"),
        ([0, 0, 0], "not all 0"),
        ([1, -1, 1], "none negative"),
        ([1, float("nan"), 1], "none negative"),
    ],
)
def test_a_style_that_is_none_is_refused(student, style, message):
    with pytest.raises(ValueError, match=message):
        fold(student, style)
