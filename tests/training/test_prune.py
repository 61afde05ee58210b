"""`python -m training.prune`: rounds until the goal is met, gone on with after a kill, refused in one line."""

from __future__ import annotations

import signal
import subprocess
import sys
from types import SimpleNamespace

import keras
import pytest

from keras_vst.config import RunConfig, StudentConfig
from keras_vst.errors import UserError
from keras_vst.models.pruning import student_macs
from keras_vst.models.student import build_student
from keras_vst.runs import RunDirectory
from tests.training.runs import NO_VGG16, assert_equal_weights
from training import fit, rounds
from training.prune import latency, macs, main, ratio

STUDENT = StudentConfig(channels=(8, 8, 12), num_blocks=1)
TINY = [
    *NO_VGG16,
    *(
        "data.batch=2",
        "data.margin=8",
        "data.photo_side=96",
        "data.taught=2",
        "schedule.judged_size=32",
        "schedule.norms_held_from=1",
    ),
]
KILLED_IN_THE_SECOND_ROUND = """
import os, signal, sys
from pathlib import Path
from keras_vst.runs import RunDirectory
from training import fit, prune
fit.export = lambda run, install: (run.path / f"{run.path.name}.tflite").write_bytes(b"a network") and 0
save = RunDirectory.save
def save_or_die(self, trainer):
    save(self, trainer)
    if self.path.name == "round-2":
        os.kill(os.getpid(), signal.SIGKILL)
RunDirectory.save = save_or_die
prune.main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A run whose student has weights, trained by nobody."""
    folder = tmp_path_factory.mktemp("source") / "mine"
    keras.utils.set_random_seed(0)
    run = RunDirectory(folder)
    run.create(RunConfig(student=STUDENT), {})
    run.save_network(build_student(STUDENT))
    return folder


@pytest.fixture
def words(source, photos, monkeypatch):
    """A request of two rounds; what is exported is not."""

    def export(run, install):
        (run.path / f"{run.path.name}.tflite").write_bytes(b"a network")
        return 0

    monkeypatch.setattr(fit, "export", export)
    settings = [word for each in TINY for word in ("--set", each)]
    start = ["--run", str(source), "--photos", str(photos), "--rounds", "2", "--steps", "2", "--quiet"]
    return [*start, *settings]


def channels(run):
    return RunDirectory(run).config().student.channels


def test_rounds_go_on_after_a_kill_and_end_where_unbroken_ones_do(words, tmp_path, capsys):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert main([*words, "--ratio", "0.5", "--out", str(whole)]) == 0
    assert f"{whole / 'round-2'}: student-" in capsys.readouterr().out

    asked = [*words, "--ratio", "0.5", "--out", str(broken)]
    done = subprocess.run(
        [sys.executable, "-c", KILLED_IN_THE_SECOND_ROUND, *asked],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert main(asked) == 0

    assert student_macs(RunDirectory(whole / "round-2").config().student) <= 0.5 * student_macs(STUDENT)
    assert channels(whole / "round-1") != channels(whole / "round-2") == channels(broken / "round-2")
    assert_equal_weights(broken / "round-2", whole / "round-2")
    assert main([*words, "--ratio", "0.4", "--out", str(whole)]) == 2
    assert "holds the rounds of another request" in capsys.readouterr().err


def test_rounds_go_on_until_the_measured_time_is_met(source, words, tmp_path, monkeypatch, capsys):
    """Of a machine on which channels are worth less than their arithmetic says."""

    def timed(file, size, threads):
        assert (size, threads) == ((376, 656), 2)
        config = STUDENT if file.name == "unpruned.tflite" else RunDirectory(file.parent).config().student
        return 4 + 6 * student_macs(config) / student_macs(STUDENT)

    monkeypatch.setattr(rounds, "milliseconds", timed)
    monkeypatch.setattr(rounds.Rounds, "_export", lambda self, run, folder: folder / "unpruned.tflite")
    out = tmp_path / "out"

    assert main([*words, "--target", "7.5ms@640x360/2threads", "--out", str(out)]) == 0

    last = sorted(out.glob("round-?"))[-1]
    assert timed(last / f"{last.name}.tflite", (376, 656), 2) <= 7.5
    assert "unpruned 10.00 ms, now" in capsys.readouterr().out
    assert main([*words, "--target", "11ms@640x360/2threads", "--out", str(tmp_path / "slow")]) == 2
    assert "is within 11ms@640x360/2threads as it is" in capsys.readouterr().err
    asked = SimpleNamespace(rounds=2, steps=2, set=[])
    rounds.Rounds(
        source, tmp_path / "slow", latency("9ms@640x360/2threads"), asked
    )  # nothing came of the other
    with pytest.raises(UserError, match="holds the rounds of another request"):
        rounds.Rounds(source, out, latency("9ms@640x360/2threads"), asked)


def test_less_than_the_smallest_student_takes_is_refused(words, tmp_path, capsys):
    assert main([*words, "--rounds", "1", "--macs", "1M", "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert "1M is less than the smallest student takes" in error or "1M is not met" in error


@pytest.mark.parametrize(
    ("goal", "message"),
    [
        (["--target", "0ms@640x360/2threads"], "--target 0ms@640x360/2threads cannot be met"),
        (["--ratio", "1.5"], "between 0 and 1. Received: 1.5"),
        (["--macs", "none"], "--macs is a number above 0"),
        (["--ratio", "0.5", "--rounds", "0"], "--rounds must be at least 1"),
        (["--ratio", "0.5", "--run", "nowhere"], "nowhere is not a run directory"),
    ],
)
def test_a_bad_request_is_one_line_and_leaves_nothing(goal, message, words, tmp_path, capsys):
    assert main([*words, *goal, "--out", str(tmp_path / "out")]) == 2  # of two --run the second counts

    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_network_of_film_quality_is_no_student(tmp_path, capsys):
    RunDirectory(tmp_path / "film").create(RunConfig(kind="film"), {})

    assert main(["--run", str(tmp_path / "film"), "--ratio", "0.5"]) == 2
    assert "is a network of film quality, which is not pruned" in capsys.readouterr().err


def test_a_folder_of_something_else_is_left_alone(words, tmp_path, capsys):
    (tmp_path / "diary.txt").write_text("dear diary")

    assert main([*words, "--ratio", "0.5", "--out", str(tmp_path)]) == 2
    assert "holds something else" in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["diary.txt"]


def test_a_target_is_a_time_at_a_size_with_its_margin_by_threads():
    goal = latency("8.5ms@640x360/2threads")

    assert (goal.milliseconds, goal.size, goal.threads) == (8.5, (376, 656), 2)
    assert latency("8ms@640x360/1thread").threads == 1


def test_arithmetic_is_written_with_units_or_without():
    assert [macs(text).macs for text in ("250M", "0.25G", "2.5e8", "250000000")] == [250e6] * 4


def test_a_ratio_is_a_share():
    assert ratio("0.5").ratio == 0.5


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (latency, "8ms@0x360/2threads"),
        (latency, "8ms@640x360/0threads"),
        (latency, "8ms@640x360"),
        (latency, "8ms"),
        (latency, "-3ms@640x360/2threads"),
        (macs, "0"),
        (macs, "-1M"),
        (macs, "1e99G"),
        (ratio, "1"),
        (ratio, "0"),
        (ratio, "nan"),
        (ratio, "half"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_an_example(read, text):
    with pytest.raises(UserError, match=r"(?s)Received: .*|cannot be met"):
        read(text)
