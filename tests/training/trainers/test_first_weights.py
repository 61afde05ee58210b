from __future__ import annotations

import numpy as np
import pytest

from keras_vst.config import StudentConfig, with_overrides
from keras_vst.errors import UserError
from keras_vst.models.student import build_student
from keras_vst.runs import RunDirectory
from training import trainers
from training.recipes import RECIPES, smoke_of
from training.trainers import BUNDLED, NOTHING, default_origin, take_weights

CONFIG = with_overrides(smoke_of(RECIPES["painting"]), ["student.channels=4,4,8"])


def unlike(seed, config=CONFIG.student):
    student, rng = build_student(config), np.random.default_rng(seed)
    student.set_weights([weight + rng.uniform(-0.05, 0.15, weight.shape) for weight in student.get_weights()])
    return student


@pytest.fixture
def run(tmp_path):
    run = RunDirectory(tmp_path / "run")
    run.create(CONFIG, {})
    return run


def test_a_run_and_its_file_of_weights_give_all_of_them(run):
    trained = unlike(0)
    run.save_network(trained)

    for origin in (run.path, run.network_file("student")):
        again = unlike(1)
        take_weights(again, str(origin), CONFIG)
        for ours, theirs in zip(again.get_weights(), trained.get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("origin", ["nowhere", "run"])
def test_what_does_not_fit_is_told_with_what_would(origin, run, tmp_path):
    run.save_network(unlike(0))
    other = unlike(1, StudentConfig(channels=(4, 4, 8), num_blocks=2))

    with pytest.raises(
        UserError, match=r"--init .* does not fit: .*same student\.\* settings.*none begins with"
    ):
        take_weights(other, str(tmp_path / origin), CONFIG)


def test_every_student_that_learns_to_paint_begins_with_the_base_of_its_size(tmp_path, monkeypatch):
    monkeypatch.setattr(trainers, "BASES", tmp_path)
    assert default_origin(CONFIG) == NOTHING
    base = unlike(0)
    base.save_weights(tmp_path / "student-4-4-8-1.weights.h5")

    for name in ("painting", "collection", "clip", "keyframes"):
        config = with_overrides(smoke_of(RECIPES[name]), ["student.channels=4,4,8"])
        assert default_origin(config) == BUNDLED
    for other in (RECIPES["film"], RECIPES["base"], with_overrides(CONFIG, ["student.num_blocks=2"])):
        assert default_origin(other) == NOTHING
    network = unlike(1)
    for origin, expected in ((NOTHING, network.get_weights()[0]), (BUNDLED, base.get_weights()[0])):
        take_weights(network, origin, CONFIG)
        np.testing.assert_array_equal(network.get_weights()[0], expected)


def test_the_bundled_base_fits_the_student_that_every_style_is():
    student = build_student(RECIPES["painting"].student)
    before = student.get_weights()

    take_weights(student, BUNDLED, RECIPES["painting"])

    assert default_origin(RECIPES["painting"]) == BUNDLED
    kernels = [pair for pair in zip(before, student.get_weights(), strict=True) if pair[0].ndim == 4]
    assert sum(not np.array_equal(*pair) for pair in kernels) >= 14
