from __future__ import annotations

import pytest

from keras_vst.config import RunConfig, StudentConfig
from keras_vst.errors import UserError
from keras_vst.models.student import build_student
from keras_vst.runs import RunDirectory

SMOKE = RunConfig(student=StudentConfig(channels=(4, 4, 8), num_blocks=0), seed=7)


@pytest.fixture
def run(tmp_path):
    run = RunDirectory(tmp_path / "run")
    run.create(SMOKE, {"recipe": "smoke", "photos": "photos"})
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


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"config": 7}', "\xff"])
def test_a_config_json_of_something_else_is_no_run(tmp_path, text):
    (tmp_path / "config.json").write_text(text, encoding="latin-1")
    with pytest.raises(
        UserError, match=r"cannot be read as a run: its config\.json is damaged, or of something"
    ):
        RunDirectory(tmp_path).config()


def test_a_resumed_run_forgets_what_came_after_its_checkpoint_and_torn_lines(run):
    for step in (20, 40, 60):
        run.log({"step": step, "style": 1 / step})
    with run.metrics_file.open("a") as file:
        file.write('{"step": 80, "sty')

    assert run.last_step() == 60
    run.forget_after(40)
    run.log({"step": 60, "style": 0.5})

    assert [row["step"] for row in run.rows()] == [20, 40, 60]
    assert run.rows()[-1]["style"] == 0.5
    assert run.metrics_file.read_text().count("\n") == 3


def test_what_became_known_later_joins_the_record(run):
    run.amend(warnings=["a grid shows"], photos="others")
    assert run.record()["warnings"] == ["a grid shows"]
    assert run.record()["photos"] == "others"
    assert run.config() == SMOKE


def test_a_network_comes_back_with_the_weights_it_was_saved_with(run):
    saved, loaded = build_student(SMOKE.student), build_student(SMOKE.student)
    run.save_network(saved)
    run.load_network(loaded)

    pairs = zip(saved.get_weights(), loaded.get_weights(), strict=True)
    assert all((ours == theirs).all() for ours, theirs in pairs)
    assert run.network_file("student").is_file()


def test_a_run_without_weights_says_what_to_do(run):
    with pytest.raises(UserError, match=r"no trained weights of a student yet"):
        run.load_network(build_student(SMOKE.student))
    with pytest.raises(UserError, match=r"No checkpoint of .* is there yet\. Start a new run; --init"):
        run.restore(build_student(SMOKE.student))


class Kept:
    """Stands for a trainer: its weights are a word, and a file that does not hold one cannot be read."""

    def __init__(self, word=""):
        self.word = word

    def save_weights(self, path):
        path.write_text(self.word)

    def load_weights(self, path):
        if not path.read_text().startswith("whole"):
            raise OSError("Unable to open file: truncated")
        self.word = path.read_text()


def test_the_checkpoint_before_the_last_is_kept(run):
    for word in ("whole 1", "whole 2", "whole 3"):
        run.save(Kept(word))
    assert run.checkpoint.read_text() == "whole 3"
    assert run.previous.read_text() == "whole 2"
    assert len(list(run.checkpoint.parent.iterdir())) == 2


@pytest.mark.parametrize("harm", ["gone", "torn"])
def test_where_the_last_checkpoint_does_not_read_the_one_before_is_taken(run, harm):
    for word in ("whole 1", "whole 2"):
        run.save(Kept(word))
    part = run.checkpoint.with_name(".trainer.part-1.weights.h5")
    part.write_text("wh")
    if harm == "gone":
        run.checkpoint.unlink()
    else:
        run.checkpoint.write_text("wh")

    found = Kept()
    run.restore(found)

    assert found.word == "whole 1"
    assert part.exists(), "every worker restores, and another may be writing this"
    run.forget_after(0)
    assert not part.exists()


def test_checkpoints_that_do_not_read_are_named(run):
    run.checkpoint.write_text("wh")
    with pytest.raises(
        UserError, match=r"trainer\.weights\.h5: Unable to open file.*Start a new run; --init"
    ):
        run.restore(Kept())


def test_a_save_that_fails_leaves_the_last_checkpoint(run):
    class Full:
        def save_weights(self, path):
            path.write_bytes(b"half")
            raise OSError("Can't write data (file write failed: errno = 28, error message = '...')")  # HDF5

    run.checkpoint.write_bytes(b"whole")
    with pytest.raises(UserError, match=r"cannot write .*trainer\.weights\.h5: the disk is full"):
        run.save(Full())
    assert run.checkpoint.read_bytes() == b"whole"
    assert [path.name for path in run.checkpoint.parent.iterdir()] == [run.checkpoint.name]
