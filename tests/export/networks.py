"""Tiny networks for the gate: a good one, and ones that are bad in one way each."""

from __future__ import annotations

from functools import lru_cache

import keras
import numpy as np
from keras import layers

from export import tflite
from export.footage import scene_footage
from export.order import Effort
from export.players import play
from keras_vst.config import RunConfig, StudentConfig
from keras_vst.layers import DepthToSpace, ReflectPad, instance_norm
from keras_vst.models.student import build_student
from keras_vst.networks.keras import KerasNetwork
from keras_vst.runs import RunDirectory

CONFIG = StudentConfig(channels=(4, 4, 8), num_blocks=1)
CONTENT = (32, 48)  # height and width of what the gate is shown
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


@lru_cache
def content(precision: str = "fp32", size: tuple[int, int] | None = None, seed: int = 5) -> bytes:
    """A good network's .tflite; converting takes a second, so tests share it."""
    return tflite.convert(good(seed), precision, size)


def make_run(path, change=lambda student: None, painting="", seed=5):
    """A run directory that holds a good network, or one that was changed."""
    run = RunDirectory(path)
    styles = [{"name": "painting", "file": str(painting), "sha256": "ab" * 32}]
    run.create(RunConfig(student=CONFIG), {"recipe": "smoke", "style": styles[0], "photos": "photos"})
    student = good(seed)
    change(student)
    run.save_network(student)
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
    """The footage and what the network makes of it."""
    footage = scene_footage(CONTENT, num_frames)
    return footage, play(KerasNetwork(student), footage)
