from __future__ import annotations

import json
import os
import signal

import numpy as np
import pytest

from keras_vst.errors import UserError
from keras_vst.runs import RunDirectory
from keras_vst.zoo import RIGHTS
from tests.training.runs import KILLED_WHILE_SAVING, assert_equal_weights, keyframe_words, kill, unbroken_run
from training import fit, loop, samples, watch
from training.data.paintings import Keyframes
from training.fit import main

KILLED_AT_RANDOM = """
import os, random, signal, sys, threading
from keras_vst.runs import RunDirectory
from keras_vst.zoo import RIGHTS
from training import fit
fit.LOG_EVERY, fit.SAVE_EVERY = 1, 0.0
log, kill = RunDirectory.log, lambda: os.kill(os.getpid(), signal.SIGKILL)
def log_and_light_the_fuse(self, row):
    log(self, row)
    if row["step"] == 1:
        threading.Timer(random.Random(int(sys.argv[1])).uniform(0, 3), kill).start()
RunDirectory.log = log_and_light_the_fuse
fit.main(sys.argv[2:])
"""


@pytest.fixture(scope="module")
def words(photos, tmp_path_factory):
    return keyframe_words(tmp_path_factory.mktemp("settings"), photos)


@pytest.fixture(scope="module")
def unbroken(words, tmp_path_factory):
    """A run of eight steps that nothing interrupted."""
    return unbroken_run(main, words, tmp_path_factory.mktemp("unbroken") / "run")


def resume(folder, monkeypatch):
    monkeypatch.setattr(fit, "LOG_EVERY", 1)
    assert main(["--run", str(folder), "--resume", "--no-export", "--quiet"]) == 0


def assert_same_rows(folder, other):
    """Row by row the same terms, none torn, none twice; only the clock may differ."""
    ours, theirs = (RunDirectory(one).rows() for one in (folder, other))
    assert [row["step"] for row in ours] == [1, 2, 3, 4, 5, 6, 7, 8]
    for mine, yours in zip(ours, theirs, strict=True):
        assert mine.keys() == yours.keys()
        terms = [name for name in mine if name != "minutes"]
        np.testing.assert_allclose([mine[name] for name in terms], [yours[name] for name in terms], rtol=1e-4)
    assert len((folder / "metrics.jsonl").read_text().splitlines()) == 8


def test_a_run_killed_while_it_saves_ends_where_an_unbroken_one_does(words, unbroken, tmp_path, monkeypatch):
    folder = tmp_path / "run"
    kill(KILLED_WHILE_SAVING, "training.fit", *words, "--run", str(folder))
    run = RunDirectory(folder)
    assert not run.checkpoint.exists()
    assert run.previous.exists()
    assert run.last_step() == 3
    with run.metrics_file.open("a") as file:
        file.write('{"step": 4, "sup')

    resume(folder, monkeypatch)

    assert_equal_weights(folder, unbroken)
    assert_same_rows(folder, unbroken)
    assert not list(folder.rglob("*part-*"))
    assert len(list(run.tensorboard.iterdir())) == 2


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_run_killed_at_any_moment_ends_where_an_unbroken_one_does(
    seed, words, unbroken, tmp_path, monkeypatch
):
    folder = tmp_path / "run"
    kill(KILLED_AT_RANDOM, str(seed), *words, "--run", str(folder), "--set", "schedule.steps=400")
    record = json.loads((folder / "config.json").read_text())
    assert RunDirectory(folder).last_step() < 400
    whole = tmp_path / "whole"
    assert main([*words, "--run", str(whole), "--set", "schedule.steps=400"]) == 0
    resume(folder, monkeypatch)
    assert record["config"]["schedule"]["steps"] == 400
    assert_equal_weights(folder, whole)


def test_an_end_signal_saves_and_says_how_to_go_on(words, unbroken, tmp_path, monkeypatch, capsys):
    folder, log = tmp_path / "run", RunDirectory.log

    def log_and_be_told_to_end(self, row):
        log(self, row)
        if row["step"] == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(fit, "LOG_EVERY", 1)
    monkeypatch.setattr(RunDirectory, "log", log_and_be_told_to_end)
    assert main([*words, "--run", str(folder)]) == 130
    assert f"python -m training.fit --run {folder} --resume" in capsys.readouterr().out
    assert RunDirectory(folder).record()["finished"] is False
    assert (folder / "report.html").is_file()

    monkeypatch.setattr(RunDirectory, "log", log)
    resume(folder, monkeypatch)
    assert_equal_weights(folder, unbroken)
    assert_same_rows(folder, unbroken)
    assert RunDirectory(folder).record()["finished"] is True


def test_what_goes_wrong_while_a_batch_is_made_is_one_line(words, tmp_path, monkeypatch, capsys):
    draw, drawn = Keyframes.draw, []

    def draw_or_fail(self, rng, side):
        drawn.append(side)
        if len(drawn) > 8:
            raise UserError("the disk with the pictures is gone.")
        return draw(self, rng, side)

    monkeypatch.setattr(Keyframes, "draw", draw_or_fail)
    assert main([*words, "--run", str(tmp_path / "run")]) == 2
    assert capsys.readouterr().err.splitlines()[1:] == ["training.fit: the disk with the pictures is gone."]


def test_a_term_that_is_not_a_number_stops_the_run(words, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        loop.Session, "step", lambda self, batch: {"objective": float("nan"), "supervised": 1.0}
    )
    assert main([*words, "--run", str(tmp_path / "run")]) == 2

    rights, error = capsys.readouterr().err.splitlines()
    assert RIGHTS in rights
    assert "At step 1 objective became nan" in error
    assert "--set schedule.learning_rate=5e-4" in error
    assert not RunDirectory(tmp_path / "run").has_checkpoint


def test_weights_that_are_not_numbers_are_not_saved(words, tmp_path, monkeypatch, capsys):
    def step(self, batch):
        kernel = self.trainer.generator.trainable_variables[0]
        kernel.assign(kernel * float("nan"))
        return {"objective": 1.0}

    monkeypatch.setattr(loop.Session, "step", step)
    assert main([*words, "--run", str(tmp_path / "run")]) == 2
    assert "weights became nan" in capsys.readouterr().err
    assert not RunDirectory(tmp_path / "run").has_checkpoint


def test_a_black_picture_stops_the_run_before_the_last_checkpoint_is_replaced(
    words, tmp_path, monkeypatch, capsys
):
    strip = samples.photo_strip
    looks = []

    def black_at_second_look(*arguments):
        looks.append(strip(*arguments))
        picture, painted = looks[-1]
        return picture, painted if len(looks) == 1 else painted * 0

    monkeypatch.setattr(loop.Session, "step", lambda self, batch: {"objective": 1.0})
    monkeypatch.setattr(fit, "LOG_EVERY", 4)
    monkeypatch.setattr(fit, "SAVE_EVERY", 0.0)
    monkeypatch.setattr(watch, "GRACE", 0)
    monkeypatch.setattr(samples, "photo_strip", black_at_second_look)
    assert main([*words, "--run", str(tmp_path / "run")]) == 2

    assert "paints everything black" in capsys.readouterr().err
    run = RunDirectory(tmp_path / "run")
    assert run.checkpoint.is_file()
    assert not run.previous.exists()
