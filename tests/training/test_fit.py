from __future__ import annotations

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
import tensorflow as tf

from keras_vst.config import RECIPES
from keras_vst.models.student import build_student
from keras_vst.runs import RunDirectory
from training import loop
from training.fit import main


@pytest.fixture
def command(photos, painting, any_vgg16, tmp_path):
    """The words of a small run into tmp_path/run."""
    words = ["--recipe", "smoke", "--style", str(painting), "--photos", str(photos), "--quiet"]
    return [*words, "--vgg16", str(any_vgg16), "--run", str(tmp_path / "run")]


def student_weights(path):
    run = RunDirectory(path)
    student = build_student(run.config().student)
    run.load_student(student)
    return student.get_weights()


def test_one_command_leaves_a_run_directory_to_look_at(command, tmp_path, capsys):
    assert main(command) == 0

    run = tmp_path / "run"
    record = json.loads((run / "config.json").read_text())
    assert record["recipe"] == "smoke"
    assert record["styles"][0]["name"] == "painting"
    assert record["versions"]["keras"]
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert rows[-1]["step"] == RECIPES["smoke"].schedule.steps
    assert {"objective", "content", "style", "temporal"} <= set(rows[-1])
    strip = cv2.imread(str(run / "samples" / "step_000004.png"))
    assert strip.shape == (2 * 384, 4 * 384, 3)
    assert "python -m export --run" in capsys.readouterr().out
    assert not list(run.rglob("*part*"))


def test_a_resumed_run_ends_where_an_unbroken_one_does(command, tmp_path, monkeypatch):
    assert main(command) == 0
    unbroken = student_weights(tmp_path / "run")

    halves = [*command[:-1], str(tmp_path / "halves")]
    taken = []

    def interrupt_after_two(self, row):
        taken.append(row["step"])
        if row["step"] == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("training.fit.LOG_EVERY", 1)
    monkeypatch.setattr(RunDirectory, "log", interrupt_after_two)
    assert main(halves) == 130
    assert main(["--run", str(tmp_path / "halves"), "--resume", "--quiet", "--vgg16", command[-3]]) == 0

    assert taken == [1, 2, 3, 4]
    for whole, joined in zip(unbroken, student_weights(tmp_path / "halves"), strict=True):
        np.testing.assert_allclose(whole, joined, atol=1e-5)


def test_ctrl_c_saves_and_says_how_to_go_on(command, tmp_path, monkeypatch, capsys):
    def interrupt(self, row):
        raise KeyboardInterrupt

    monkeypatch.setattr(RunDirectory, "log", interrupt)
    assert main(command) == 130
    assert "--resume" in capsys.readouterr().out
    assert RunDirectory(tmp_path / "run").checkpoint.is_file()


def test_two_pictures_make_a_network_of_two_styles(command, tmp_path, painting):
    words = [*command, "--style", str(painting), str(painting), "--set", "schedule.steps=1"]
    assert main(words) == 0
    assert RunDirectory(tmp_path / "run").config().student.num_styles == 2


def test_an_objective_that_is_not_a_number_stops_the_run(command, monkeypatch, capsys):
    def broken(self, batch):
        return {name: tf.constant(float("nan")) for name in ("objective", "content", "style", "temporal")}

    monkeypatch.setattr(loop.StyleTrainer, "train_step", broken)
    assert main(command) == 2
    assert "learning_rate" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--style", "nowhere.jpg"], "no file nowhere.jpg"),
        (["--photos", "nowhere"], "no folder nowhere"),
        (["--vgg16", "nowhere.npz"], "KERAS_VST_VGG16"),
        (["--set", "loss.stile=3"], "Known in LossConfig: content, style"),
        (["--set", "student.channels=blue"], "takes whole numbers"),
        (["--config", "nowhere.toml"], "cannot be read as a configuration"),
    ],
)
def test_a_mistake_gets_one_line_and_leaves_no_run(command, change, message, tmp_path, capsys):
    assert main([*command, *change]) == 2

    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_folder_that_holds_a_run_is_not_overwritten(command, capsys):
    assert main([*command, "--set", "schedule.steps=1"]) == 0
    assert main(command) == 2
    assert "already holds a run" in capsys.readouterr().err


def test_resume_without_a_run_says_so(tmp_path, capsys):
    assert main(["--run", str(tmp_path), "--resume"]) == 2
    assert "not a run directory" in capsys.readouterr().err


def test_a_new_run_needs_a_style_and_photos(tmp_path, painting, capsys):
    assert main(["--run", str(tmp_path / "run")]) == 2
    assert "needs --style" in capsys.readouterr().err
    assert main(["--run", str(tmp_path / "run"), "--style", str(painting)]) == 2
    assert "needs --photos" in capsys.readouterr().err


def test_dry_run_prints_the_whole_configuration_and_trains_nothing(command, tmp_path, capsys):
    assert main([*command, "--dry-run", "--set", "loss.style=7"]) == 0
    assert json.loads(capsys.readouterr().out)["loss"]["style"] == 7.0
    assert not (tmp_path / "run").exists()


def test_settings_come_from_a_file_too(command, tmp_path, capsys):
    settings = tmp_path / "mine.toml"
    settings.write_text("seed = 5\n[loss]\nstyle = 9\n")
    assert main([*command, "--config", str(settings), "--dry-run"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["seed"], printed["loss"]["style"]) == (5, 9.0)


def test_help_teaches_without_loading_tensorflow():
    code = "import sys; sys.modules['tensorflow'] = None; sys.modules['keras'] = None\n"
    code += "from training.fit import main; main(['--help'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "python -m training.fit --style painting.jpg" in done.stdout


def test_a_photo_that_breaks_off_does_not_stop_a_run(command, photos, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    whole = (photos / "photo_0.png").read_bytes()
    (folder / "whole.png").write_bytes(whole)
    (folder / "broken.png").write_bytes(whole[:100])
    assert main([*command, "--photos", str(folder), "--set", "schedule.steps=1"]) == 0


def test_ctrl_c_before_the_first_step_is_one_word(command, monkeypatch, capsys):
    def interrupt(path):
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "load_vgg16", interrupt)
    assert main(command) == 130
    assert capsys.readouterr().err == "training.fit: stopped.\n"
