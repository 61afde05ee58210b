from __future__ import annotations

import keras
import numpy as np
import onnx
import pytest

from export import onnx as ours
from export.folding import fold
from export.parity import psnr
from keras_vst.config import StudentConfig
from keras_vst.errors import UserError
from keras_vst.frames import to_float
from keras_vst.layers import StyleNorm
from keras_vst.models.student import build_student, input_shapes
from tests.conftest import draw_picture

ort = pytest.importorskip("onnxruntime")


def build(num_styles=2):
    """A tiny student whose norms have seen something: no scale and no shift is the neutral one."""
    keras.utils.set_random_seed(3)
    config = StudentConfig(num_styles=num_styles, channels=(4, 4, 8), num_blocks=1, state_channels=2)
    student, rng = build_student(config, batch_size=1), np.random.default_rng(3)
    for layer in student.layers:
        if isinstance(layer, StyleNorm):
            layer.mean.assign(rng.normal(0, 0.3, layer.mean.shape))
            layer.variance.assign(rng.uniform(0.5, 2, layer.variance.shape))
    return student


@pytest.fixture(scope="module")
def student():
    return build()


@pytest.fixture(scope="module")
def model(student):
    return ours.convert(student, name="two", styles=["great-wave", "starry-night"])


def drifting(size, num_frames):
    """A picture that moves three pixels a frame, as a network takes it."""
    picture = to_float(draw_picture(5, size[0], size[1] + 3 * num_frames))
    return [picture[None, :, 3 * index :][:, :, : size[1]] for index in range(num_frames)]


def looped_psnr(student, model, size, style, num_frames=4):
    """The worst frame and the worst state, in dB, of a clip on which each feeds its own state back."""
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    shapes = input_shapes(student, size)
    theirs = mine = np.zeros(shapes["state"], np.float32)
    style, worst = np.array([style], np.float32), np.inf
    for frame in drifting(size, num_frames):
        expected = student({"frame": frame, "style": style, "state": mine}, training=False)
        stylized, theirs = session.run(
            [ours.OUTPUTS["stylized"], ours.OUTPUTS["state"]],
            {ours.INPUTS["frame"]: frame, ours.INPUTS["style"]: style, ours.INPUTS["state"]: theirs},
        )
        mine = keras.ops.convert_to_numpy(expected["state"])
        painted = keras.ops.convert_to_numpy(expected["stylized"])
        worst = min(worst, psnr(stylized, painted), psnr(theirs, mine))
    return worst


@pytest.mark.parametrize(
    ("size", "style"), [((64, 96), (1.0, 0.0)), ((40, 24), (0.3, 0.5)), ((40, 24), (0.0, 0.0))]
)
def test_one_file_equals_the_network_at_any_size_and_blend_with_its_state_fed_back(
    student, model, size, style
):
    assert looped_psnr(student, model, size, style) > 100


def test_a_network_of_one_style_is_equal_at_every_strength():
    student = build(num_styles=1)
    model = ours.convert(student)
    for strength in (1.0, 0.4):
        assert looped_psnr(student, model, (40, 24), (strength,), num_frames=2) > 100


def test_folded_networks_are_equal_too(student):
    for folded, style in ((fold(student), (0.3, 0.5)), (fold(student, 1), (0.7,))):
        assert looped_psnr(folded, ours.convert(folded), (40, 24), style, num_frames=2) > 100


def test_a_static_file_has_its_size_written_in_and_is_equal(student):
    model = ours.convert(student, (40, 24))
    assert looped_psnr(student, model, (40, 24), (0.6, 0.4), num_frames=2) > 100
    inputs = {node.name: node.shape for node in ort.InferenceSession(model).get_inputs()}
    assert inputs == {"frame": [1, 40, 24, 3], "style": [1, 2], "state": [1, 10, 6, 2]}


def test_another_network_s_file_is_not_equal(student, model):
    student = keras.models.clone_model(student)
    assert looped_psnr(student, model, (32, 48), (1.0, 0.0), num_frames=1) < 60


def test_tensors_are_named_and_only_height_and_width_vary(model):
    session = ort.InferenceSession(model)
    quarter = [1, "height/4", "width/4", 2]
    assert {node.name: node.shape for node in session.get_inputs()} == {
        "frame": [1, "height", "width", 3],
        "style": [1, 2],
        "state": quarter,
    }
    assert {node.name: node.shape for node in session.get_outputs()} == {
        "stylized": [1, "height", "width", 3],
        "next_state": quarter,
    }
    assert {node.type for node in session.get_inputs() + session.get_outputs()} == {"tensor(float)"}


def test_the_metadata_tell_the_name_the_styles_and_the_margin(model):
    properties = {entry.key: entry.value for entry in onnx.load_from_string(model).metadata_props}
    assert properties == {"name": "two", "styles": "great-wave\nstarry-night", "margin": "8"}


def test_older_runtimes_can_read_it_and_nothing_in_it_branches_or_loops(model):
    loaded = onnx.load_from_string(model)
    assert [(opset.domain, opset.version) for opset in loaded.opset_import] == [("", 13)]
    assert loaded.ir_version <= 7
    operations = [node.op_type for node in loaded.graph.node]
    assert not {"If", "Loop", "Scan"} & set(operations)
    assert operations.count("Transpose") == 4  # frame and state in, both out: none between the layers


def test_a_size_that_the_network_cannot_take_is_refused(student):
    with pytest.raises(UserError, match=r"multiple of 8.*\(42, 24\).*Use \(48, 24\)"):
        ours.convert(student, (42, 24))


def with_layer(layer):
    """A student whose frame passes through one more layer."""
    student = build_student(StudentConfig(channels=(4, 4, 8), num_blocks=0, state_channels=2), batch_size=1)
    stylized = student.output["stylized"]
    joins = isinstance(layer, keras.layers.Concatenate)
    outputs = {**student.output, "stylized": layer([stylized, stylized] if joins else stylized)}
    return keras.Model(student.input, outputs)


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (keras.layers.GroupNormalization(groups=1, name="breathes"), "groups=1"),
        (keras.layers.LayerNormalization(name="breathes"), "LayerNormalization has no counterpart"),
        (keras.layers.ReLU(negative_slope=0.2, name="breathes"), "negative_slope"),
        (keras.layers.Activation("gelu", name="breathes"), "activation gelu"),
        (keras.layers.Conv2D(3, 3, padding="same", dilation_rate=2, name="breathes"), "dilation_rate"),
        (keras.layers.Reshape((3, -1), name="breathes"), "target_shape"),
        (keras.layers.Concatenate(axis=1, name="breathes"), "axis=1"),
    ],
)
def test_a_layer_that_cannot_be_written_is_named(layer, reason):
    with pytest.raises(UserError, match=rf"'breathes' cannot be written as ONNX: .*{reason}"):
        ours.convert(with_layer(layer))


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.Conv2D(3, 3, padding="same", activation="relu6"),
        keras.layers.Conv2D(3, 5, padding="same", activation="sigmoid"),
        keras.layers.DepthwiseConv2D(3, padding="same", depth_multiplier=1, activation="relu"),
        keras.layers.ReLU(),
    ],
)
def test_layers_that_folding_or_pruning_may_bring_are_equal_too(layer):
    student = with_layer(layer)
    assert looped_psnr(student, ours.convert(student), (16, 24), (1.0,), num_frames=2) > 100
