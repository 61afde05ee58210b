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

from export import artifact
from export.__main__ import main
from export.formats import to_tflite
from export.gate import checks, same
from export.results import Check
from export.source import load
from keras_vst import zoo
from keras_vst.models.student import build_student
from tests.export.networks import CONFIG, FILM, TINY, content, film, good, make_run

ROOT = Path(__file__).parents[2]
FAST = ("--runtime", "onnxruntime")  # no children


@pytest.fixture(scope="module", autouse=True)
def small():
    """The gate on tiny clips; tiny random networks suffer from int8 as no learned one does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(artifact, "QUICK", TINY)
        patch.setitem(same.FLOORS, "int8", 30.0)
        patch.setattr(same, "UNSEEN", 1.0)
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory, painting):
    return make_run(tmp_path_factory.mktemp("runs") / "mine", painting=painting)


@pytest.fixture
def converted(monkeypatch):
    """Files that were made before, and need no child to try them; a test may replace what a precision gives."""
    files = {}
    monkeypatch.setattr(checks, "trial", lambda path: Check("opening", "trial", True, ""))
    monkeypatch.setattr(
        to_tflite,
        "convert",
        lambda network, precision, size, frames: files.get(precision) or content(precision, size),
    )
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
    told = {"card.json", "export.html", "report.json"}
    files = {"mine", "mine.onnx", "mine.tflite", "mine_fp16.tflite", "mine_int8.tflite"}
    assert {path.name for path in out.iterdir()} == told | files
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
    told = {"name": "mine", "title": "mine", "artist": "unknown", "licence": "unknown", "quality": "live"}
    assert {key: card[key] for key in told} == told
    assert (card["architecture"], card["sha256"]) == ("student-4-4-8-1", "ab" * 32)
    assert (card["training"]["steps"], card["training"]["recipe"]) == (4, "smoke")
    assert card["parameters"] == build_student(CONFIG).count_params()
    style = zoo.file_style(out / "mine_int8.tflite")
    assert (style.sha256, style.margin) == (card["files"]["int8"]["sha256"], zoo.DEFAULT_MARGIN)
    kernel = next(each for each in card["weights"]["tensors"] if each["name"] == "paint/kernel")
    assert (out / card["weights"]["file"]).read_bytes()[kernel["offset"] :][: kernel["length"]] in content()
    assert kernel["length"] == 4 * int(np.prod(kernel["shape"]))


def test_a_static_file_with_notes(run, tmp_path, converted, capsys):
    about = tmp_path / "about.toml"
    about.write_text(
        'title = "The Great Wave"\nartist = "Hokusai"\nyear = 1831\nlicence = "public domain"\n'
        '[training]\nminutes = 60\n[data]\nphotos = "free"\n'
    )
    out = tmp_path / "out"
    words = ["--name", "great-wave", "--about", str(about), "--sizes", "48x32", "--precisions", "fp32", *FAST]
    assert export(run, out, *words) == 0, capsys.readouterr().err
    card = card_of(out)
    assert (card["name"], card["title"], card["year"]) == ("great-wave", "The Great Wave", 1831)
    assert (card["training"]["minutes"], card["training"]["steps"]) == (60, 4)
    assert card["data"] == {"photos": "free"}
    file = card["files"]["fp32_48x32"]
    assert (file["file"], file["size"], file["takes"]) == ("great-wave_fp32_48x32.tflite", "48x32", "64x48")


def test_an_export_into_the_run_s_own_folder_and_the_user_s_zoo(tmp_path, converted, monkeypatch, capsys):
    monkeypatch.setenv("KERAS_VST_ZOO", str(tmp_path / "zoo"))
    run = make_run(tmp_path / "mine")
    (run / "report.html").write_text("the run's")
    before = (run / "config.json").read_bytes()
    assert export(run, run, "--precisions", "fp32", "--install", *FAST) == 0
    assert "--style mine" in capsys.readouterr().out
    assert (run / "report.html").read_text() == "the run's"
    assert (run / "config.json").read_bytes() == before
    assert (run / "export.html").is_file()
    assert load(run).config == CONFIG, "and it is still a run that can be exported"
    style = zoo.find_style("mine")
    assert (style.own, style.path) == (True, tmp_path / "zoo" / "mine" / "mine.tflite")


def test_a_file_that_passed_stays_until_a_better_one_replaces_it(
    run, tmp_path, converted, monkeypatch, capsys
):
    out, first, second = (tmp_path / name for name in ("out", "zoo", "zoo_again"))

    def export_fp16(is_good, *words):
        converted["fp16"] = content("fp16" if is_good else "fp32")
        return export(run, out, "--precisions", *(words or ("fp16",)), *FAST)

    monkeypatch.setenv("KERAS_VST_ZOO", str(first))
    assert export_fp16(False, "fp32,fp16", "--install") == 1
    assert "fp16: size (stored as)" in capsys.readouterr().err
    assert [path.name for path in (first / "mine").glob("*.tflite")] == ["mine.tflite"]
    exact = card_of(out)

    monkeypatch.setenv("KERAS_VST_ZOO", str(second))
    assert export_fp16(True, "fp16", "--install") == 0
    assert not second.exists(), "without fp32 there is nothing to paint with"
    both = card_of(out)
    assert list(both["files"]) == ["fp32", "fp16"]
    assert (both["files"]["fp32"], both["weights"]) == (exact["files"]["fp32"], exact["weights"])

    assert export_fp16(False) == 1
    assert card_of(out)["files"] == both["files"]
    data = (out / "mine_fp16.tflite").read_bytes()
    assert hashlib.sha256(data).hexdigest() == both["files"]["fp16"]["sha256"]

    (out / "mine.tflite").write_bytes(b"another file")
    assert export_fp16(True) == 0
    assert list(card_of(out)["files"]) == ["fp16"], "what is not there any more is not on it"


@pytest.mark.parametrize("make", [good, film])
def test_weights_that_are_not_numbers_are_not_released(tmp_path, capsys, make):
    network = make()
    bias = network.get_layer("paint").bias
    bias.assign(np.full(bias.shape, np.nan))
    assert export(make_run(tmp_path / "broken", network), tmp_path / "out") == 1
    error = capsys.readouterr().err
    assert "`paint/bias`" in error
    assert "nothing was released" in error
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["export.html", "report.json"]
    assert report_of(tmp_path / "out")["gate"] == "failed"


def test_a_damaged_file_is_found_before_it_is_opened_here(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(to_tflite, "convert", lambda *arguments: content()[:2000])
    assert export(run, tmp_path / "out", "--precisions", "fp32") == 1
    error = capsys.readouterr().err
    assert "opening (trial)" in error
    assert "not a keras_vst network" in error


def test_a_stop_leaves_nothing_unfinished(run, tmp_path, monkeypatch, capsys):
    def stop(*arguments):
        (next((tmp_path / "out").iterdir()) / "half.tflite").write_bytes(b"TFL3")
        raise KeyboardInterrupt

    monkeypatch.setattr(to_tflite, "convert", stop)
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
        (["--calibrate", "nowhere.mp4"], "nowhere.mp4"),
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
    assert f"cannot write {tmp_path / 'out'}" in capsys.readouterr().err


@pytest.fixture(scope="module")
def film_run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs") / "opus", film())


def test_a_film_network_becomes_files_that_equal_it_frame_after_frame(film_run, tmp_path):
    pytest.importorskip("onnxruntime")
    assert export(film_run, tmp_path, "--formats", "tflite,onnx") == 0
    artifacts = report_of(tmp_path)["artifacts"]
    least = {"fp32": 80, "fp16": 50, "onnx": 80}
    assert list(artifacts) == ["network", *least]
    for key, decibels in least.items():
        parities = [check for check in artifacts[key]["checks"] if check["gate"] == "parity"]
        assert [check["of"] for check in parities] == ["stylize", "stylize, at 40x32"]
        assert all(check["measured"]["worst"] > decibels for check in parities)
    style = zoo.file_style(tmp_path / "opus.tflite")
    assert (style.quality, style.architecture) == ("film", FILM.architecture)
    assert style.card["parameters"] == film().count_params()
    assert style.card["gmacs"]["value"] > 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--precisions", "int8"), "instance norm"),
        (("--formats", "savedmodel"), "no last frame to find the flow from"),
    ],
)
def test_what_a_film_network_cannot_be_is_refused_in_one_line(film_run, tmp_path, capsys, words, message):
    assert export(film_run, tmp_path / "out", *words) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


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
