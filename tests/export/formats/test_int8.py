"""int8 loses less of a network that was rewritten for it, which paints the same picture."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from export.formats import int8, to_tflite
from export.gate.runtimes import play
from export.gate.same import flicker
from export.judged_clips import bundled_clip, psnr
from keras_vst.config import StudentConfig
from keras_vst.frames import to_float
from keras_vst.models import fold
from tests.export.networks import CONTENT, good, small_frames

WIDER = StudentConfig(channels=(8, 8, 16), num_blocks=1)
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


@cache
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


@pytest.mark.parametrize("network", [lambda: fold(good(config=WIDER)), unequal], ids=["good", "unequal"])
def test_an_equal_network_paints_the_same(network, monkeypatch):
    monkeypatch.setattr(int8, "RARE", 0.0)
    monkeypatch.setattr(int8, "STRIDE", 1)
    folded, frames = network(), bundled_clip((48, 80), 2).frames
    own = [to_float(frame)[None] for frame in frames]
    equal = int8.equalize(folded, own)
    np.testing.assert_allclose(painted(equal, frames), painted(folded, frames), atol=1e-4)


def test_a_channel_that_never_wakes_stays_finite():
    folded = fold(good(config=WIDER))
    kernel, bias = folded.get_layer("mix_2").get_weights()
    folded.get_layer("mix_2").set_weights([kernel * 0, bias * 0])
    equal = int8.equalize(folded, small_frames())
    assert all(np.isfinite(each).all() for each in equal.get_weights())


def test_rewriting_gains_decibels_and_steadiness_most_where_channels_are_unequal(monkeypatch):
    clip = bundled_clip(CONTENT, 6)
    networks = {"ordinary": contrasty(), "unequal": unequal()}

    def converted():
        files = {
            name: to_tflite.convert(network, "int8", None, small_frames())
            for name, network in networks.items()
        }
        return {name: play("litert", file, "stylize", clip.frames) for name, file in files.items()}

    ours = converted()
    monkeypatch.setattr(int8, "rewrite", lambda network, frames: (network, None))
    plain = converted()
    decibels = {
        name: [psnr(played[name], painted(network, clip.frames)) for played in (ours, plain)]
        for name, network in networks.items()
    }
    assert decibels["ordinary"][0] > max(44, decibels["ordinary"][1] + 2)
    assert decibels["unequal"][0] > max(40, decibels["unequal"][1] + 10)
    flickers = [flicker(clip, clip.inside(played["ordinary"])) for played in (ours, plain)]
    assert flickers[0] < flickers[1]


def test_what_rounding_takes_is_put_back_on_average():
    """The kernels are rounded here as the file rounds them, nothing else is."""
    clip = bundled_clip(CONTENT, 6)
    network = int8.equalize(fold(good(config=WIDER)), small_frames())
    expected = painted(network, clip.frames)

    def rounded():
        for layer in network.layers:
            if layer.weights:
                kernel, *bias = layer.get_weights()
                axes = (0, 1) if "blur" in layer.name else (0, 1, 2)
                step = np.abs(kernel).max(axes, keepdims=True) / 127
                layer.set_weights([np.round(kernel / step) * step, *bias])
        return psnr(painted(network, clip.frames), expected)

    before = network.get_weights()
    untouched = rounded()
    network.set_weights(before)
    int8.take_rounding_out(network, small_frames())
    assert rounded() > untouched + 1


def test_it_learns_its_ranges_from_a_clip_of_the_user_s_or_the_bundled_film_and_from_more_contrast(
    short_clip,
):
    of_clip = int8.calibration_frames([short_clip], (64, 96))
    for frames in (small_frames(), of_clip):
        assert {frame.dtype for frame in frames} == {np.dtype(np.float32)}
        assert all(0 <= frame.min() < frame.max() <= 1 for frame in frames)
    assert [frame.shape for frame in of_clip] == [(1, 64, 96, 3)] * 3  # two of eight, and one of them again
    assert of_clip[2].std() > 1.3 * of_clip[0].std()
