"""A run of the recipe `film` becomes files that `vst stylize --quality film` takes."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest

from export import judge, making, order, tflite
from export.artifact import Artifact
from export.cli import main
from export.footage import scene_footage
from export.judge import Judge, Reference
from export.players import play, psnr
from keras_vst import zoo
from keras_vst.config import RunConfig, TeacherConfig
from keras_vst.models.teacher import build_teacher
from keras_vst.networks import open_network
from keras_vst.networks.keras import KerasNetwork
from keras_vst.runs import RunDirectory
from tests.export.networks import CONTENT, TINY

CONFIG = TeacherConfig(channels=(4, 4, 8, 8), num_blocks=1, noise_channels=1)


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
    styles = [{"name": "painting", "file": "", "sha256": "0"}]
    run.create(RunConfig(kind="film", teacher=CONFIG), {"recipe": "film", "style": styles[0]})
    network = teacher()
    change(network)
    run.save_network(network)
    return path


def export(run, out, *words):
    return main(["--run", str(run), "--out", str(out), "--quick", *words])


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(order, "QUICK", TINY)


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
        status = export(run, out, "--formats", "tflite,onnx")
    return status, out


def test_the_command_writes_files_that_equal_the_network_frame_after_frame(exported):
    status, out = exported
    report = json.loads((out / "report.json").read_text())
    assert status == 0, report
    assert {"opus.tflite", "opus_fp16.tflite", "opus.onnx"} <= {path.name for path in out.iterdir()}
    least = {"fp32": 80, "fp16": 50, "onnx": 80}
    for key, decibels in least.items():
        parities = [check for check in report["artifacts"][key]["checks"] if check["gate"] == "parity"]
        assert [check["of"] for check in parities] == ["stylize", "stylize, at 40x32"]
        assert all(check["measured"]["worst"] > decibels for check in parities)


def test_the_card_says_what_it_is_and_the_zoo_reads_it(exported):
    _, out = exported
    style = zoo.file_style(out / "opus.tflite")
    assert (style.quality, style.margin) == ("film", zoo.DEFAULT_MARGIN)
    assert style.architecture == CONFIG.architecture
    assert style.card["parameters"] == teacher().count_params()
    assert style.card["gmacs"]["value"] > 0


def test_a_file_of_one_size_equals_the_network_with_its_paintings_fed_back(tmp_path):
    network, footage = teacher(), scene_footage(CONTENT, 5)
    path = tmp_path / "fixed.tflite"
    path.write_bytes(tflite.convert(network, size=footage.size))
    expected = play(KerasNetwork(network), footage)
    played = play(open_network(path), footage)
    assert min(psnr(one, other) for one, other in zip(played, expected, strict=True)) > 80
    # What it is fed makes a difference, so that more than first frames were compared.
    assert psnr(open_network(path).paint_film(footage.frames[4], {})[0], expected[4]) < 60


class Recorder:
    """A film network that keeps what it was given."""

    def __init__(self):
        self.map_channels, self.given = {"warped": 3, "visible": 1}, []

    def paint_film(self, frame, maps):
        self.given.append(maps)
        return np.full((1, *frame.shape), 0.2 + 0.1 * len(self.given), np.float32)


def assert_moved(maps, level):
    """The last painting where it can be trusted, over most of the picture; nothing of it in the border."""
    assert maps["visible"][0, 8:-8, 8:-8].mean() > 0.5
    assert maps["visible"][0, :8].max() == 0
    np.testing.assert_allclose(maps["warped"], level, atol=1e-5)


def test_a_film_network_is_played_with_its_last_painting_and_the_visibility_of_the_clip():
    footage, network = scene_footage(CONTENT, 3), Recorder()
    play(network, footage)
    assert network.given[0] == {}
    for maps, level in zip(network.given[1:], (0.3, 0.4), strict=True):
        assert_moved(maps, level)


def test_a_film_file_is_timed_with_a_painting_and_a_visibility(monkeypatch, tmp_path):
    footage, network = scene_footage(CONTENT, 3), Recorder()
    painted = np.full((3, *footage.size, 3), 0.7, np.float32)
    reference = Reference(teacher(), footage, painted, 0.0)
    (tmp_path / "film.tflite").write_bytes(b"")
    monkeypatch.setattr(judge, "open_network", lambda path, **settings: network)
    step = making.ready(Judge(Artifact("tflite"), tmp_path / "film.tflite", reference), 2)
    step(footage.frames[1])
    assert_moved(network.given[0], 0.7)


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
    ],
)
def test_what_a_film_network_cannot_be_is_refused_in_one_line(run, tmp_path, capsys, words, message):
    assert export(run, tmp_path / "out", *words) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()
