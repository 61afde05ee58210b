from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from keras_vst import zoo
from keras_vst.config import RunConfig, StudentConfig
from keras_vst.config.overrides import with_overrides
from keras_vst.errors import UserError
from keras_vst.frames import to_float
from keras_vst.models.student import build_student
from keras_vst.networks.opening import TfliteNetwork, find_runtime
from keras_vst.runs import RunDirectory
from tests.training.runs import tiny_vgg16
from training import first_weights, fit
from training.first_weights import BUNDLED, NOTHING, default_origin, take_weights
from training.recipes import RECIPES, smoke_of

CONFIG = with_overrides(smoke_of(RECIPES["painting"]), ["student.channels=4,4,8"])
STUDENT = RunConfig().student


def unlike(seed, config=CONFIG.student):
    student, rng = build_student(config), np.random.default_rng(seed)
    student.set_weights([weight + rng.uniform(-0.05, 0.15, weight.shape) for weight in student.get_weights()])
    return student


@pytest.fixture
def run(tmp_path):
    run = RunDirectory(tmp_path / "run")
    run.create(CONFIG, {})
    return run


def test_a_run_and_its_file_of_weights_give_all_of_them(run):
    trained = unlike(0)
    run.save_network(trained)

    for origin in (run.path, run.network_file("student")):
        again = unlike(1)
        take_weights(again, str(origin), CONFIG)
        for ours, theirs in zip(again.get_weights(), trained.get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("origin", ["nowhere", "run"])
def test_what_does_not_fit_is_told_with_what_would(origin, run, tmp_path):
    run.save_network(unlike(0))
    other = unlike(1, StudentConfig(channels=(4, 4, 8), num_blocks=2))

    with pytest.raises(
        UserError, match=r"--init .* does not fit: .*same student\.\* settings.*none begins with"
    ):
        take_weights(other, str(tmp_path / origin), CONFIG)


def test_every_student_that_learns_to_paint_begins_with_the_base_of_its_size(tmp_path, monkeypatch):
    monkeypatch.setattr(first_weights, "BASES", tmp_path)
    assert default_origin(CONFIG) == NOTHING
    base = unlike(0)
    base.save_weights(tmp_path / "student-4-4-8-1.weights.h5")

    for name in ("painting", "collection", "clip", "keyframes"):
        config = with_overrides(smoke_of(RECIPES[name]), ["student.channels=4,4,8"])
        assert default_origin(config) == BUNDLED
    for other in (RECIPES["film"], RECIPES["base"], with_overrides(CONFIG, ["student.num_blocks=2"])):
        assert default_origin(other) == NOTHING
    network = unlike(1)
    for origin, expected in ((NOTHING, network.get_weights()[0]), (BUNDLED, base.get_weights()[0])):
        take_weights(network, origin, CONFIG)
        np.testing.assert_array_equal(network.get_weights()[0], expected)


def test_the_bundled_base_fits_the_student_that_every_style_is():
    student = build_student(RECIPES["painting"].student)
    before = student.get_weights()

    take_weights(student, BUNDLED, RECIPES["painting"])

    assert default_origin(RECIPES["painting"]) == BUNDLED
    kernels = [pair for pair in zip(before, student.get_weights(), strict=True) if pair[0].ndim == 4]
    assert sum(not np.array_equal(*pair) for pair in kernels) >= 14


@pytest.fixture(scope="module")
def style() -> zoo.Style:
    found = first_weights.pattern(RunConfig())
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
    first_weights.take_file(network, style.path, style, frames)
    again = first_weights.written(network, style)
    assert np.abs(painted(again, frames[0]) - painted(style.path.read_bytes(), frames[0])).max() < 2e-3


def test_a_network_that_was_read_paints_so_with_the_norms_of_a_batch_as_well(style, frames):
    network = build_student(STUDENT)
    first_weights.take_file(network, style.path, style, frames)
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
    assert np.abs(painted(first_weights.written(network, style), frames[0]) - expected).max() < 1e-3


def test_a_file_of_another_layout_is_refused(tmp_path, style, frames):
    other = tmp_path / "other.tflite"
    other.write_bytes(style.path.read_bytes()[:-8])
    with pytest.raises(UserError, match="is not laid out as the styles of the zoo"):
        first_weights.take_file(build_student(STUDENT), other, style, frames)


def test_weights_that_are_no_numbers_are_refused(tmp_path, style, frames):
    content = bytearray(style.path.read_bytes())
    place = style.weights[1]
    content[place["offset"] : place["offset"] + 4] = np.float32(np.nan).tobytes()
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(content)
    with pytest.raises(UserError, match="is damaged: paint/kernel"):
        first_weights.take_file(build_student(STUDENT), broken, style, frames)


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


@pytest.mark.parametrize(("option", "value"), [("--minutes", "3"), ("--calm", "2")])
def test_what_would_change_a_run_is_no_word_for_one_that_goes_on(option, value, tmp_path, capsys):
    assert fit.main(["--run", str(tmp_path), "--resume", option, value]) == 2
    assert f"{option} would change them" in capsys.readouterr().err
