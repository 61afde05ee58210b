from __future__ import annotations

import json
import re
import subprocess
from contextlib import redirect_stderr
from io import StringIO

import cv2
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from keras_vst import features, zoo
from keras_vst.config.overrides import with_overrides
from keras_vst.models.student import build_student
from keras_vst.runs import RunDirectory
from tests.training.runs import keyframe_words, student_weights, tiny, tiny_vgg16, write_config
from training import fit, loop
from training.fit import main
from training.recipes import RECIPES
from training.terms import TERMS, completed
from training.watch import Trouble, Watch


@pytest.fixture(scope="module")
def small_vgg16():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "load_vgg16", tiny_vgg16)
        yield


@pytest.fixture(scope="module")
def trained(small_vgg16, photos, painting, tmp_path_factory):
    """The directory of a run of four steps."""
    folder = tmp_path_factory.mktemp("runs") / "mine"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "LOG_EVERY", 2)
        words = ["--recipe", "smoke", "--style", str(painting), "--photos", str(photos), "--quiet"]
        with redirect_stderr(StringIO()) as said:
            assert main([*words, "--no-export", "--run", str(folder)]) == 0
    (folder.parent / "said").write_text(said.getvalue())
    return RunDirectory(folder)


def test_a_run_tells_what_was_made_of_what(trained, painting):
    record = trained.record()

    assert record["recipe"] == "smoke"
    assert record["style"]["name"] == "painting"
    assert record["data"]["photos"] == 6
    assert record["skipped"]["count"] == 1
    assert "broken.jpg" in record["skipped"]["files"][0]
    said = (trained.path.parent / "said").read_text()
    assert f"left out: {record['skipped']['files'][0]}\n" in said
    assert record["versions"]["keras"]
    assert record["finished"] is True


def test_the_terms_of_a_run_are_logged_raw_and_weighted(trained):
    rows = trained.rows()

    assert [row["step"] for row in rows] == [2, 4]
    for row in rows:
        assert row["weighted_style"] == pytest.approx(TERMS["style"].weight * row["style"], rel=1e-5)
        weighted = sum(value for name, value in row.items() if name.startswith("weighted_"))
        assert weighted == pytest.approx(row["objective"], rel=1e-5)
    assert 0 <= rows[0]["minutes"] <= rows[1]["minutes"]


def test_a_run_leaves_strips_and_curves_to_look_at(trained):
    photos = cv2.imread(str(trained.samples / "step_000004.png"))
    clip = cv2.imread(str(trained.samples / "clip_000004.png"))

    assert photos.shape == (2 * 96, 4 * 96, 3)
    assert clip.shape == (3 * 96, 3 * 96, 3)
    assert photos[:96].std() > 10
    assert cv2.imread(str(trained.curves_file)).std() > 1
    assert not list(trained.path.rglob("*part*"))


def test_tensorboard_finds_scalars_and_strips(trained):
    (folder,) = trained.tensorboard.iterdir()
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0}).Reload()

    tags = set(events.Tags()["tensors"])
    assert {"raw/style", "weighted/style", "raw/objective", "strips/photos", "strips/clip"} <= tags
    assert [event.step for event in events.Tensors("raw/style")] == [2, 4]


def test_the_report_needs_nothing_beside_it_and_tells_how_to_go_on(trained):
    page = trained.report_file.read_text(encoding="utf-8")

    sources = re.findall(r'(?:src|href)="([^"]{0,40})', page)
    assert len(sources) >= 3
    assert all(source.startswith("data:image/") for source in sources)
    assert "painting.png" in page
    assert "4 of 4" in page
    assert "1 files were skipped" in page
    assert "python -m export --run" in page


def test_a_folder_that_holds_a_run_is_not_overwritten(trained, painting, capsys):
    assert main(["--recipe", "smoke", "--style", str(painting), "--run", str(trained.path)]) == 2
    assert "already holds a run" in capsys.readouterr().err


SMALL_FILM = ["--set", "teacher.channels=4,8,8,16", "--set", "teacher.num_blocks=1"]
GREAT_WAVE = str(zoo.find_style("great-wave").path)
RECIPES_TO_RUN = {
    "base": ["--photos", "{photos}"],
    "collection": ["--collection", "{photos}", "--photos", "{photos}"],
    "clip": ["--collection", "{clip}", "--photos", "{photos}"],
    "film": ["--style", "{painting}", "--photos", "{photos}", "--clips", "{clip}"],
    "keyframes": ["--keyframe", "{photos}/photo_0.png={photos}/photo_1.png", "--clips", "{clip}"],
    "look": ["--look", "pencil", "--photos", "{photos}"],
}


@pytest.mark.parametrize("recipe", RECIPES_TO_RUN)
def test_every_recipe_runs_from_its_sources_to_its_report(
    recipe, small_vgg16, photos, painting, short_clip, tmp_path, capsys
):
    light = {"film": ["schedule.clips_from=0"], "clip": ["loss.adversarial=0"]}.get(recipe, [])
    config = tiny(recipe, "schedule.steps=1", *light)
    paths = {"photos": photos, "painting": painting, "clip": short_clip}
    words = [word.format(**paths) for word in RECIPES_TO_RUN[recipe]]
    settings = ["--config", write_config(tmp_path / "tiny.json", config), "--cache", str(tmp_path / "cache")]

    assert main([*words, *settings, "--run", str(tmp_path / "run"), "--no-export", "--quiet"]) == 0

    run = RunDirectory(tmp_path / "run")
    assert run.record()["recipe"] == "tiny.json"
    assert run.rows()[-1]["step"] == 1
    assert run.network_file("teacher" if recipe == "film" else "student").is_file()
    assert run.report_file.is_file()
    told = capsys.readouterr()
    assert "python -m export" in told.out
    assert told.err.count("the rights in a style picture are yours to have") == (
        recipe not in ("base", "look")
    )


def test_a_run_can_start_from_the_weights_of_another(photos, tmp_path, capsys):
    words = keyframe_words(tmp_path, photos, "schedule.steps=1")
    assert main([*words, "--run", str(tmp_path / "first"), "--set", "seed=1"]) == 0
    still = ["--set", "schedule.learning_rate=0", "--set", "data.margin=16"]
    assert main([*words, *still, "--run", str(tmp_path / "next"), "--init", str(tmp_path / "first")]) == 0

    first, after = (student_weights(tmp_path / name) for name in ("first", "next"))
    kernels = [index for index, weight in enumerate(first) if weight.ndim == 4]
    assert kernels
    assert all(np.allclose(first[index], after[index], atol=1e-6) for index in kernels)

    other = ["--set", "student.channels=4,4,16", "--init", str(tmp_path / "first")]
    assert main([*words, *other, "--run", str(tmp_path / "other")]) == 2
    assert "same student.* settings" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("clips", [False, True])
def test_dry_run_tells_settings_sizes_and_time_and_writes_nothing(
    clips, photos, short_clip, tmp_path, capsys
):
    words = keyframe_words(tmp_path, photos) + ["--clips", str(short_clip)] * clips
    before = sorted(tmp_path.rglob("*"))
    assert main([*words, "--dry-run", "--set", "loss.supervised=7"]) == 0

    told = json.loads(capsys.readouterr().out)
    assert told["config"]["loss"]["supervised"] == 7.0
    student = build_student(tiny("keyframes").student)
    assert told["parameters"]["generator"] == student.count_params()
    assert told["gmacs_640x360"] > 0
    assert told["estimate"]["seconds_a_step"] > 0
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--style", "nowhere.jpg"], "no file nowhere.jpg"),
        (["--photos", "nowhere"], "no folder nowhere"),
        (["--set", "loss.stile=3"], "Known in LossConfig: content, style"),
        (["--set", "student.channels=blue"], "takes whole numbers"),
        (["--config", "nowhere.toml"], "--recipe and --config both name the settings"),
        (["--recipe", "collection"], "--recipe collection --collection FOLDER"),
        (["--recipe", "keyframes"], "--keyframe walk.mp4@12=painted_12.png"),
        (["--keyframe", "a.png"], "FRAME=PAINTED"),
        (["--collection", "."], "has no use for --collection"),
        (["--init", "nowhere"], "--init nowhere does not fit"),
        (["--recipe", "film", *SMALL_FILM, "--init", GREAT_WAVE], "is not laid out as the styles of the zoo"),
        (["--resume"], "--resume goes on with the settings and sources of the run; --style"),
    ],
)
def test_a_mistake_gets_one_line_and_leaves_no_run(words, message, small_vgg16, painting, tmp_path, capsys):
    start = ["--recipe", "smoke", "--style", str(painting), "--run", str(tmp_path / "run"), "--quiet"]
    assert main([*start, *words]) == 2

    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_what_is_missing_is_named(tmp_path, painting, capsys):
    assert main(["--run", str(tmp_path / "run")]) == 2
    assert "Recipe painting needs --style painting.jpg. Try: python -m" in capsys.readouterr().err
    assert main(["--style", str(painting)]) == 2
    assert "Add --run runs/NAME" in capsys.readouterr().err
    assert main(["--resume"]) == 2
    assert "Add --run runs/NAME" in capsys.readouterr().err
    assert main(["--run", str(tmp_path), "--resume"]) == 2
    assert "not a run directory" in capsys.readouterr().err


def test_settings_come_from_a_file_too(tmp_path, painting):
    settings = tmp_path / "mine.toml"
    settings.write_text("seed = 5\n[loss]\nstyle = 9\n")
    arguments = fit.parser().parse_args(["--config", str(settings), "--style", str(painting)])
    config = fit.configured(arguments, fit.inputs_of(arguments))
    assert config == completed(with_overrides(RECIPES["painting"], ["seed=5", "loss.style=9"]))


def test_several_machines_take_the_same_number_of_steps_so_minutes_are_refused(
    painting, monkeypatch, tmp_path, capsys
):
    cluster = {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": {"type": "worker", "index": 0}}))
    assert main(["--style", str(painting), "--run", str(tmp_path / "run"), "--minutes", "5"]) == 2
    assert "Use --set schedule.steps=N" in capsys.readouterr().err


def test_ctrl_c_before_the_first_step_is_one_word(painting, monkeypatch, tmp_path, capsys):
    def interrupt(path, dtype):
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "load_vgg16", interrupt)
    words = ["--recipe", "smoke", "--style", str(painting), "--run", str(tmp_path / "run"), "--quiet"]
    assert main(words) == 130
    assert capsys.readouterr().err == "training.fit: stopped.\n"


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
    monkeypatch.setattr(features, "load_vgg16", tiny_vgg16)
    monkeypatch.setattr(fit, "SCORED_SIDE", 96)
    monkeypatch.setattr(loop.Session, "step", lambda self, batch: {"objective": 1.0})  # nothing is compiled
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
    monkeypatch.setattr(fit.subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], status))

    assert fit.export(RunDirectory(tmp_path), install=False) == left
    assert ("all the same" in capsys.readouterr().out) is (status == 1)


def test_a_run_that_went_wrong_leaves_a_report_of_it(words, exports, tmp_path, monkeypatch, capsys):
    def trouble(self, step, terms):
        raise Trouble("everything is white")

    monkeypatch.setattr(Watch, "terms", trouble)
    assert main(words) == 2

    assert "everything is white" in capsys.readouterr().err
    assert "not finished" in RunDirectory(tmp_path / "mine").report_file.read_text(encoding="utf-8")
    assert not exports
