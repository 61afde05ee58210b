import keras
import numpy as np
import pytest

from keras_vst.networks.keras import KerasNetwork
from tests.conftest import draw_picture


@pytest.fixture(scope="module")
def guided() -> keras.Model:
    """`warped` where it is visible, elsewhere the frame's negative."""
    shapes = {"frame": 3, "warped": 3, "visible": 1}
    inputs = {name: keras.Input((None, None, count), name=name) for name, count in shapes.items()}
    seen = inputs["visible"]
    painted = seen * inputs["warped"] + (1.0 - seen) * (1.0 - inputs["frame"])
    return keras.Model(inputs, {"stylized": painted})


def test_a_model_paints_pixels():
    frame = keras.Input((None, None, 3), name="frame")
    network = KerasNetwork(keras.Model({"frame": frame}, {"stylized": 1.0 - frame}))
    picture = draw_picture(1, 24, 32)
    np.testing.assert_array_equal(network.paint(picture), 255 - picture)
    assert (network.map_channels, network.size, network.margin) == ({}, None, None)
    assert (network.runtime.name, network.runtime.version) == ("keras", keras.__version__)


def test_a_film_model_is_given_its_maps_and_zeros_for_those_that_are_missing(guided):
    network, picture = KerasNetwork(guided), draw_picture(2, 16, 24)
    rng = np.random.default_rng(0)
    warped = rng.random((1, 16, 24, 3), np.float32)
    visible = (rng.random((1, 16, 24, 1)) > 0.5).astype(np.float32)
    assert network.map_channels == {"warped": 3, "visible": 1}
    painted = network.paint_film(picture, {"warped": warped, "visible": visible})
    np.testing.assert_allclose(painted, visible * warped + (1 - visible) * (1 - picture / 255), atol=1e-6)
    np.testing.assert_allclose(network.paint_film(picture, {})[0], 1 - picture / 255, atol=1e-6)
