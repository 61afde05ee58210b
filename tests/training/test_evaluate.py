import json
import re

import pytest

from tests.training.evaluation.networks import SMALL
from tests.training.runs import tiny_vgg16
from training import evaluate
from training.evaluation import material, scorecard, speed


@pytest.fixture
def small(monkeypatch):
    """Small pictures, a small VGG16, and no time spent on timing."""
    monkeypatch.setattr(material, "SIZES", SMALL)
    monkeypatch.setattr("keras_vst.features.load_vgg16", tiny_vgg16)
    monkeypatch.setattr(speed, "milliseconds", lambda path, size, threads: 12.5)


def score(*words):
    return evaluate.main([*map(str, words), "--quiet"])


def test_a_network_is_scored_beside_its_controls_on_one_page(
    small, negative, photos, painting, tmp_path, capsys
):
    report = tmp_path / "scores"
    status = score(
        "--model",
        negative,
        "--style",
        painting,
        painting,
        "--photos",
        photos,
        "--count",
        1,
        "--report",
        report,
    )
    assert status == 0
    values = json.loads((report / "score.json").read_text())
    (network,) = values["networks"]
    rows = network["styles"]["style 1"]
    assert list(rows) == ["network", "without its memory", "running mean", "blurred", "frame left alone"]
    # The network inverts whatever it remembers, so forgetting changes nothing; leaving alone is no painting.
    assert rows["network"] == rows["without its memory"]
    assert rows["frame left alone"]["content"] == 0 < rows["network"]["content"]
    assert rows["network"]["warp"] == pytest.approx(rows["frame left alone"]["warp"], rel=1e-3)
    assert network["milliseconds"] == {"network": 12.5}
    assert network["bytes"] == negative.stat().st_size
    assert "not measured; to add it: " in values["about"]["peer"]
    page = (report / "score.html").read_text()
    assert "src='http" not in page
    assert len(re.findall("data:image/(jpeg|png);base64,", page)) == 1 + 2 + 2  # sheet, strips, plots
    assert sorted(path.name for path in report.iterdir()) == ["score.html", "score.json"]
    assert "negative: " in capsys.readouterr().out


def test_networks_can_be_scored_without_their_controls(small, negative, photos, painting, tmp_path):
    report = tmp_path / "scores"
    words = ("--model", negative, "--style", painting, painting, "--photos", photos, "--count", 1)
    assert score(*words, "--report", report, "--no-controls") == 0
    (network,) = json.loads((report / "score.json").read_text())["networks"]
    assert [list(rows) for rows in network["styles"].values()] == [["network"], ["network"]]


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
        (["--model", "unknown"], "no network 'unknown'"),
        (["--model", "great-wave", "--count", "0"], "--count must be at least 1"),
        (["--model", "great-wave", "--styles", "nowhere"], "no folder nowhere"),
        (["--model", "great-wave", "--style", "a.png", "b.png"], "1 styles, but --style names 2"),
    ],
)
def test_a_mistake_is_one_line(words, told, tmp_path, capsys):
    assert score(*words, "--report", tmp_path) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line
    assert line.startswith("training.evaluate: ")
