"""A run of the recipe `film` becomes files that `vst stylize --quality film` takes."""

from __future__ import annotations

import hashlib
import json

import keras
import numpy as np
import pytest

from edge.film import FilmStylizer
from export import film, order
from export.cli import main
from export.footage import scene_footage
from export.parity import psnr
from export.stepper import play
from keras_vst import features, zoo
from keras_vst.config import RunConfig, TeacherConfig
from keras_vst.errors import UserError
from keras_vst.models.teacher import build_teacher
from keras_vst.runners.verify import open_runner
from keras_vst.runs import RunDirectory
from tests.export.networks import CONTENT, TINY

CONFIG = TeacherConfig(num_styles=2, channels=(4, 4, 8, 8), num_blocks=1, noise_channels=1)


def teacher(config: TeacherConfig = CONFIG) -> keras.Model:
    """Tiny, with norms that are not the neutral one."""
    keras.utils.set_random_seed(4)
    network, rng = build_teacher(config, batch_size=1), np.random.default_rng(4)
    for layer in network.layers:
        if isinstance(layer, keras.layers.GroupNormalization):
            layer.gamma.assign(rng.uniform(0.5, 1.5, layer.gamma.shape))
            layer.beta.assign(rng.normal(0, 0.3, layer.beta.shape))
    return network


def make_run(path, change=lambda network: None):
    run = RunDirectory(path)
    styles = [{"name": f"painting_{index}", "file": "", "sha256": "0"} for index in range(2)]
    run.create(RunConfig(kind="film", teacher=CONFIG), {"recipe": "film", "styles": styles})
    network = teacher()
    change(network)
    run.save_network(network)
    return path


def no_network():
    raise UserError("no network")


def export(run, out, *words):
    return main(["--run", str(run), "--out", str(out), "--quick", *words])


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(order, "QUICK", TINY)
    monkeypatch.setattr(features, "_download", no_network)
    monkeypatch.delenv(features.VGG16_VARIABLE, raising=False)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs") / "opus")


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory):
    """One export that several tests look at."""
    pytest.importorskip("onnxruntime")
    out = tmp_path_factory.mktemp("exports") / "opus"
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(order, "QUICK", TINY)
        monkeypatch.setattr(features, "_download", no_network)
        monkeypatch.delenv(features.VGG16_VARIABLE, raising=False)
        status = export(run, out, "--formats", "tflite,onnx", "--precisions", "fp32,fp16")
    return status, out


def test_the_command_writes_files_that_equal_the_network_frame_after_frame(exported):
    status, out = exported
    report = json.loads((out / "report.json").read_text())
    assert status == 0, report
    assert {"opus.tflite", "opus_fp16.tflite", "opus.onnx"} <= {path.name for path in out.iterdir()}
    least = {"fp32": 80, "fp16": 50, "onnx": 80}
    for key, decibels in least.items():
        parities = [check for check in report["artifacts"][key]["checks"] if check["gate"] == "parity"]
        assert [check["of"] for check in parities] == ["stylize, 4 frames", "stylize, at 40x32"]
        assert all(check["measured"]["worst"] > decibels for check in parities)


def test_the_card_says_what_it_is_and_the_zoo_reads_it(exported):
    _, out = exported
    network = zoo.network_file(out / "opus.tflite")
    assert (network.quality, network.margin) == ("film", zoo.DEFAULT_MARGIN)
    assert [style.quality for style in network.styles] == ["film", "film"]
    assert network.card["parameters"] == teacher().count_params()
    assert network.card["gmacs"]["value"] > 0


@pytest.fixture(scope="module")
def first_painting() -> np.ndarray:
    """What Keras makes of the first frame, the second style at full strength."""
    footage = scene_footage((37, 53), 1)
    return footage.inside(film.play_teacher(teacher(), footage, np.float32([[0.0, 1.0]])))[0]


@pytest.mark.parametrize("name", ["opus.tflite", "opus_fp16.tflite", "opus.onnx"])
def test_the_edge_paints_with_them_as_the_network_does(exported, first_painting, name):
    """Three frames at a size that is no multiple of 8, the first beside Keras, all beside the fp32 file."""
    _, out = exported
    frames = scene_footage((37, 53), 3).content
    ours, first = FilmStylizer(out / name), FilmStylizer(out / "opus.tflite")
    painted = FilmStylizer(out / name).stylize(frames[0], [0.0, 1.0])
    assert np.abs(painted - 255 * first_painting).max() <= 2
    for frame in frames:
        difference = ours.stylize(frame, [0.0, 1.0]).astype(int) - first.stylize(frame, [0.0, 1.0])
        assert np.abs(difference).max() <= 3


def test_a_file_of_one_size_equals_the_network_with_its_paintings_fed_back(tmp_path):
    network, footage = teacher(), scene_footage(CONTENT, 5)
    path = tmp_path / "fixed.tflite"
    path.write_bytes(film.convert(network, size=footage.size))
    styles = np.tile(np.float32([[0.6, 0.4]]), (5, 1))
    expected = film.play_teacher(network, footage, styles)
    played = play(film.open_steps(path, footage, 1), footage.frames, styles)
    assert min(psnr(one, other) for one, other in zip(played, expected, strict=True)) > 80
    # What it is fed makes a difference, so that more than first frames were compared.
    runner = open_runner(path, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    alone = runner.run_film(footage.frames[4], styles[:1], {})
    assert psnr(alone[0], expected[4]) < 60


def test_a_diverged_network_is_not_released_and_its_layer_is_named(tmp_path, capsys):
    def break_it(network):
        network.get_layer("paint").bias.assign([float("nan")] * 3)

    assert export(make_run(tmp_path / "broken", break_it), tmp_path / "out") == 1
    assert "`paint/bias`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--precisions", "int8"), "instance norm"),
        (("--formats", "savedmodel"), "no last frame to find the flow from"),
        (("--style", "painting_0"), "keeps its styles"),
    ],
)
def test_what_a_film_network_cannot_be_is_refused_in_one_line(run, tmp_path, capsys, words, message):
    assert export(run, tmp_path / "out", *words) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()
