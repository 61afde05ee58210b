"""int8 with ranges that are narrower than what calibration saw."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from export import quantization, tflite
from export.calibration import Calibration
from export.parity import psnr
from keras_vst.config import StudentConfig
from keras_vst.frames import to_float
from keras_vst.layers import StyleNorm
from keras_vst.models.student import build_student
from keras_vst.runners.verify import open_runner
from tests.conftest import draw_picture

SIZE = (32, 48)
STYLES = 10
STATE = np.zeros((1, SIZE[0] // 4, SIZE[1] // 4, 2), np.float32)


@pytest.fixture(scope="module")
def clip() -> np.ndarray:
    picture = draw_picture(4, SIZE[0] + 8, SIZE[1] + 8)
    return np.stack([picture[shift : shift + SIZE[0], shift : shift + SIZE[1]] for shift in range(4)])


@pytest.fixture(scope="module")
def student(clip) -> keras.Model:
    """Norms that know their statistics, as trained ones do, and most of whose values the ReLU6 cuts off."""
    keras.utils.set_random_seed(3)
    config = StudentConfig(num_styles=STYLES, channels=(8, 8, 16), num_blocks=0, state_channels=2)
    network, rng = build_student(config, batch_size=1), np.random.default_rng(3)
    norms = [layer for layer in network.layers if isinstance(layer, StyleNorm)]
    for norm in norms:
        norm.gamma.assign(rng.uniform(1, 5, norm.gamma.shape))
        norm.beta.assign(rng.uniform(-3, 0, norm.beta.shape))
        norm.momentum = 0.0  # one look is enough
    for style in np.eye(STYLES, dtype=np.float32)[:, None]:
        network({"frame": to_float(clip[0])[None], "style": style, "state": STATE}, training=True)
    return network


@pytest.fixture(scope="module")
def calibration(student, clip) -> Calibration:
    return Calibration.rollout(student, [clip], size=SIZE)


@pytest.fixture(scope="module")
def int8(student, calibration) -> bytes:
    return tflite.convert(student, "int8", SIZE, calibration)


def opened(flatbuffer, folder):
    (folder / "file.tflite").write_bytes(flatbuffer)
    return open_runner(folder / "file.tflite")


def closeness(student, runner, clip, style) -> float:
    """dB between what the file and the network paint of the first frame."""
    frame = to_float(clip[0])[None]
    wanted = student({"frame": frame, "style": style, "state": STATE}, training=False)["stylized"]
    painted, _ = runner.run(frame, style, STATE)
    return psnr(painted, np.asarray(wanted))


def test_int8_comes_nearer_to_the_network_than_with_the_ranges_that_were_seen(
    student, calibration, int8, clip, tmp_path, monkeypatch
):
    def decibels(content: bytes) -> float:
        styles, runner = np.eye(STYLES, dtype=np.float32)[:, None], opened(content, tmp_path)
        return float(np.median([closeness(student, runner, clip, style) for style in styles]))

    monkeypatch.setattr(quantization, "fit_ranges", lambda calibrated, samples: calibrated)
    as_seen = tflite.convert(student, "int8", SIZE, calibration)
    assert decibels(int8) > decibels(as_seen) + 1.5


def test_black_and_white_still_come_through_at_strength_0(student, int8, clip, tmp_path):
    extremes = clip.copy()
    extremes[0, :16], extremes[0, 16:] = 0, 255
    none = np.zeros((1, STYLES), np.float32)
    assert closeness(student, opened(int8, tmp_path), extremes, none) > 45


def test_a_blend_of_ten_styles_is_not_rounded_to_steps_of_a_255th(student, calibration, clip, tmp_path):
    """0.1 would become 25 / 255 or 26 / 255, which is 2 % of every norm: 38 dB whatever else stayed float."""
    layers = [layer.name for layer in student.layers if layer.weights and "norm" not in layer.name]
    rest = ["skip_4", "skip_2", "up_4", "up_2", "recall", "recall_4", "unfold", "stylized"]
    content = tflite.convert(student, "int8", SIZE, calibration, [*layers, *rest])
    blend = np.full((1, STYLES), 0.1, np.float32)
    assert closeness(student, opened(content, tmp_path), clip, blend) > 55
