"""What a file holds: weights that are numbers, of the right type and size, laid out to be mixed."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from export.formats.flatbuffer import layout
from export.gate import contents
from export.gate.contents import Contents
from keras_vst import zoo
from tests.export.networks import CONFIG, content


def test_a_nan_in_a_file_is_named_by_its_layer():
    assert contents.weights(Contents(content())).passed
    data, largest = bytearray(content()), Contents(content()).largest
    start = data.find(largest.values.tobytes())
    data[start : start + 4] = np.float32("nan").tobytes()
    check = contents.weights(Contents(bytes(data)))
    assert check.failed
    assert f"`{largest.layer}`" in check.message
    assert "learning_rate" in check.message


def test_a_file_of_the_wrong_type_is_too_large():
    assert contents.size(230_000, "tflite", "fp16", 100_000, None).passed
    check = contents.size(400_000, "tflite", "fp16", 100_000, None)
    assert check.failed
    assert "400000 bytes for 100000 parameters at fp16" in check.message
    assert check.measured["per parameter"] == 4


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_a_file_is_stored_as_its_name_says_and_not_in_another_precision(precision):
    parts, other = Contents(content(precision)), "fp16" if precision == "fp32" else "fp32"
    assert contents.stored(parts, precision).passed
    check = contents.stored(parts, other)
    assert check.failed
    assert f"are stored as {precision}" in check.message


@pytest.fixture
def bundled(monkeypatch):
    """The package has one style of the tiny architecture, `wave`, whose card these weights are written into."""
    weights = layout(content(seed=6))
    card = {"architecture": CONFIG.architecture, "weights": {"tensors": weights}}
    style = zoo.Style("wave", zoo.ROOT / "wave.tflite", card)
    monkeypatch.setattr(
        zoo, "styles", lambda: [style, dataclasses.replace(style, name="mine", card={}, own=True)]
    )
    return weights


def test_a_file_laid_out_like_the_package_s_styles_can_be_mixed(bundled):
    check = contents.mixable(content(), CONFIG.architecture)
    assert check.passed
    assert check.measured == {"styles": 1}


def test_a_file_laid_out_otherwise_is_refused_and_says_where(bundled):
    bundled[3]["offset"] += 16
    check = contents.mixable(content(), CONFIG.architecture)
    assert check.failed
    assert f"`wave` has another layout, first at {bundled[3]['name']}" in check.message


def test_an_architecture_of_one_s_own_has_nothing_to_be_like(bundled):
    assert contents.mixable(content(), "student-1-1-1-1").passed is None
