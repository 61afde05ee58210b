from __future__ import annotations

import numpy as np
import pytest

from keras_vst.config import RECIPES, StudentConfig, smoke_of, with_overrides
from keras_vst.errors import UserError
from keras_vst.models.student import build_student
from keras_vst.runs import RunDirectory
from training.initial import take_weights

SMALL = {"channels": (4, 4, 8), "num_blocks": 1, "state_channels": 2}
SMALL_SETTINGS = ["student.channels=4,4,8", "student.num_blocks=1", "student.state_channels=2"]


def unlike(seed, num_styles):
    student, rng = build_student(StudentConfig(num_styles=num_styles, **SMALL)), np.random.default_rng(seed)
    student.set_weights([weight + rng.uniform(-0.05, 0.15, weight.shape) for weight in student.get_weights()])
    return student


def painted(student, style):
    rng = np.random.default_rng(7)
    frame, state = rng.random((1, 16, 24, 3), np.float32), rng.random((1, 4, 6, 2), np.float32)
    given = {"frame": frame, "state": state, "style": np.array([style], np.float32)}
    return np.asarray(student(given, training=False)["stylized"])


@pytest.fixture
def palette(tmp_path):
    config = with_overrides(smoke_of(RECIPES["palette"]), [*SMALL_SETTINGS, "student.num_styles=3"])
    run, student = RunDirectory(tmp_path / "palette"), unlike(0, 3)
    run.create(config, {})
    run.save_network(student)
    return run, student


def test_one_style_of_a_palette_starts_a_network_of_its_own(palette):
    run, three = palette
    one = unlike(1, 1)
    take_weights(one, f"{run.path}:2")
    # Two graphs: each processor sums them in an order of its own.
    np.testing.assert_allclose(painted(one, [1]), painted(three, [0, 1, 0]), atol=1e-5)
    assert np.abs(painted(one, [1]) - painted(three, [1, 0, 0])).max() > 1e-3


def test_a_run_and_its_file_of_weights_give_all_of_them(palette):
    run, three = palette
    for origin in (run.path, run.network_file("student")):
        again = unlike(1, 3)
        take_weights(again, str(origin))
        np.testing.assert_array_equal(painted(again, [0, 1, 0]), painted(three, [0, 1, 0]))


@pytest.mark.parametrize(
    ("style", "told"),
    [("0", "has the styles 1 to 3"), ("4", "has the styles 1 to 3"), ("", "takes the second style")],
)
def test_a_style_that_is_not_there_is_told(palette, style, told):
    run, _ = palette
    with pytest.raises(UserError, match=told):
        take_weights(unlike(1, 1), f"{run.path}:{style}")


def test_one_style_does_not_begin_a_network_of_several(palette):
    run, _ = palette
    with pytest.raises(UserError, match="a network of one style, not of 3"):
        take_weights(unlike(1, 3), f"{run.path}:2")


def test_a_style_of_another_network_is_refused(palette):
    run, _ = palette
    other = build_student(StudentConfig(num_styles=1, **{**SMALL, "num_blocks": 2}))
    with pytest.raises(UserError, match="is another network"):
        take_weights(other, f"{run.path}:2")
