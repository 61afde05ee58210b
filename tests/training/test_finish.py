from __future__ import annotations

import subprocess

import pytest

from keras_vst.runs import RunDirectory
from tests.training.runs import tiny, tiny_vgg16, write_config
from training import finish, loop
from training.fit import main
from training.watch import Trouble, Watch


@pytest.fixture
def exports(monkeypatch):
    """The commands by which export was started, which is not: they leave with the status 1."""
    started, run = [], subprocess.run

    def run_others(command, **options):
        if "export" not in command:
            return run(command, **options)
        started.append(command)
        return subprocess.CompletedProcess(command, 1)

    monkeypatch.setattr(subprocess, "run", run_others)
    return started


@pytest.fixture
def words(monkeypatch, painting, photos, tmp_path):
    monkeypatch.setattr(loop, "load_vgg16", tiny_vgg16)
    monkeypatch.setattr(finish, "load_vgg16", tiny_vgg16)
    monkeypatch.setattr(finish, "SIDE", 96)
    config = write_config(tmp_path / "small.json", tiny("smoke", "schedule.steps=2"))
    given = ["--style", str(painting), "--photos", str(photos), "--config", config]
    return [*given, "--quiet", "--run", str(tmp_path / "mine")]


def test_a_finished_run_scores_itself_and_is_handed_to_export(words, exports, tmp_path):
    assert main([*words, "--install"]) == 1  # what export said, and no network is there

    (command,) = exports
    folder = str(tmp_path / "mine")
    assert command[1:] == ["-m", "export", "--run", folder, "--out", folder, "--quick", "--install"]
    run = RunDirectory(tmp_path / "mine")
    score = run.record()["score"]
    assert score["palette"] > 0
    assert score["texture"] > 0
    page = run.report_file.read_text(encoding="utf-8")
    assert "Score-card" in page
    assert f"{score['palette']:.3f}" in page


@pytest.mark.parametrize(("status", "left"), [(1, 0), (2, 2), (0, 0)])
def test_a_smaller_file_that_was_refused_does_not_fail_a_run(status, left, tmp_path, monkeypatch, capsys):
    (tmp_path / f"{tmp_path.name}.tflite").write_bytes(b"the network itself")
    monkeypatch.setattr(finish.subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], status))

    assert finish.export(RunDirectory(tmp_path), install=False) == left
    assert ("all the same" in capsys.readouterr().out) is (status == 1)


def test_a_run_may_be_left_at_its_weights(words, exports, tmp_path, capsys):
    assert main([*words, "--no-export"]) == 0

    assert not exports
    assert "score" not in RunDirectory(tmp_path / "mine").record()
    assert "python -m export --run" in capsys.readouterr().out


def test_a_run_with_settings_of_its_own_is_not_told_to_be_a_recipe(words, exports, tmp_path):
    main([*words, "--no-export"])
    record = RunDirectory(tmp_path / "mine").record()
    assert record["recipe"] == "small.json"
    assert record["command"].startswith("python -m training.fit --style")


def test_a_run_that_went_wrong_leaves_a_report_of_it(words, exports, tmp_path, monkeypatch, capsys):
    def trouble(self, step, terms):
        raise Trouble("everything is white")

    monkeypatch.setattr(Watch, "terms", trouble)
    assert main(words) == 2

    assert "everything is white" in capsys.readouterr().err
    assert "not finished" in RunDirectory(tmp_path / "mine").report_file.read_text(encoding="utf-8")
    assert not exports
