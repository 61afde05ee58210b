"""Tiny networks for the gate: a good one, and ones that are bad in one way each."""

from __future__ import annotations

from functools import lru_cache

import keras
import numpy as np
from keras import layers

from export import tflite
from export.footage import scene_footage
from export.order import Effort
from export.parity import play_student
from keras_vst.config import StudentConfig
from keras_vst.layers import Blend, DepthToSpace, ReflectPad, instance_norm
from keras_vst.models.student import build_student

CONFIG = StudentConfig(channels=(4, 4, 8), num_blocks=0, state_channels=2)
CONTENT = (32, 48)  # height and width of what the gate is shown
TINY = Effort(frames=4, timed=3, open_size=CONTENT, resized=(16, 24), resized_frames=2)


def good(num_styles: int = 1) -> keras.Model:
    keras.utils.set_random_seed(5)
    config = StudentConfig(num_styles=num_styles, channels=(4, 4, 8), num_blocks=0, state_channels=2)
    return build_student(config, batch_size=1)


@lru_cache
def content(precision: str = "fp32", size: tuple[int, int] | None = None, num_styles: int = 1) -> bytes:
    """A good network's .tflite; converting takes a second, so tests share it."""
    return tflite.convert(good(num_styles), precision, size)


def with_layer(kind: str) -> keras.Model:
    """A network with one layer that does not belong into it: "norm", "mirror" or "nearest"."""
    frame = layers.Input((None, None, 3), batch_size=1, name="frame")
    style = layers.Input((1,), batch_size=1, name="style")
    state = layers.Input((None, None, 2), batch_size=1, name="state")
    features = layers.Concatenate(name="recall")([layers.Conv2D(16, 4, 4, name="fold")(frame), state])
    features = layers.Conv2D(8, 3, padding="same", name="stem")(features)
    if kind == "norm":
        features = instance_norm("norm")(features)
    elif kind == "mirror":
        features = layers.Conv2D(8, 3, name="inner")(ReflectPad(1, name="mirror")(features))
    elif kind == "nearest":
        features = layers.Conv2D(8, 3, 2, padding="same", name="down")(features)
        features = layers.UpSampling2D(2, interpolation="nearest", name="near")(features)
    painted = DepthToSpace(4, name="unfold")(layers.Conv2D(48, 3, padding="same", name="paint")(features))
    painted = layers.Activation("sigmoid", name="clip")(painted)
    remembered = layers.Conv2D(2, 3, padding="same", name="remember")(features)
    outputs = {
        "stylized": Blend(name="stylized")([frame, painted, style]),
        "state": layers.ReLU(6.0)(remembered),
    }
    return keras.Model({"frame": frame, "style": style, "state": state}, outputs, name="student")


def played(student: keras.Model, num_frames: int = 4):
    """The footage, the style vectors and what the network makes of it."""
    footage = scene_footage(CONTENT, num_frames)
    styles = np.eye(1, student.input["style"].shape[-1], dtype=np.float32).repeat(num_frames, axis=0)
    return footage, styles, play_student(student, footage.frames, styles)
