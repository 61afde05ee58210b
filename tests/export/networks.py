"""Tiny networks: a good one, ones that are bad in one way each, and what is made of them once for all tests."""

from __future__ import annotations

import dataclasses
from functools import cache

import keras
import numpy as np
from keras import layers

from export.artifact import Effort
from export.formats.int8 import calibration_frames
from export.formats.to_tflite import convert
from export.judged_clips import bundled_clip, play
from keras_vst.config import RunConfig, StudentConfig, TeacherConfig
from keras_vst.layers import DepthToSpace, ReflectPad, instance_norm
from keras_vst.models.student import build_student
from keras_vst.models.teacher import build_teacher
from keras_vst.networks.keras import KerasNetwork
from keras_vst.runs import RunDirectory

CONFIG = StudentConfig(channels=(4, 4, 8), num_blocks=1)
FILM = TeacherConfig(channels=(4, 4, 8, 8), num_blocks=1, noise_channels=1)
CONTENT = (32, 48)  # height and width of what the gate is shown
TAKES = (48, 64)  # the same with its margin
TINY = Effort(frames=4, timed=3, open_size=CONTENT, resized=(16, 24), resized_frames=2)


def good(seed: int = 5, config: StudentConfig = CONFIG) -> keras.Model:
    """Random, with norms that have seen something."""
    keras.utils.set_random_seed(seed)
    student, rng = build_student(config, batch_size=1), np.random.default_rng(seed)
    for layer in student.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.gamma.assign(rng.uniform(0.5, 1.5, layer.gamma.shape))
            layer.beta.assign(rng.normal(0.3, 0.3, layer.beta.shape))
            layer.moving_mean.assign(rng.normal(0, 0.1, layer.beta.shape))
            layer.moving_variance.assign(rng.uniform(0.5, 2, layer.beta.shape))
    return student


def film() -> keras.Model:
    """Of film quality, with norms that are not the neutral one."""
    keras.utils.set_random_seed(4)
    network, rng = build_teacher(FILM, batch_size=1), np.random.default_rng(4)
    for layer in network.layers:
        if isinstance(layer, layers.GroupNormalization):
            layer.gamma.assign(rng.uniform(0.5, 1.5, layer.gamma.shape))
            layer.beta.assign(rng.normal(0, 0.3, layer.beta.shape))
    return network


@cache
def small_frames():
    """To calibrate on."""
    return calibration_frames(size=(48, 80))[::3]


@cache
def content(precision: str = "fp32", size: tuple[int, int] | None = None, seed: int = 5) -> bytes:
    """A good network's .tflite; converting takes a second, so tests share it."""
    return convert(good(seed), precision, size, small_frames() if precision == "int8" else ())


def make_run(path, network=None, painting=""):
    """A run directory that holds a good network, or another one."""
    network = network or good()
    run, style = RunDirectory(path), {"name": "painting", "file": str(painting), "sha256": "ab" * 32}
    run.create(RunConfig(student=CONFIG, seed=11), {"recipe": "smoke", "style": style, "photos": "photos"})
    if network.name == "teacher":
        run.amend(config={"kind": "film", "teacher": dataclasses.asdict(FILM)})
    run.save_network(network)
    run.log({"step": 4})
    return path


def with_layer(kind: str) -> keras.Model:
    """A network with one layer that does not belong into it: "norm", "mirror" or "nearest"."""
    frame = layers.Input((None, None, 3), batch_size=1, name="frame")
    features = layers.Conv2D(8, 4, 4, name="stem")(frame)
    if kind == "norm":
        features = instance_norm("norm")(features)
    elif kind == "mirror":
        features = layers.Conv2D(8, 3, name="inner")(ReflectPad(1, name="mirror")(features))
    elif kind == "nearest":
        features = layers.Conv2D(8, 3, 2, padding="same", name="down")(features)
        features = layers.UpSampling2D(2, interpolation="nearest", name="near")(features)
    painted = DepthToSpace(4, name="unfold")(layers.Conv2D(48, 3, padding="same", name="paint")(features))
    stylized = layers.Activation("sigmoid", name="stylized")(painted)
    return keras.Model({"frame": frame}, {"stylized": stylized}, name="student")


def played(student: keras.Model, num_frames: int = 4):
    """A clip and what the network makes of it."""
    clip = bundled_clip(CONTENT, num_frames)
    return clip, play(KerasNetwork(student), clip)


def assert_same_network(ours: keras.Model, theirs: keras.Model) -> None:
    """Layer by layer, weight by weight, and in what they paint."""
    assert [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers]
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)
    frame = np.random.default_rng(0).random((1, 16, 24, 3), np.float32)
    painted, expected = (network({"frame": frame}, training=False)["stylized"] for network in (ours, theirs))
    np.testing.assert_allclose(painted, expected, atol=1e-6)
