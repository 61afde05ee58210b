from __future__ import annotations

import json

import pytest

from keras_vst.config import RECIPES
from keras_vst.errors import UserError
from keras_vst.models.student import build_student
from keras_vst.runs import RunDirectory

SMOKE = RECIPES["smoke"]


@pytest.fixture
def run(tmp_path):
    run = RunDirectory(tmp_path / "run")
    run.create(SMOKE, {"recipe": "smoke", "styles": [], "photos": "photos"})
    return run


def test_a_run_remembers_its_configuration(run):
    assert run.config() == SMOKE
    assert run.record()["recipe"] == "smoke"
    assert run.record()["versions"]["numpy"]


def test_a_folder_with_a_run_in_it_is_refused(run):
    with pytest.raises(UserError, match=r"already holds a run.*--resume"):
        run.create(SMOKE, {})


def test_a_folder_that_is_no_run_is_named(tmp_path):
    with pytest.raises(UserError, match=r"not a run directory.*config\.json"):
        RunDirectory(tmp_path).config()


def test_the_last_step_survives_a_line_torn_by_a_kill(run):
    assert run.last_step() == 0
    run.log({"step": 20, "style": 0.5})
    run.log({"step": 40, "style": 0.4})
    with run.metrics_file.open("a") as file:
        file.write('{"step": 60, "sty')
    assert run.last_step() == 40


def test_metrics_are_one_json_object_a_line(run):
    run.log({"step": 20, "style": 0.5})
    run.log({"step": 40, "style": 0.25})
    assert [json.loads(line)["style"] for line in run.metrics_file.read_text().splitlines()] == [0.5, 0.25]


def test_a_student_comes_back_with_the_weights_it_was_saved_with(run):
    saved, loaded = build_student(SMOKE.student), build_student(SMOKE.student)
    run.save_student(saved)
    run.load_student(loaded)

    pairs = zip(saved.get_weights(), loaded.get_weights(), strict=True)
    assert all((ours == theirs).all() for ours, theirs in pairs)


def test_a_run_without_weights_says_what_to_do(run):
    with pytest.raises(UserError, match="no trained weights yet"):
        run.load_student(build_student(SMOKE.student))
    with pytest.raises(UserError, match="no checkpoint yet"):
        run.restore(build_student(SMOKE.student))


def test_a_save_that_fails_leaves_the_last_checkpoint(run):
    class Full:
        def save_weights(self, path):
            path.write_bytes(b"half")
            raise OSError(28, "No space left on device")

    run.checkpoint.write_bytes(b"whole")
    with pytest.raises(UserError, match=r"cannot be written: No space left.*Make room"):
        run.save(Full())
    assert run.checkpoint.read_bytes() == b"whole"
    assert [path.name for path in run.checkpoint.parent.iterdir()] == [run.checkpoint.name]
