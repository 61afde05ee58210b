from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from export import parity, release
from export.cli import main
from export.tflite import convert
from keras_vst import zoo
from keras_vst.config import RECIPES, with_overrides
from keras_vst.models.student import build_student, input_shapes
from keras_vst.runs import RunDirectory

SMOKE = RECIPES["smoke"]


def make_run(path, config=SMOKE):
    run = RunDirectory(path)
    styles = [
        {"name": f"painting_{index}", "file": "", "sha256": "0"} for index in range(config.student.num_styles)
    ]
    run.create(config, {"recipe": "smoke", "styles": styles, "photos": "photos"})
    run.save_student(build_student(config.student))
    run.log({"step": 4})
    return run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs") / "mine")


@pytest.fixture(scope="module")
def student():
    return build_student(SMOKE.student, batch_size=1)


def test_export_writes_a_network_and_a_card_that_describes_it(run, tmp_path, capsys):
    assert main(["--run", str(run.path), "--out", str(tmp_path / "out")]) == 0

    flatbuffer = (tmp_path / "out" / "mine.tflite").read_bytes()
    card = json.loads((tmp_path / "out" / "card.json").read_text())
    assert card["name"] == "mine"
    assert card["files"]["fp32"] == {
        "file": "mine.tflite",
        "bytes": len(flatbuffer),
        "sha256": hashlib.sha256(flatbuffer).hexdigest(),
    }
    assert [style["name"] for style in card["styles"]] == ["painting_0"]
    assert card["training"]["steps"] == 4
    assert card["parameters"] == build_student(SMOKE.student).count_params()
    assert "dB over 12 frames" in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["card.json", "mine.tflite"]


def test_the_card_is_one_that_the_zoo_can_read(run, tmp_path):
    assert main(["--run", str(run.path), "--out", str(tmp_path / "mine")]) == 0

    network = zoo.network_file(tmp_path / "mine" / "mine.tflite")
    card = json.loads((tmp_path / "mine" / "card.json").read_text())
    assert network.sha256 == card["files"]["fp32"]["sha256"]
    assert network.margin == zoo.DEFAULT_MARGIN
    assert [(style.name, style.artist) for style in network.styles] == [("painting_0", "unknown")]


def test_titles_and_notes_come_from_a_file(run, tmp_path):
    about = tmp_path / "about.toml"
    about.write_text(
        '[styles.painting_0]\nname = "great-wave"\ntitle = "The Great Wave"\nartist = "Hokusai"\nyear = 1831\n'
        '[training]\nminutes = 60\n[data]\nphotos = "free"\n'
    )
    words = ["--run", str(run.path), "--out", str(tmp_path / "out"), "--name", "wave", "--about", str(about)]
    assert main(words) == 0

    card = json.loads((tmp_path / "out" / "card.json").read_text())
    assert card["name"] == "wave"
    assert {key: card["styles"][0][key] for key in ("name", "title", "artist", "year")} == {
        "name": "great-wave",
        "title": "The Great Wave",
        "artist": "Hokusai",
        "year": 1831,
    }
    assert card["training"]["minutes"] == 60
    assert card["data"] == {"photos": "free"}


def test_the_file_equals_the_network_with_its_state_fed_back(student):
    result = parity.compare(student, convert(student), num_frames=6)
    assert result.psnr > 100
    assert result.frames == 6


def test_a_static_file_equals_the_network_too(student):
    assert parity.compare(student, convert(student, (96, 160)), num_frames=3).psnr > 100


def test_a_network_of_several_styles_is_equal_as_well():
    student = build_student(with_overrides(SMOKE, ["student.num_styles=3"]).student, batch_size=1)
    assert parity.compare(student, convert(student), num_frames=3).psnr > 100


def test_another_network_s_file_is_not_equal(student):
    other = build_student(SMOKE.student, batch_size=1)
    assert parity.compare(student, convert(other), num_frames=2).psnr < 60


def test_psnr_is_what_the_definition_says():
    ours = np.array([0.0, 0.5], np.float32)
    assert parity.psnr(ours, ours) == float("inf")
    assert parity.psnr(ours, ours + np.float32(0.1)) == pytest.approx(20.0, abs=1e-4)
    assert np.isnan(parity.psnr(ours, np.array([0.0, np.nan], np.float32)))


@pytest.mark.parametrize("measured", [55.0, float("nan")])
def test_a_file_that_is_not_equal_is_not_released(run, tmp_path, monkeypatch, measured, capsys):
    monkeypatch.setattr(release, "compare", lambda student, flatbuffer: parity.Parity(measured, 12))
    assert main(["--run", str(run.path), "--out", str(tmp_path / "out")]) == 2
    assert "Nothing was written" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_weights_that_are_not_numbers_are_not_released(tmp_path, capsys):
    broken = make_run(tmp_path / "broken")
    student = build_student(SMOKE.student)
    student.get_layer("paint").bias.assign([float("nan")] * 12)
    broken.save_student(student)
    assert main(["--run", str(broken.path), "--out", str(tmp_path / "out")]) == 2
    assert "nan" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--run", "nowhere"], "not a run directory"),
        (["--about", "nowhere.toml"], "cannot be read as TOML"),
    ],
)
def test_a_mistake_gets_one_line(run, tmp_path, words, message, capsys):
    assert main(["--run", str(run.path), "--out", str(tmp_path / "out"), *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_an_output_folder_that_is_a_file_is_named(run, tmp_path, capsys):
    (tmp_path / "out").write_text("in the way")
    assert main(["--run", str(run.path), "--out", str(tmp_path / "out")]) == 2
    assert "out" in capsys.readouterr().err


def test_the_file_has_the_promised_names_and_takes_any_multiple_of_eight(student):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=convert(student))
    assert interpreter.get_signature_list() == {
        "stylize": {"inputs": ["frame", "state", "style"], "outputs": ["state", "stylized"]}
    }
    for size in ((8, 8), (40, 24)):
        assert parity.compare(student, convert(student), num_frames=2, size=size).psnr > 100
        assert input_shapes(student, size)["state"][1:3] == (size[0] // 4, size[1] // 4)
