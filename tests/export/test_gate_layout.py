from __future__ import annotations

import dataclasses

import pytest

from export.flatbuffer import layout
from export.gate.layout import mixable
from keras_vst import zoo
from tests.export.networks import CONFIG, content


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
    check = mixable(content(), CONFIG.architecture)
    assert check.passed
    assert check.measured == {"styles": 1}


def test_a_file_laid_out_otherwise_is_refused_and_says_where(bundled):
    bundled[3]["offset"] += 16
    check = mixable(content(), CONFIG.architecture)
    assert check.failed
    assert f"`wave` has another layout, first at {bundled[3]['name']}" in check.message


def test_an_architecture_of_one_s_own_has_nothing_to_be_like(bundled):
    assert mixable(content(), "student-1-1-1-1").passed is None
