"""The command from end to end: what is written, what is refused, what is left behind."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from export import build, order
from export.cli import main
from export.gate import quality
from keras_vst import features, zoo
from keras_vst.config import RunConfig, StudentConfig
from keras_vst.errors import UserError
from keras_vst.models.student import build_student
from keras_vst.runs import RunDirectory
from tests.export.networks import CONFIG, TINY, content, good

ROOT = Path(__file__).parents[2]


def make_run(path, student_config=CONFIG, change=lambda student: None, painting=""):
    run = RunDirectory(path)
    styles = [
        {"name": f"painting_{index}", "file": str(painting), "sha256": "0"}
        for index in range(student_config.num_styles)
    ]
    run.create(RunConfig(student=student_config), {"recipe": "smoke", "styles": styles, "photos": "photos"})
    student = build_student(student_config)
    student.set_weights(good(student_config.num_styles).get_weights())
    change(student)
    run.save_network(student)
    run.log({"step": 4})
    return path


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """The gate on tiny clips, and no download of VGG16 from wherever a test runs."""

    def no_network():
        raise UserError("The ImageNet VGG16 weights could not be downloaded. Give a file.")

    monkeypatch.setattr(order, "QUICK", TINY)
    monkeypatch.setattr(features, "_download", no_network)
    monkeypatch.delenv(features.VGG16_VARIABLE, raising=False)
    # Tiny networks take microseconds, of which the fp32 file's share says nothing.
    monkeypatch.setattr("export.gate.cost.SLOWEST", dict.fromkeys(("fp32", "fp16", "int8"), 1000.0))


@pytest.fixture(scope="module")
def run(tmp_path_factory, painting):
    return make_run(tmp_path_factory.mktemp("runs") / "mine", painting=painting)


def export(run, out, *words):
    return main(["--run", str(run), "--out", str(out), "--quick", *words])


def report_of(out):
    return json.loads((out / "report.json").read_text())


@pytest.fixture(scope="module")
def everything(run, tmp_path_factory, short_clip):
    """One export of all formats and precisions, that several tests look at."""
    out = tmp_path_factory.mktemp("exports") / "mine"
    words = ["--formats", "tflite,onnx,savedmodel", "--precisions", "fp32,int8", "--sizes", "dynamic"]
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(order, "QUICK", TINY)
        monkeypatch.setattr("export.gate.cost.SLOWEST", dict.fromkeys(("fp32", "fp16", "int8"), 1000.0))
        monkeypatch.setattr(features, "_download", _unreachable)
        # Random weights paint nearly one colour: int8's rounding is all that can flicker.
        monkeypatch.setitem(quality.UNSEEN, "flicker", 1.0)
        status = export(run, out, *words, "--calibrate", str(short_clip))
    return status, out


def _unreachable():
    raise UserError("no network")


def test_everything_that_passes_is_written_with_card_and_report(everything):
    status, out = everything
    report = report_of(out)
    assert status == 0, report
    assert report["gate"] == "passed"
    assert sorted(path.name for path in out.iterdir()) == [
        "card.json",
        "mine",
        "mine.onnx",
        "mine.tflite",
        "mine_int8.tflite",
        "report.html",
        "report.json",
    ]
    assert [path.name for path in (out / "mine").iterdir()] == ["1"]
    assert list(report["artifacts"]) == ["network", "fp32", "int8", "onnx", "savedmodel"]
    gates = {check["gate"] for check in report["artifacts"]["int8"]["checks"]}
    wanted = {"opening", "numbers", "parity", "flicker", "style", "content", "operations", "size", "speed"}
    assert wanted <= gates
    assert (out / "report.json").stat().st_size < 30_000
    assert str(ROOT) not in (out / "report.json").read_text()


def test_the_card_describes_each_file_and_the_zoo_reads_it(everything):
    _, out = everything
    card = json.loads((out / "card.json").read_text())
    assert list(card["files"]) == ["fp32", "int8", "onnx", "savedmodel"]
    for name in ("fp32", "int8", "onnx"):
        data = (out / card["files"][name]["file"]).read_bytes()
        assert card["files"][name]["bytes"] == len(data)
        assert card["files"][name]["sha256"] == hashlib.sha256(data).hexdigest()
    assert card["files"]["savedmodel"]["file"] == "mine/1"
    assert card["training"]["steps"] == 4
    assert card["training"]["recipe"] == "smoke"
    assert card["parameters"] == build_student(CONFIG).count_params()
    network = zoo.network_file(out / "mine_int8.tflite")
    assert network.sha256 == card["files"]["int8"]["sha256"]
    assert network.margin == zoo.DEFAULT_MARGIN
    assert [(style.name, style.artist) for style in network.styles] == [("painting_0", "unknown")]


def test_what_was_not_measured_is_not_counted_as_passed(everything):
    _, out = everything
    checks = report_of(out)["artifacts"]["fp32"]["checks"]
    style = next(check for check in checks if check["gate"] == "style")
    assert style["outcome"] == "not judged"
    assert "VGG16" in style["message"]


def test_a_static_file_of_one_style_with_notes_and_judged_by_vgg16(tmp_path, painting, any_vgg16, capsys):
    config = StudentConfig(num_styles=2, channels=(4, 4, 8), num_blocks=0, state_channels=2)
    run = make_run(tmp_path / "two", config, painting=painting)
    about = tmp_path / "about.toml"
    about.write_text(
        '[styles.painting_1]\nname = "great-wave"\ntitle = "The Great Wave"\nartist = "Hokusai"\nyear = 1831\n'
        '[training]\nminutes = 60\n[data]\nphotos = "free"\n'
    )
    out = tmp_path / "out"
    words = ["--style", "great-wave", "--about", str(about), "--sizes", "48x32", "--vgg16", str(any_vgg16)]
    assert export(run, out, *words) == 0, capsys.readouterr().err

    card = json.loads((out / "card.json").read_text())
    assert card["name"] == "two-great-wave"
    assert [(style["name"], style["year"]) for style in card["styles"]] == [("great-wave", 1831)]
    assert card["training"]["minutes"] == 60
    assert card["data"] == {"photos": "free"}
    file = card["files"]["fp32_48x32"]
    assert (file["file"], file["size"], file["takes"]) == (
        "two-great-wave_fp32_48x32.tflite",
        "48x32",
        "64x48",
    )
    checks = {check["gate"]: check for check in report_of(out)["artifacts"]["fp32_48x32"]["checks"]}
    assert checks["content"]["outcome"] == "passed"

    from edge.stylizer import Stylizer

    frame = np.random.default_rng(0).integers(0, 256, (32, 48, 3)).astype(np.uint8)
    assert Stylizer(out / file["file"]).stylize(frame, [1.0]).shape == frame.shape


def test_weights_that_are_not_numbers_are_not_released(tmp_path, capsys):
    def break_it(student):
        student.get_layer("paint").bias.assign([float("nan")] * 12)

    run = make_run(tmp_path / "broken", change=break_it)
    assert export(run, tmp_path / "out") == 1
    error = capsys.readouterr().err
    assert "`paint/bias`" in error
    assert "nothing was released" in error
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["report.html", "report.json"]
    assert report_of(tmp_path / "out")["gate"] == "failed"


def test_what_fails_is_taken_away_and_what_passes_is_released(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(build.Maker, "tflite", lambda maker, precision, fixed: content())
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine_fp16.tflite").write_bytes(b"of an earlier export")
    (out / "mine_int8.tflite").write_bytes(b"of an earlier export, and not asked for today")
    assert export(run, out, "--precisions", "fp32,fp16", "--runtime", "onnxruntime") == 1
    error = capsys.readouterr().err
    assert "fp16: size (stored as)" in error
    assert "stored as fp32" in error
    left = sorted(path.name for path in out.glob("*.tflite"))
    assert left == ["mine.tflite", "mine_int8.tflite"]
    assert list(json.loads((out / "card.json").read_text())["files"]) == ["fp32"]


def test_a_damaged_file_is_found_before_it_is_opened_here(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(build.Maker, "tflite", lambda maker, precision, fixed: content()[:2000])
    assert export(run, tmp_path / "out") == 1
    error = capsys.readouterr().err
    assert "opening (trial)" in error
    assert "the file is damaged" in error


def test_a_stop_leaves_nothing_unfinished(run, tmp_path, monkeypatch, capsys):
    def stop(maker, artifact, folder, size):
        (folder / "half.tflite").write_bytes(b"TFL3")
        raise KeyboardInterrupt

    monkeypatch.setattr(build.Maker, "make", stop)
    assert export(run, tmp_path / "out") == 130
    assert "nothing unfinished" in capsys.readouterr().err
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--run", "nowhere"], "not a run directory"),
        (["--about", "nowhere.toml"], "cannot be read as TOML"),
        (["--formats", "coreml"], "--formats takes"),
        (["--precisions", "int4"], "--precisions takes"),
        (["--int8-floor", "-3"], "--int8-floor is decibels between 0 and 100. Received: -3."),
        (["--runtime", "openvino"], "--runtime takes"),
        (["--sizes", "50x50"], "Use 56x56"),
        (["--style", "painting_9"], "there is no style"),
        (["--vgg16", "nowhere.npz"], "no VGG16 weight file"),
        (["--clip", "nowhere.mp4"], "nowhere.mp4"),
    ],
)
def test_a_mistake_gets_one_line_and_leaves_nothing(run, tmp_path, words, message, capsys):
    assert export(run, tmp_path / "out", *words) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not list((tmp_path / "out").glob("*"))


def test_an_output_folder_that_is_a_file_is_named(run, tmp_path, capsys):
    (tmp_path / "out").write_text("in the way")
    assert export(run, tmp_path / "out") == 2
    assert "out" in capsys.readouterr().err


@pytest.mark.slow
def test_an_end_signal_leaves_nothing_unfinished(run, tmp_path):
    out = tmp_path / "out"
    command = [
        sys.executable,
        "-m",
        "export",
        "--run",
        str(run),
        "--out",
        str(out),
        "--precisions",
        "fp32,int8",
    ]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, env={**os.environ}) as child:
        deadline = time.monotonic() + 120
        while not list(out.glob(".export-*/*.tflite")) and time.monotonic() < deadline:
            time.sleep(0.1)
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=60)
    assert child.returncode == 130
    assert list(out.iterdir()) == []
