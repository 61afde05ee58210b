"""The command from end to end: what is written, what is refused, what stays, what is left behind."""

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

from export import order, tflite
from export.cli import main
from export.gate import cost, parity, quality
from keras_vst import zoo
from keras_vst.models.student import build_student
from tests.export.networks import CONFIG, TINY, content, make_run

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", autouse=True)
def small():
    """The gate on tiny clips; tiny random networks suffer from int8 as no learned one does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(order, "QUICK", TINY)
        patch.setitem(parity.FLOORS, "int8", 30.0)
        patch.setattr(quality, "UNSEEN", 1.0)
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory, painting):
    return make_run(tmp_path_factory.mktemp("runs") / "mine", painting=painting)


@pytest.fixture
def converted(monkeypatch):
    """Converting takes a second: files that were made before; a test may replace what one precision gives."""
    files = {precision: content(precision) for precision in ("fp32", "fp16", "int8")}
    monkeypatch.setattr(tflite, "convert", lambda network, precision, *others: files[precision])
    return files


def export(run, out, *words):
    return main(["--run", str(run), "--out", str(out), "--quick", *words])


def report_of(out):
    return json.loads((out / "report.json").read_text())


def card_of(out):
    return json.loads((out / zoo.CARD).read_text())


@pytest.fixture(scope="module")
def everything(run, tmp_path_factory, short_clip):
    """One export of all formats and precisions, that several tests look at."""
    pytest.importorskip("onnxruntime")
    out = tmp_path_factory.mktemp("exports") / "mine"
    status = export(run, out, "--formats", "tflite,onnx,savedmodel", "--calibrate", str(short_clip))
    return status, out


def test_everything_that_passes_is_written_with_card_and_report(everything):
    status, out = everything
    report = report_of(out)
    assert status == 0, report
    assert report["gate"] == "passed"
    files = {"mine.onnx", "mine.tflite", "mine_fp16.tflite", "mine_int8.tflite"}
    assert {path.name for path in out.iterdir()} == {
        "card.json",
        "mine",
        "export.html",
        "report.json",
        *files,
    }
    assert [path.name for path in (out / "mine").iterdir()] == ["1"]
    assert list(report["artifacts"]) == ["network", "fp32", "fp16", "int8", "onnx", "savedmodel"]
    gates = {check["gate"] for check in report["artifacts"]["int8"]["checks"]}
    assert {"opening", "numbers", "parity", "flicker", "operations", "size", "agreement", "speed"} <= gates
    assert (out / "report.json").stat().st_size < 30_000
    assert str(ROOT) not in (out / "report.json").read_text()


def test_the_card_describes_each_file_and_the_zoo_reads_it(everything):
    _, out = everything
    card = card_of(out)
    assert list(card["files"]) == ["fp32", "fp16", "int8", "onnx"]
    for entry in card["files"].values():
        data = (out / entry["file"]).read_bytes()
        assert (entry["bytes"], entry["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert (card["name"], card["title"], card["artist"], card["licence"]) == (
        "mine",
        "mine",
        "unknown",
        "unknown",
    )
    assert (card["quality"], card["architecture"]) == ("live", "student-4-4-8-1")
    assert card["sha256"] == "ab" * 32
    assert (card["training"]["steps"], card["training"]["recipe"]) == (4, "smoke")
    assert card["parameters"] == build_student(CONFIG).count_params()
    style = zoo.file_style(out / "mine_int8.tflite")
    assert style.sha256 == card["files"]["int8"]["sha256"]
    assert style.margin == zoo.DEFAULT_MARGIN


def test_the_card_tells_where_the_weights_stand(everything):
    _, out = everything
    weights = card_of(out)["weights"]
    assert weights["file"] == "mine.tflite"
    kernel = next(each for each in weights["tensors"] if each["name"] == "paint/kernel")
    stored = (out / "mine.tflite").read_bytes()[kernel["offset"] :][: kernel["length"]]
    assert stored in content()
    assert kernel["length"] == 4 * int(np.prod(kernel["shape"]))


def test_a_static_file_with_notes(run, tmp_path, capsys):
    about = tmp_path / "about.toml"
    about.write_text(
        'title = "The Great Wave"\nartist = "Hokusai"\nyear = 1831\nlicence = "public domain"\n'
        '[training]\nminutes = 60\n[data]\nphotos = "free"\n'
    )
    out = tmp_path / "out"
    words = ["--name", "great-wave", "--about", str(about), "--sizes", "48x32", "--precisions", "fp32"]
    assert export(run, out, *words) == 0, capsys.readouterr().err
    card = card_of(out)
    assert (card["name"], card["title"], card["year"]) == ("great-wave", "The Great Wave", 1831)
    assert (card["training"]["minutes"], card["training"]["steps"]) == (60, 4)
    assert card["data"] == {"photos": "free"}
    file = card["files"]["fp32_48x32"]
    assert (file["file"], file["size"], file["takes"]) == ("great-wave_fp32_48x32.tflite", "48x32", "64x48")


def test_an_export_into_the_run_s_own_folder_leaves_the_run_s_files_alone(tmp_path, converted):
    run = make_run(tmp_path / "mine")
    (run / "report.html").write_text("the run's")
    before = (run / "config.json").read_bytes()
    assert export(run, run, "--precisions", "fp32") == 0
    assert (run / "report.html").read_text() == "the run's"
    assert (run / "config.json").read_bytes() == before
    assert (run / "export.html").is_file()
    assert export(run, run, "--precisions", "fp32") == 0, "and it is still a run that can be exported"


def test_what_passed_can_be_installed_into_the_user_s_own_zoo(run, tmp_path, converted, monkeypatch, capsys):
    monkeypatch.setenv("KERAS_VST_ZOO", str(tmp_path / "zoo"))
    assert export(run, tmp_path / "out", "--install", "--precisions", "fp32,fp16") == 0
    style = zoo.find_style("mine")
    assert (style.own, style.path) == (True, tmp_path / "zoo" / "mine" / "mine.tflite")
    assert "--style mine" in capsys.readouterr().out


def test_what_failed_is_not_installed(run, tmp_path, converted, monkeypatch):
    monkeypatch.setenv("KERAS_VST_ZOO", str(tmp_path / "zoo"))
    converted["fp16"] = content("fp32")
    assert export(run, tmp_path / "out", "--install", "--precisions", "fp32,fp16") == 1
    assert sorted(path.name for path in zoo.find_style("mine").path.parent.glob("*.tflite")) == [
        "mine.tflite"
    ]


def test_without_the_exact_file_nothing_is_installed(run, tmp_path, converted, monkeypatch):
    monkeypatch.setenv("KERAS_VST_ZOO", str(tmp_path / "zoo"))
    converted["fp32"] = content("fp16")
    assert export(run, tmp_path / "out", "--install", "--precisions", "fp32,fp16") == 1
    assert not (tmp_path / "zoo").exists()


def test_weights_that_are_not_numbers_are_not_released(tmp_path, capsys):
    def break_it(student):
        student.get_layer("paint").bias.assign([float("nan")] * 12)

    run = make_run(tmp_path / "broken", change=break_it)
    assert export(run, tmp_path / "out") == 1
    error = capsys.readouterr().err
    assert "`paint/bias`" in error
    assert "nothing was released" in error
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["export.html", "report.json"]
    assert report_of(tmp_path / "out")["gate"] == "failed"


def test_a_file_that_passed_stays_on_the_card_until_a_better_one_replaces_it(
    run, tmp_path, converted, capsys
):
    out = tmp_path / "out"
    assert export(run, out, "--precisions", "fp32,fp16", "--runtime", "onnxruntime") == 0
    before = card_of(out)
    converted["fp16"] = content("fp32", seed=6)
    assert export(run, out, "--precisions", "fp32,fp16", "--runtime", "onnxruntime") == 1
    assert "fp16: size (stored as)" in capsys.readouterr().err
    assert card_of(out)["files"] == before["files"]
    data = (out / "mine_fp16.tflite").read_bytes()
    assert hashlib.sha256(data).hexdigest() == before["files"]["fp16"]["sha256"]


def test_an_export_without_fp32_leaves_fp32_and_its_weights_on_the_card(run, tmp_path, converted):
    out = tmp_path / "out"
    assert export(run, out, "--precisions", "fp32", "--runtime", "onnxruntime") == 0
    before = card_of(out)
    assert export(run, out, "--precisions", "fp16", "--runtime", "onnxruntime") == 0
    after = card_of(out)
    assert list(after["files"]) == ["fp32", "fp16"]
    assert (after["files"]["fp32"], after["weights"]) == (before["files"]["fp32"], before["weights"])
    (out / "mine.tflite").write_bytes(b"another file")
    assert export(run, out, "--precisions", "fp16", "--runtime", "onnxruntime") == 0
    assert list(card_of(out)["files"]) == ["fp16"], "what is not there any more is not on it"


def test_a_slow_file_is_released_with_a_warning(run, tmp_path, converted, monkeypatch, capsys):
    monkeypatch.setattr(cost, "SLOWEST", dict.fromkeys(cost.SLOWEST, 0.0))
    assert export(run, tmp_path / "out", "--precisions", "fp32", "--runtime", "onnxruntime") == 0
    assert "fp32: speed (fp32)" in capsys.readouterr().err
    assert (tmp_path / "out" / "mine.tflite").is_file()


def test_a_damaged_file_is_found_before_it_is_opened_here(run, tmp_path, converted, capsys):
    converted["fp32"] = content()[:2000]
    assert export(run, tmp_path / "out", "--precisions", "fp32") == 1
    error = capsys.readouterr().err
    assert "opening (trial)" in error
    assert "the file is damaged" in error


def test_a_stop_leaves_nothing_unfinished(run, tmp_path, monkeypatch, capsys):
    def stop(*arguments):
        (next((tmp_path / "out").iterdir()) / "half.tflite").write_bytes(b"TFL3")
        raise KeyboardInterrupt

    monkeypatch.setattr(tflite, "convert", stop)
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
        (["--runtime", "openvino"], "--runtime takes"),
        (["--sizes", "50x50"], "Use 56x56"),
        (["--name", "my style:2"], "cannot be a style's name"),
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
    command = [sys.executable, "-m", "export", "--run", str(run), "--out", str(out)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, env={**os.environ}) as child:
        deadline = time.monotonic() + 120
        while not list(out.glob(".export-*/*.tflite")) and time.monotonic() < deadline:
            time.sleep(0.1)
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=60)
    assert child.returncode == 130
    assert list(out.iterdir()) == []
