import json
import re

import cv2
import numpy as np
import pytest

from tests.conftest import draw_picture, write_picture
from tests.training.evaluation.eyes import features_by_hand, tiny_file, tiny_state
from tests.training.evaluation.networks import SMALL
from tests.training.runs import tiny_vgg16
from training import evaluate
from training.evaluation import collection, material, scorecard, speed
from training.evaluation.frechet import frechet_distance


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
    assert sorted(path.name for path in report.iterdir()) == ["pictures", "score.html", "score.json"]
    assert sorted(path.name for path in (report / "pictures").iterdir()) == [
        "negative.jpg",
        "negative_style-0.jpg",
        "negative_style-1.jpg",
        "style_and_flicker.png",
        "style_and_time.png",
    ]
    plot = cv2.imread(str(report / "pictures" / "style_and_flicker.png"))
    assert plot.std() > 1
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
        (["--model", "painter", "--count", "0"], "--count must be at least 1"),
        (["--model", "painter", "--styles", "nowhere"], "no folder nowhere"),
        (["--model", "painter", "--style", "a.png", "b.png"], "10 styles, but --style names 2"),
        (["--model", "painter", "--collection", "monet"], "no --features. Get it with `pip download"),
        (["--model", "painter", "--features", "a.pth"], "no --collection. Name both."),
    ],
)
def test_a_mistake_is_one_line(words, told, tmp_path, capsys):
    assert score(*words, "--report", tmp_path) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line
    assert line.startswith("training.evaluate: ")


@pytest.fixture
def school(monkeypatch, tmp_path):
    """Thirty photos and thirty paintings of 32 pixels, and nothing measured but their distance."""
    monkeypatch.setattr(collection, "SIDE", 32)
    monkeypatch.setattr(collection, "SEEN", 32)
    monkeypatch.setattr(scorecard, "measure", lambda painters, *_: {row: {} for row in painters})
    for name, first in (("photos", 0), ("school", 50)):
        (tmp_path / name).mkdir()
        for seed in range(first, first + collection.LEAST):
            write_picture(tmp_path / name / f"{seed}.png", seed, 32, 32)


def test_the_distance_to_a_collection_stands_beside_that_of_the_controls(small, school, negative, tmp_path):
    weights, report = tiny_file(tmp_path / "lite0.pth"), tmp_path / "scores"
    words = ("--photos", tmp_path / "photos", "--collection", tmp_path / "school", "--features", weights)
    assert score("--model", negative, *words, "--count", 1, "--report", report) == 0
    values = json.loads((report / "score.json").read_text())
    rows = values["networks"][0]["styles"]["style 0"]
    assert {name for name, row in rows.items() if "frechet" in row} == {
        "network",
        "blurred",
        "frame left alone",
    }
    photos, school = ([draw_picture(seed, 32, 32) for seed in range(first, first + 30)] for first in (0, 50))
    negatives = [255 - photo for photo in photos]
    left, painted, theirs = (
        np.array([features_by_hand(tiny_state(), picture) for picture in pictures])
        for pictures in (photos, negatives, school)
    )
    assert rows["frame left alone"]["frechet"] == pytest.approx(frechet_distance(left, theirs), rel=1e-3)
    assert rows["network"]["frechet"] == pytest.approx(frechet_distance(painted, theirs), rel=1e-3)
    assert "frechet" in values["networks"][0]["median"]["network"]
    page = (report / "score.html").read_text()
    assert "30 photos against 30 pictures" in page
    assert ">Frechet</th>" in page
