"""An ONNX model equals its network at every size, and what cannot be written is named."""

from __future__ import annotations

import keras
import numpy as np
import onnx
import pytest

from export.formats import to_onnx
from export.judged_clips import psnr
from keras_vst.errors import UserError
from tests.export.networks import film, good

ort = pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def student():
    return good()


@pytest.fixture(scope="module")
def model(student):
    return to_onnx.convert(student, name="great-wave")


def worst_psnr(network, model, size):
    """Of noise in every input, in dB."""
    rng = np.random.default_rng(0)
    given = {
        name: rng.random((1, *size, tensor.shape[-1]), np.float32) for name, tensor in network.input.items()
    }
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    (stylized,) = session.run(["stylized"], given)
    return psnr(stylized, keras.ops.convert_to_numpy(network(given, training=False)["stylized"]))


@pytest.mark.parametrize("size", [(64, 96), (40, 24)])
def test_one_file_equals_the_network_at_any_size(student, model, size):
    assert worst_psnr(student, model, size) > 100


def test_a_film_network_is_equal_too():
    network = film()
    assert worst_psnr(network, to_onnx.convert(network), (40, 24)) > 100


def test_another_network_s_file_is_not_equal(model):
    assert worst_psnr(good(seed=6), model, (32, 48)) < 60


def test_tensors_are_named_and_only_height_and_width_vary(model):
    session = ort.InferenceSession(model)
    ends = {each.name: (each.type, each.shape) for each in session.get_inputs() + session.get_outputs()}
    picture = ("tensor(float)", [1, "height", "width", 3])
    assert ends == {"frame": picture, "stylized": picture}


def test_the_metadata_tell_the_name_and_the_margin(model):
    properties = {entry.key: entry.value for entry in onnx.load_from_string(model).metadata_props}
    assert properties == {"name": "great-wave", "margin": "8"}


def test_older_runtimes_can_read_it_and_nothing_in_it_branches_or_loops(model):
    loaded = onnx.load_from_string(model)
    assert [(opset.domain, opset.version) for opset in loaded.opset_import] == [("", 13)]
    assert loaded.ir_version <= 7
    operations = [node.op_type for node in loaded.graph.node]
    assert not {"If", "Loop", "Scan"} & set(operations)
    assert operations.count("Transpose") == 2  # the frame in, the picture out: none between the layers


def with_layer(layer):
    """A student whose frame passes through one more layer."""
    student = good()
    stylized = student.output["stylized"]
    joins = isinstance(layer, keras.layers.Concatenate)
    outputs = {**student.output, "stylized": layer([stylized, stylized] if joins else stylized)}
    return keras.Model(student.input, outputs)


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (keras.layers.LayerNormalization(name="breathes"), "LayerNormalization has no counterpart"),
        (keras.layers.ReLU(negative_slope=0.2, name="breathes"), "negative_slope"),
        (keras.layers.Conv2D(3, 3, padding="same", dilation_rate=2, name="breathes"), "dilation_rate"),
        (keras.layers.Concatenate(axis=1, name="breathes"), "axis=1"),
    ],
)
def test_a_layer_that_cannot_be_written_is_named(layer, reason):
    with pytest.raises(UserError, match=rf"'breathes' cannot be written as ONNX: .*{reason}"):
        to_onnx.convert(with_layer(layer))


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
    assert worst_psnr(student, to_onnx.convert(student), (16, 24)) > 100
