"""A picture in, a network that paints like it out: at once, the same each time, one that mixes with the others."""

from __future__ import annotations

import time

import cv2
import numpy as np
import pytest

from keras_vst import preview as previews
from keras_vst import zoo
from keras_vst.errors import UserError
from keras_vst.networks.mixing import check_mixable, open_mix
from keras_vst.preview import preview
from tests.conftest import draw_picture


@pytest.fixture(scope="module")
def painting() -> np.ndarray:
    return draw_picture(21, 300, 400)


def test_one_painting_gives_one_network(painting):
    first, again = preview(painting, "mine"), preview(painting, "mine")
    assert first.content == again.content
    assert first.card["mix"] == again.card["mix"]
    assert sum(first.card["mix"].values()) == pytest.approx(1)


def test_it_mixes_with_the_styles_of_the_zoo(painting):
    style, wave = preview(painting, "mine"), zoo.find_style("great-wave")
    check_mixable([style, wave])
    mixed = open_mix([(style, 0.5), (wave, 0.5)])
    assert mixed.paint(np.zeros((64, 64, 3), np.uint8)).shape == (64, 64, 3)


def test_a_painting_of_other_colours_gives_other_colours(painting):
    warm = (painting * [1.0, 0.6, 0.3]).astype(np.uint8)
    networks = [open_mix([(preview(each, "x"), 1.0)]) for each in (warm, warm[..., ::-1].copy())]
    shown = [
        np.mean([network.paint(each).mean((0, 1)) for each in previews.stand_ins()], 0)
        for network in networks
    ]
    assert np.abs(shown[0] - warm.mean((0, 1))).max() < 12
    assert np.abs(shown[1] - warm.mean((0, 1))[::-1]).max() < 12


def test_the_painting_of_a_style_is_nearest_to_that_style():
    for style, numbers in previews.mixable():
        found = previews.nearest(numbers, previews.mixable())
        assert found[0][0].name == style.name
        assert found[0][1] > found[1][1] > 0


def stripes(period: int, level: int = 60) -> np.ndarray:
    wave = np.sin(2 * np.pi * np.arange(192) / period)
    return np.repeat(np.repeat((128 + level * wave)[None, :, None], 128, 0), 3, 2).astype(np.uint8)


def test_the_size_of_strokes_tells_and_their_contrast_does_not():
    def apart(one, other):
        return np.abs(previews.brushwork(one) - previews.brushwork(other)).max()

    assert apart(stripes(4), stripes(16)) > 1
    assert apart(stripes(4), stripes(4, level=30)) < 0.1


def test_where_strokes_go_is_the_drawings_and_not_the_brushs():
    turned = np.ascontiguousarray(np.swapaxes(stripes(8), 0, 1))
    assert np.abs(previews.brushwork(stripes(8)) - previews.brushwork(turned)).max() < 0.1


def test_colour_does_not_tell(painting):
    grey = np.repeat(cv2.cvtColor(painting, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    assert np.abs(previews.brushwork(painting) - previews.brushwork(grey)).max() < 0.01


def test_it_takes_less_than_a_second_of_the_processor(painting):
    preview(painting, "warm")
    begin = time.process_time()
    preview(painting, "mine")
    assert time.process_time() - begin < 1.0


@pytest.mark.parametrize("shape", [(16, 16), (5000, 20), (40, 3000)])
def test_small_and_long_pictures_are_painted_after(shape):
    picture = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    assert preview(picture, "odd").content


def test_one_flat_colour_gives_a_network_that_paints():
    style = preview(np.full((90, 90, 3), 200, np.uint8), "flat")
    shown = open_mix([(style, 1.0)]).paint(previews.stand_ins()[0])
    assert abs(float(shown.mean()) - 200) < 12


def test_a_picture_without_room_for_a_brush_is_refused():
    with pytest.raises(UserError, match="dot has 9x8 pixels, too few"):
        preview(np.zeros((8, 9, 3), np.uint8), "dot")


def test_without_styles_there_is_no_preview(tmp_path, monkeypatch, painting):
    monkeypatch.setattr(zoo, "ROOT", tmp_path)
    with pytest.raises(UserError, match="no style to make a preview of"):
        preview(painting, "mine")
