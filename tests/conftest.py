"""What several tests share: small pictures drawn here, and a VGG16 of random weights that passes as the real one."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault(
    "TF_ENABLE_ONEDNN_OPTS", "1"
)  # as the commands do, so that runs in this process equal theirs
os.environ["KERAS_VST_ZOO"] = os.devnull  # nobody's own styles take part in a test


def draw_picture(seed: int, height: int = 120, width: int = 160) -> np.ndarray:
    """A smooth picture with a few hard shapes, uint8 RGB: enough structure for every test."""
    import cv2

    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 8, 3), np.uint8)
    picture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(4):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        colour = tuple(int(value) for value in rng.integers(0, 256, 3))
        cv2.circle(picture, centre, int(rng.integers(6, 24)), colour, -1, cv2.LINE_AA)
    return picture


def write_picture(path: Path, seed: int, height: int = 120, width: int = 160) -> Path:
    import cv2

    cv2.imwrite(str(path), draw_picture(seed, height, width)[..., ::-1])
    return path


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of six photos and one file that only pretends to be a picture."""
    folder = tmp_path_factory.mktemp("photos")
    for seed in range(6):
        write_picture(folder / f"photo_{seed}.png", seed)
    (folder / "broken.jpg").write_text("not a picture")
    return folder


@pytest.fixture(scope="session")
def painting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_picture(tmp_path_factory.mktemp("style") / "painting.png", seed=99)


@pytest.fixture(scope="session")
def vgg16_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random convolutions in the layout of the real file: losses have gradients, without the real weights."""
    from keras_vst.features import FILTERS, NAMES

    rng, arrays, channels = np.random.default_rng(0), {}, 3
    for name, filters in zip(NAMES, FILTERS, strict=True):
        key = "block{}_conv{}".format(*name.split("_"))
        scale = np.sqrt(2.0 / (9 * channels))
        arrays[f"{key}__kernel"] = (scale * rng.standard_normal((3, 3, channels, filters))).astype("float16")
        arrays[f"{key}__bias"] = np.zeros(filters, "float16")
        channels = filters
    path = tmp_path_factory.mktemp("vgg16") / "vgg16.npz"
    np.savez(path, **arrays)
    return path


@pytest.fixture
def any_vgg16(monkeypatch: pytest.MonkeyPatch, vgg16_file: Path) -> Path:
    """Let `vgg16_file` pass the checksum for one test."""
    from keras_vst import features

    with np.load(vgg16_file) as stored:
        weights = [
            (stored[f"{key}__kernel"], stored[f"{key}__bias"])
            for key in ("block{}_conv{}".format(*name.split("_")) for name in features.NAMES)
        ]
    monkeypatch.setattr(features, "VGG16_SHA256", features.checksum(weights))
    return vgg16_file


@pytest.fixture(scope="session")
def short_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight frames of a drifting picture, 96x64, 25 frames a second, without sound."""
    from fractions import Fraction

    from keras_vst.video import TimedFrame, VideoInfo, open_sink

    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    picture = draw_picture(7, 64, 112)
    info = VideoInfo(width=96, height=64, fps=Fraction(25), time_base=Fraction(1, 25))
    with open_sink(path, info) as sink:
        for index in range(8):
            sink.write(TimedFrame(np.ascontiguousarray(picture[:, index * 2 :][:, :96]), Fraction(index, 25)))
    return path


@pytest.fixture(scope="session")
def network_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("networks")


@pytest.fixture(scope="session")
def negative(network_folder: Path) -> Path:
    """Paints the negative, any size."""
    from tests.keras_vst.networks import networks

    return networks.linear_network(network_folder / "negative.tflite", *networks.NEGATIVE)


@pytest.fixture(scope="session")
def same(network_folder: Path) -> Path:
    """Gives the frame back, any size; of one architecture with `negative`."""
    from tests.keras_vst.networks import networks

    return networks.linear_network(network_folder / "same.tflite", *networks.SAME)


@pytest.fixture(scope="session")
def fixed(network_folder: Path) -> Path:
    """Paints the negative, 96x64 only."""
    from tests.keras_vst.networks import networks

    return networks.linear_network(network_folder / "fixed.tflite", *networks.NEGATIVE, size=(64, 96))


@pytest.fixture(scope="session")
def film(network_folder: Path) -> Path:
    """Of film quality, any size: keeps what was painted where it is visible."""
    from tests.keras_vst.networks import networks

    return networks.film_network(network_folder / "film.tflite")


@pytest.fixture(scope="session")
def foreign(network_folder: Path) -> Path:
    """Somebody else's network."""
    from tests.keras_vst.networks import networks

    return networks.foreign_network(network_folder / "foreign.tflite")
