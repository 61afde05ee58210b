"""`python -m training.distil`, from a teacher to a student, killed and refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from keras_vst.config import SIZES
from keras_vst.runs import RunDirectory
from tests.training.runs import (
    KILLED_WHILE_SAVING,
    NO_VGG16,
    assert_equal_weights,
    keyframe_words,
    kill,
    tiny,
    unbroken_run,
    write_config,
)
from training import fit
from training.distil import main

NEGATIVE = Path(__file__).parents[1] / "edge" / "networks" / "negative.tflite"
STEPS = 6
KILLED_WHILE_THE_TEACHER_PAINTS = """
import os, signal, sys
from training import distil, taught
clip = taught.taught_clip
taught.taught_clip = lambda *asked: os.kill(os.getpid(), signal.SIGKILL) if asked[2] == 4 else clip(*asked)
distil.main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    """A file of one's own, which may change."""
    return shutil.copy(NEGATIVE, tmp_path_factory.mktemp("teacher") / "negative.tflite")


@pytest.fixture(scope="module")
def words(teacher, photos, tmp_path_factory):
    config = tiny("distil", *NO_VGG16, f"schedule.steps={STEPS}")
    file = write_config(tmp_path_factory.mktemp("settings") / "tiny.json", config)
    return ["--teacher", str(teacher), "--photos", str(photos), "--config", file, "--no-export", "--quiet"]


@pytest.fixture(scope="module")
def unbroken(words, tmp_path_factory):
    """A run that nothing interrupted."""
    return unbroken_run(main, words, tmp_path_factory.mktemp("unbroken") / "run")


def test_a_run_tells_who_taught_it_and_keeps_the_pictures(unbroken, teacher):
    run = RunDirectory(unbroken)

    assert run.record()["style"]["name"] == "negative"
    assert run.record()["inputs"]["teacher"] == str(teacher)
    assert run.record()["command"].startswith("python -m training.distil --teacher")
    assert {"taught", "steadier", "border"} <= set(run.rows()[-1])
    assert (unbroken / "teacher" / "pictures.npy").is_file()
    assert "negative.tflite" in run.report_file.read_text(encoding="utf-8")


def test_a_run_killed_while_it_saves_ends_where_an_unbroken_one_does(words, unbroken, tmp_path):
    folder = tmp_path / "run"
    kill(KILLED_WHILE_SAVING, "training.distil", *words, "--run", str(folder))

    assert main(["--run", str(folder), "--resume", "--no-export", "--quiet"]) == 0

    assert_equal_weights(folder, unbroken)
    assert not list(folder.rglob("*part-*"))


def test_killed_while_the_teacher_paints_the_same_command_begins_again(words, tmp_path):
    folder = tmp_path / "run"
    kill(KILLED_WHILE_THE_TEACHER_PAINTS, *words, "--run", str(folder))
    assert not (folder / "config.json").exists()
    assert not (folder / "teacher").exists()

    assert main([*words, "--run", str(folder), "--set", "schedule.steps=1"]) == 0

    assert not list(folder.rglob("*part-*"))


def test_a_run_is_not_resumed_with_a_teacher_that_has_changed(unbroken, teacher, tmp_path, capsys):
    folder = tmp_path / "run"
    shutil.copytree(unbroken, folder)
    record = RunDirectory(folder).record()
    record["inputs"]["pictures"] = str(folder / "teacher")
    (folder / "config.json").write_text(json.dumps(record))
    content = teacher.read_bytes()
    try:
        teacher.write_bytes(NEGATIVE.with_name("same.tflite").read_bytes())
        assert main(["--run", str(folder), "--resume"]) == 2
    finally:
        teacher.write_bytes(content)

    assert "holds pictures of another teacher" in capsys.readouterr().err


def test_a_run_of_another_kind_is_not_taken_for_one_of_distillation(photos, tmp_path, capsys):
    folder = tmp_path / "run"
    assert fit.main([*keyframe_words(tmp_path, photos, "schedule.steps=1"), "--run", str(folder)]) == 0
    capsys.readouterr()

    assert main(["--run", str(folder), "--resume"]) == 2
    assert "is a run of kind=keyframes, which has no teacher" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "needs --teacher STYLE (or a run, or a network file)"),
        (["--teacher", "nobody"], "there is no style 'nobody'"),
        (["--teacher", "nowhere/a.tflite"], "there is no file nowhere/a.tflite"),
        (["--teacher", str(Path(__file__).parent)], "is not a run directory"),
        (["--teacher", __file__], "not a keras_vst network"),
        (
            ["--teacher", str(NEGATIVE), "--set", "loss.temporal=3"],
            "loss.temporal means nothing to kind=distil",
        ),
    ],
)
def test_a_mistake_gets_one_line_and_leaves_no_run(words, message, photos, tmp_path, capsys):
    start = ["--run", str(tmp_path / "run"), "--photos", str(photos), "--quiet"]
    assert main([*start, *words]) == 2

    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_dry_run_paints_and_writes_nothing(words, tmp_path, capsys):
    assert main([*words, "--run", str(tmp_path / "run"), "--dry-run"]) == 0

    assert json.loads(capsys.readouterr().out)["estimate"]["seconds_a_step"] > 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", SIZES)
def test_a_size_is_a_student_of_that_name(size):
    words = ["--teacher", str(NEGATIVE), "--recipe", "distil", "--size", size]
    arguments = fit.parser().parse_args(words)

    assert fit.configured(arguments, fit.inputs_of(arguments)).student == SIZES[size]
