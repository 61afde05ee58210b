from __future__ import annotations

import numpy as np
import pytest

from export.anatomy import Anatomy
from export.gate import numbers
from tests.export.networks import content, good, played


@pytest.fixture
def student():
    return good()


def set_layer(student, name, **values):
    layer = student.get_layer(name)
    for variable in layer.weights:
        if variable.name in values:
            variable.assign(np.full(variable.shape, values[variable.name], np.float32))


def test_a_good_network_has_numbers_and_paints_a_picture(student):
    footage, clip = played(student)
    assert numbers.network_weights(student).passed
    assert numbers.stored_weights(Anatomy(content())).passed
    check = numbers.picture(footage.inside(clip), student, footage.frames[0])
    assert check.passed
    assert 0 <= check.measured["darkest"] < check.measured["brightest"] <= 1


def test_a_nan_weight_is_named_in_the_network_and_in_the_file(student):
    set_layer(student, "paint", bias=float("nan"))
    check = numbers.network_weights(student)
    assert check.failed
    assert "`paint/bias`" in check.message
    assert "learning_rate" in check.message


def test_a_nan_in_a_file_is_named_by_its_layer():
    data, weights = bytearray(content()), Anatomy(content()).example("fp32")
    start = data.find(np.asarray(weights.values).tobytes())
    data[start : start + 4] = np.float32("nan").tobytes()
    check = numbers.stored_weights(Anatomy(bytes(data)))
    assert check.failed
    assert f"`{weights.layer}`" in check.message


def test_a_constant_output_names_the_first_layer_that_is_flat(student):
    set_layer(student, "paint", kernel=0.0, bias=0.3)
    footage, clip = played(student)
    check = numbers.picture(footage.inside(clip), student, footage.frames[0])
    assert check.failed
    assert "constant: one flat colour" in check.message
    assert "`paint`" in check.message


def test_a_nan_that_arises_on_the_way_names_the_layer(student):
    set_layer(student, "down_8", kernel=float("inf"))
    footage, clip = played(student)
    check = numbers.picture(footage.inside(clip), student, footage.frames[0])
    assert check.failed
    assert "frame 1 holds NaN" in check.message
    assert "`down_8`" in check.message


@pytest.mark.parametrize(
    ("clip", "message"),
    [
        (np.zeros((2, 8, 8, 3), np.float32), "every frame is black"),
        (np.ones((2, 8, 8, 3), np.float32), "every frame is white"),
        (
            np.linspace(0, 1, 192, dtype=np.float32).reshape(1, 8, 8, 3).repeat(2, 0),
            "every frame is the same",
        ),
        (np.linspace(-1, 1, 384, dtype=np.float32).reshape(2, 8, 8, 3), "outside"),
        (np.full((2, 8, 8, 3), 90, np.uint8), "one flat colour"),
    ],
)
def test_what_is_no_picture_is_told(clip, message):
    check = numbers.picture(clip, None, None)
    assert check.failed
    assert message in check.message
