"""Colours turned in the last layer: the painting's mean and covariance, by one plain network."""

from __future__ import annotations

import numpy as np
import pytest

from keras_vst import zoo
from keras_vst.errors import UserError
from keras_vst.networks.mixing import open_mix
from keras_vst.networks.tflite import TfliteNetwork
from keras_vst.networks.tinting import colour_map, tint
from keras_vst.preview import TILE, painted, stand_ins
from tests.conftest import draw_picture


@pytest.fixture(scope="module")
def network() -> TfliteNetwork:
    return open_mix([(zoo.find_style("scream"), 1.0)], size=TILE)


def moments(pictures: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    colours = np.concatenate([picture[::4, ::4].reshape(-1, 3) for picture in pictures])
    return colours.mean(axis=0), colours.std(axis=0)


def test_what_it_paints_has_the_colours_of_the_painting(network):
    painting, weights = draw_picture(8, 200, 300), zoo.find_style("scream").weights
    before = [painted(network, each) for each in stand_ins()]
    turned = TfliteNetwork(network.path, tint(network.content, weights, before, painting), network.runtime, 1)
    mean, deviation = moments([painted(turned, each) for each in stand_ins()])
    wanted = moments([painting / np.float32(255)])
    assert np.abs(mean - wanted[0]).max() < 0.04
    assert np.abs(deviation / wanted[1] - 1).max() < 0.3
    assert np.abs(moments(before)[0] - wanted[0]).max() > 0.1  # there was something to turn


def test_colours_that_are_right_already_are_left_alone():
    rng = np.random.default_rng(4)
    picture = np.clip(rng.normal(0.5, 0.12, (64, 64, 3)), 0.05, 0.95).astype(np.float32)
    smooth = np.repeat(np.repeat(picture, 4, axis=0), 4, axis=1)
    turn, shift = colour_map([smooth], np.rint(smooth * 255).astype(np.uint8))
    assert np.abs(turn - np.eye(3)).max() < 0.1
    assert np.abs(shift).max() < 0.05


def test_a_grey_drawing_makes_grey(network):
    grey = np.repeat(draw_picture(5, 200, 200).mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    before = [painted(network, each) for each in stand_ins()]
    turned = tint(network.content, zoo.find_style("scream").weights, before, grey)
    shown = painted(TfliteNetwork(network.path, turned, network.runtime, 1), stand_ins()[3])
    assert (shown.max(axis=2) - shown.min(axis=2)).mean() < 0.05


def test_a_network_without_that_layer_is_refused():
    with pytest.raises(UserError, match="no layer paint"):
        tint(b"", [], [np.full((8, 8, 3), 0.5, np.float32)], draw_picture(1))
