from __future__ import annotations

from functools import lru_cache

import keras
import numpy as np
import pytest

from export import calibration, equalize, stepper, tflite
from export.folding import fold
from export.footage import scene_footage
from export.gate import quality
from export.players import psnr
from keras_vst.config import StudentConfig
from keras_vst.frames import to_float
from tests.export.networks import CONTENT, good

WIDER = StudentConfig(channels=(8, 8, 16), num_blocks=1)
FRAMES = calibration.frames(size=(48, 80))
CONTRAST = 3
SIZES = np.array([1, 1 / 16, 1 / 4, 1 / 12, 1 / 2, 1 / 16, 1 / 8, 1], np.float32)


def painted(network, frames):
    return np.concatenate(
        [network({"frame": frame[None]}, training=False)["stylized"] for frame in to_float(frames)]
    )


def contrasty():
    """Folded, with logits as wide as learned ones: a random network paints grey on grey."""
    folded = fold(good(config=WIDER))
    kernel, bias = folded.get_layer("paint").get_weights()
    folded.get_layer("paint").set_weights([CONTRAST * kernel, bias])
    return folded


@lru_cache
def unequal():
    """Folded; what it paints does not tell that its channels at half size are sixteen times apart."""
    folded = contrasty()
    for name in ("stem", "up_2_widen"):
        layer = folded.get_layer(name)
        scale = np.tile(SIZES, layer.filters // 8)
        layer.set_weights([each * scale for each in layer.get_weights()])
    for name in ("down_4", "mix_2"):
        kernel, bias = folded.get_layer(name).get_weights()
        folded.get_layer(name).set_weights([kernel / SIZES[:, None], bias])
    return folded


@pytest.fixture
def nothing_cut_off(monkeypatch):
    monkeypatch.setattr(equalize, "RARE", 0.0)
    monkeypatch.setattr(equalize, "STRIDE", 1)


@pytest.mark.parametrize("network", [lambda: fold(good(config=WIDER)), unequal], ids=["good", "unequal"])
def test_an_equal_network_paints_the_same(network, nothing_cut_off):
    folded = network()
    frames = scene_footage((48, 80), 2).frames
    own = [to_float(frame)[None] for frame in frames]
    np.testing.assert_allclose(
        painted(equalize.equalize(folded, own), frames), painted(folded, frames), atol=1e-4
    )


def test_the_channels_of_an_equal_network_reach_the_limit_of_their_relu():
    network = equalize.equalize(unequal(), FRAMES)
    for name in ("skip_2_relu", "mix_2_relu", "smooth_4_relu"):
        values = keras.Model(network.input, network.get_layer(name).output)({"frame": FRAMES[0]})
        widest = np.max(values, (0, 1, 2))
        assert (widest[widest > 0.3] > 2).mean() > 0.7, (name, widest)


def test_a_channel_that_never_wakes_stays_finite():
    folded = fold(good(config=WIDER))
    kernel, bias = folded.get_layer("mix_2").get_weights()
    folded.get_layer("mix_2").set_weights([kernel * 0, bias * 0])
    assert all(np.isfinite(each).all() for each in equalize.equalize(folded, FRAMES).get_weights())


@pytest.fixture(scope="module")
def footage():
    return scene_footage(CONTENT, 6)


def int8(network, footage):
    """The int8 file's frames."""
    return stepper.play("litert", tflite.convert(network, "int8", None, FRAMES), "stylize", footage.frames)


def plain(monkeypatch):
    monkeypatch.setattr(tflite, "rewrite", lambda network, frames: (network, None))


def test_unequal_channels_gain_many_decibels(footage, monkeypatch):
    expected = painted(unequal(), footage.frames)
    ours = psnr(int8(unequal(), footage), expected)
    plain(monkeypatch)
    assert ours > 40
    assert ours > psnr(int8(unequal(), footage), expected) + 10


def test_an_ordinary_network_is_within_the_gate_s_decibels_and_flickers_less_than_without(
    footage, monkeypatch
):
    network = contrasty()
    expected, ours = painted(network, footage.frames), int8(network, footage)
    plain(monkeypatch)
    without = int8(network, footage)
    assert psnr(ours, expected) > 44
    assert psnr(ours, expected) > psnr(without, expected) + 2
    flickers = [quality.flicker(footage, footage.inside(clip)) for clip in (ours, without)]
    assert flickers[0] < 0.85 * flickers[1]


def test_what_rounding_takes_is_put_back_on_average(footage):
    """The kernels are rounded here as the file rounds them, nothing else is."""
    network = equalize.equalize(fold(good(config=WIDER)), FRAMES)
    expected = painted(network, footage.frames)

    def rounded():
        for layer in network.layers:
            if layer.weights:
                kernel, *bias = layer.get_weights()
                axes = (0, 1) if "blur" in layer.name else (0, 1, 2)
                step = np.abs(kernel).max(axes, keepdims=True) / 127
                layer.set_weights([np.round(kernel / step) * step, *bias])
        return psnr(painted(network, footage.frames), expected)

    before = network.get_weights()
    untouched = rounded()
    network.set_weights(before)
    equalize.take_rounding_out(network, FRAMES)
    assert rounded() > untouched + 1
