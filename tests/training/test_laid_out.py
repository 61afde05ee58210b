"""A student's weights laid out as the zoo's files are: what is written paints the same, what is read does too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from keras_vst import zoo
from keras_vst.config import RunConfig
from keras_vst.errors import UserError
from keras_vst.frames import to_float
from keras_vst.models.student import build_student
from keras_vst.networks.tflite import TfliteNetwork, find_runtime
from keras_vst.runs import RunDirectory
from tests.training.runs import tiny_vgg16
from training import fit, laid_out

STUDENT = RunConfig().student


@pytest.fixture(scope="module")
def style() -> zoo.Style:
    found = laid_out.pattern(STUDENT.architecture)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def frames() -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.integers(0, 256, (64, 96, 3), np.uint8) for _ in range(4)]


def painted(content: bytes, frame: np.ndarray) -> np.ndarray:
    network = TfliteNetwork(Path("made"), content, find_runtime(), 1)
    return network.paint_film(frame, {})[0]


def test_a_file_that_was_read_and_written_paints_the_same(style, frames):
    network = build_student(STUDENT)
    laid_out.take(network, style.path, style, frames)
    again = laid_out.written(network, style)
    assert np.abs(painted(again, frames[0]) - painted(style.path.read_bytes(), frames[0])).max() < 2e-3


def test_a_network_that_was_read_paints_so_with_the_norms_of_a_batch_as_well(style, frames):
    network = build_student(STUDENT)
    laid_out.take(network, style.path, style, frames)
    batch = to_float(np.stack(frames))
    running, of_the_batch = (
        np.asarray(network({"frame": batch}, training=each)["stylized"]) for each in (False, True)
    )
    assert np.abs(running - of_the_batch).max() < 5e-3


def test_a_network_in_training_is_written_as_it_paints(style, frames):
    network = build_student(STUDENT)
    rng = np.random.default_rng(2)
    for layer in network.layers:
        if layer.name.endswith("_norm"):
            layer.set_weights(
                [np.abs(weight + rng.normal(0, 0.2, weight.shape)) for weight in layer.get_weights()]
            )
    expected = np.asarray(network({"frame": to_float(frames[0])[None]}, training=False)["stylized"])[0]
    assert np.abs(painted(laid_out.written(network, style), frames[0]) - expected).max() < 1e-3


def test_a_file_of_another_layout_is_refused(tmp_path, style, frames):
    other = tmp_path / "other.tflite"
    other.write_bytes(style.path.read_bytes()[:-8])
    with pytest.raises(UserError, match="is not laid out as the styles of the zoo"):
        laid_out.take(build_student(STUDENT), other, style, frames)


def test_weights_that_are_no_numbers_are_refused(tmp_path, style, frames):
    content = bytearray(style.path.read_bytes())
    place = style.weights[1]
    content[place["offset"] : place["offset"] + 4] = np.float32(np.nan).tobytes()
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(content)
    with pytest.raises(UserError, match="is damaged: paint/kernel"):
        laid_out.take(build_student(STUDENT), broken, style, frames)


@pytest.fixture
def words(painting, photos, tmp_path) -> list[str]:
    sizes = [
        "--set",
        "student.channels=16,32,48",
        "--set",
        "student.num_blocks=3",
        "--set",
        "schedule.steps=2",
    ]
    sources = ["--style", str(painting), "--photos", str(photos), "--run", str(tmp_path / "run")]
    return [*sources, "--recipe", "smoke", *sizes, "--quiet", "--no-export"]


@pytest.mark.slow
def test_a_run_that_begins_with_a_file_shows_itself_as_one(words, style, frames, monkeypatch, tmp_path):
    monkeypatch.setattr("training.loop.load_vgg16", tiny_vgg16)
    monkeypatch.setattr("training.fit.LOG_EVERY", 1)
    assert fit.main([*words, "--init", str(style.path), "--set", "schedule.learning_rate=1e-6"]) == 0
    run = RunDirectory(tmp_path / "run")
    now, began = painted(run.now.read_bytes(), frames[0]), painted(style.path.read_bytes(), frames[0])
    assert np.abs(now - began).mean() < 0.03  # two steps of next to nothing
    student = build_student(STUDENT)
    run.load_network(student)
    expected = np.asarray(student({"frame": to_float(frames[0])[None]}, training=False)["stylized"])[0]
    assert np.abs(now - expected).max() < 2e-3


@pytest.mark.slow
def test_minutes_become_steps_by_the_pace_of_the_machine(words, monkeypatch, tmp_path):
    monkeypatch.setattr("training.loop.load_vgg16", tiny_vgg16)
    monkeypatch.setattr("training.dryrun.FEWEST", 3)
    assert fit.main([*words, "--minutes", "0.1"]) == 0
    steps = RunDirectory(tmp_path / "run").config().schedule.steps
    assert steps >= 3
    assert steps != 2
    assert RunDirectory(tmp_path / "run").last_step() == steps


def test_minutes_are_no_word_for_a_run_that_goes_on(tmp_path, capsys):
    assert fit.main(["--run", str(tmp_path), "--resume", "--minutes", "3"]) == 2
    assert "--minutes would change them" in capsys.readouterr().err
