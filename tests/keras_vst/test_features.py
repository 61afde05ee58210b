from __future__ import annotations

import hashlib
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from keras_vst import features
from keras_vst.errors import UserError
from keras_vst.features import FILTERS, LAYERS, NAMES, build_vgg16, checksum, load_vgg16
from tests.harness import random_array

REAL_WEIGHTS = Path(__file__).parents[3] / "shared/data/backbones/vgg16_imagenet_notop_fp16.npz"
KEYS = ["block{}_conv{}".format(*name.split("_")) for name in NAMES]


@pytest.fixture(autouse=True)
def no_variable(monkeypatch):
    monkeypatch.delenv(features.VGG16_VARIABLE, raising=False)


@pytest.fixture
def no_network(monkeypatch):
    def refuse(**_):
        raise Exception("URL fetch failure")  # what Keras raises, class and all

    monkeypatch.setattr(keras.applications, "VGG16", refuse)


def stored_weights(path):
    with np.load(path) as stored:
        return [(stored[f"{key}__kernel"], stored[f"{key}__bias"]) for key in KEYS]


def assert_loaded(model, path):
    """Each array of the model is the one in the file, in order; a shallow model holds the first ones."""
    stored = [array for pair in stored_weights(path) for array in pair]
    for ours, theirs in zip(model.get_weights(), stored[: len(model.weights)], strict=True):
        np.testing.assert_array_equal(ours, theirs.astype("float32"))


def write_keras_h5(path, weights):
    """The layout of the file that keras.applications downloads: every layer of VGG16 without its top, in order."""
    empty = (np.zeros((3, 3, 512, 512)), np.zeros(512))
    arrays = dict(zip(KEYS, weights, strict=True)) | {f"block5_conv{index}": empty for index in (1, 2, 3)}
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in arrays]
        for name, (kernel, bias) in arrays.items():
            group = file.create_group(name)
            group.attrs["weight_names"] = [b"kernel", b"bias"]
            group["kernel"], group["bias"] = np.float32(kernel), np.float32(bias)
    return path


def test_the_model_is_cut_after_the_deepest_layer_wanted():
    model = build_vgg16(["relu1_1", "relu2_1"])

    assert set(model.output) == {"relu1_1", "relu2_1"}
    convolutions = [layer.name for layer in model.layers if layer.name.startswith("conv")]
    assert convolutions == ["conv1_1", "conv1_2", "conv2_1"]


def test_an_unknown_layer_is_answered_with_the_known_ones():
    with pytest.raises(
        ValueError, match=r"Received: \['relu5_1', 'pool1'\]\. Use some of \('relu1_1', .*'relu4_3'\)"
    ):
        build_vgg16(["relu1_2", "relu5_1", "pool1"])


def test_the_first_layer_sees_blue_green_red_less_the_mean_of_imagenet():
    """The convention of keras.applications, computed by hand at one inner pixel and at a corner."""
    model, frames = build_vgg16(["relu1_1"]), random_array((1, 6, 7, 3))
    kernel, bias = model.get_layer("conv1_1").get_weights()
    bias = random_array(bias.shape)
    model.get_layer("conv1_1").set_weights([kernel, bias])

    answer = np.asarray(model(frames)["relu1_1"])[0]

    np.testing.assert_allclose(
        answer[2, 3], first_layer_by_hand(frames[0], 2, 3, kernel, bias), rtol=1e-4, atol=1e-3
    )
    np.testing.assert_allclose(
        answer[0, 6], first_layer_by_hand(frames[0], 0, 6, kernel, bias), rtol=1e-4, atol=1e-3
    )


def first_layer_by_hand(frame, y, x, kernel, bias):
    blue_green_red = np.float64(frame)[..., ::-1] * 255 - [103.939, 116.779, 123.68]
    padded = np.pad(blue_green_red, ((1, 1), (1, 1), (0, 0)))
    return np.maximum(np.einsum("hwi,hwio->o", padded[y : y + 3, x : x + 3], kernel) + bias, 0)


def test_a_path_is_loaded_and_frozen(any_vgg16):
    model = load_vgg16(any_vgg16)

    assert_loaded(model, any_vgg16)
    assert model.trainable_weights == []
    assert len(model.weights) == 2 * len(NAMES)
    assert tuple(model.output) == LAYERS


def test_in_sixteen_bits_it_answers_nearly_the_same_and_still_in_float32(any_vgg16):
    exact, fast = (load_vgg16(any_vgg16, dtype=dtype) for dtype in ("float32", "bfloat16"))
    frames = random_array((1, 32, 32, 3))
    ours, theirs = exact(frames), fast(frames)

    assert {layer.compute_dtype for layer in fast.layers if layer.name.startswith("conv")} == {"bfloat16"}
    assert {str(weight.dtype) for weight in fast.weights} == {"float32"}
    for name in LAYERS:
        assert keras.backend.standardize_dtype(theirs[name].dtype) == "float32"
        error = np.abs(np.asarray(ours[name]) - theirs[name]).mean() / np.asarray(ours[name]).mean()
        assert 0 < error < 0.02, name


@pytest.mark.usefixtures("no_network")
def test_the_variable_names_the_file_where_no_path_is_given(any_vgg16, monkeypatch):
    monkeypatch.setenv(features.VGG16_VARIABLE, str(any_vgg16))

    assert_loaded(load_vgg16(wanted=["relu1_2"]), any_vgg16)


def test_a_path_goes_before_the_variable(any_vgg16, monkeypatch):
    monkeypatch.setenv(features.VGG16_VARIABLE, "/nowhere/vgg16.npz")

    assert_loaded(load_vgg16(any_vgg16, ["relu1_2"]), any_vgg16)


def test_the_file_of_keras_is_read_as_well(any_vgg16, tmp_path):
    path = write_keras_h5(tmp_path / "vgg16_notop.h5", stored_weights(any_vgg16))

    assert_loaded(load_vgg16(path, ["relu4_3"]), any_vgg16)


def test_without_a_file_keras_is_asked(vgg16_file, monkeypatch):
    asked = []

    def application(**options):
        asked.append(options)
        layers = [
            keras.layers.Conv2D(filters, 3, name=key, padding="same")
            for key, filters in zip(KEYS, FILTERS, strict=True)
        ]
        model = keras.Sequential([keras.Input((None, None, 3)), *layers])
        model.set_weights([array for pair in stored_weights(vgg16_file) for array in pair])
        return model

    monkeypatch.setattr(keras.applications, "VGG16", application)

    assert_loaded(load_vgg16(), vgg16_file)
    assert asked == [{"include_top": False}]


@pytest.mark.usefixtures("no_network")
def test_a_failed_download_is_told_the_ways_out():
    with pytest.raises(
        UserError, match=r"could not be downloaded\. Give a file with --vgg16 PATH .*KERAS_VST_VGG16"
    ):
        load_vgg16()


def test_a_missing_file_is_told_the_ways_out(tmp_path):
    with pytest.raises(
        UserError, match=r"no VGG16 weight file at .*absent\.npz\. Give a file with --vgg16 PATH"
    ):
        load_vgg16(tmp_path / "absent.npz")


def test_other_weights_are_refused(vgg16_file):
    found = checksum(stored_weights(vgg16_file))[:12]

    with pytest.raises(
        UserError, match=rf"other weights than ImageNet VGG16 \(checksum {found}, expected .*comparable"
    ):
        load_vgg16(vgg16_file)


def corrupt(name, vgg16_file):
    whole = vgg16_file.read_bytes()
    middle = len(whole) // 2
    return {
        "empty.npz": b"",
        "text.npz": b"not an archive",
        "truncated.npz": whole[:middle],
        "damaged.npz": whole[:middle] + b"\0" * 4096 + whole[middle + 4096 :],
        "text.h5": b"not a file of h5",
        "unknown.pt": whole[:64],
    }[name]


@pytest.mark.parametrize(
    "name", ["empty.npz", "text.npz", "truncated.npz", "damaged.npz", "text.h5", "unknown.pt"]
)
def test_a_corrupt_file_is_named_with_what_was_expected(name, vgg16_file, tmp_path):
    path = tmp_path / name
    path.write_bytes(corrupt(name, vgg16_file))

    with pytest.raises(
        UserError, match=rf"{name} cannot be read as VGG16 weights \(\w+\)\. Expected an \.npz with"
    ):
        load_vgg16(path)


def test_the_checksum_is_over_half_floats_in_order():
    weights = [
        (random_array((2, 2)), random_array((2,), seed=1)),
        (random_array((3,), seed=2), random_array((1,))),
    ]
    raw = b"".join(array.astype("<f2").tobytes() for pair in weights for array in pair)

    assert checksum(weights) == hashlib.sha256(raw).hexdigest()
    assert checksum([(kernel.astype("float16"), bias) for kernel, bias in weights]) == checksum(weights)
    assert checksum(weights[::-1]) != checksum(weights)


@pytest.mark.skipif(not REAL_WEIGHTS.is_file(), reason="the ImageNet weights are not at hand")
def test_the_real_weights_are_accepted_and_see_as_keras_applications_does():
    model, frames = load_vgg16(REAL_WEIGHTS, ["relu1_1"]), random_array((1, 6, 7, 3))
    kernel, bias = stored_weights(REAL_WEIGHTS)[0]

    answer = np.asarray(model(frames)["relu1_1"])[0]

    expected = first_layer_by_hand(frames[0], 2, 3, kernel.astype("float64"), bias.astype("float64"))
    np.testing.assert_allclose(answer[2, 3], expected, rtol=1e-4, atol=1e-2)
    prepared = keras.applications.vgg16.preprocess_input(frames[0] * 255)
    padded = np.pad(prepared, ((1, 1), (1, 1), (0, 0)))[2:5, 3:6]
    by_keras = np.maximum(np.einsum("hwi,hwio->o", padded, kernel.astype("float32")) + bias, 0)
    np.testing.assert_allclose(answer[2, 3], by_keras, rtol=1e-4, atol=1e-2)
