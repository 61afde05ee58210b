"""The student: the small network that runs live, one style each.

In:  frame (B, H, W, 3) in [0, 1], H and W multiples of 8.
Out: stylized (B, H, W, 3) in [0, 1].

A U-Net: three strided convolutions, a residual trunk at 1/8, two smoothed sub-pixel steps up with additive skips,
and a third one whose kernels are held equal instead: at full size each operation costs more than a residual block
at 1/8.  Convolutions, batch norm (folded into them at export) and ReLU6: each an operation that XNNPACK takes in
fp32 and in int8, and weights of two styles that began from the same base can be mixed.
"""

from __future__ import annotations

import keras
from keras import layers

from keras_vst.config import StudentConfig
from keras_vst.layers import BatchNormalization, DepthToSpace, SubPixelEqual, SubPixelUniform, binomial_blur
from keras_vst.ops import Tensor

SIZE_MULTIPLE = 8
MOMENTUM = 0.97  # followed within tens of steps, so that a run of minutes can be exported


def build_student(config: StudentConfig, batch_size: int | None = None) -> keras.Model:
    """A functional model with a named input and output; `batch_size=1` makes it ready for export."""
    half, quarter, eighth = config.channels
    frame = layers.Input((None, None, 3), batch_size=batch_size, name="frame")

    at_half = _stage(frame, half, "stem", strides=2, size=4)  # each pixel is seen by four of its centres
    at_quarter = _stage(at_half, quarter, "down_4", strides=2)
    trunk = _stage(at_quarter, eighth, "down_8", strides=2)
    for index in range(config.num_blocks):
        trunk = _residual(trunk, eighth, f"block_{index}")

    up_quarter = layers.Add(name="skip_4")([_grow(trunk, quarter, "up_4"), at_quarter])
    up_quarter = _stage(up_quarter, quarter, "smooth_4")
    up_half = layers.Add(name="skip_2")([_grow(up_quarter, half, "up_2"), at_half])
    up_half = _stage(up_half, half, "mix_2", size=1)  # `paint` looks around; here 3x3 costs a tenth more

    painted = DepthToSpace(2, name="unfold")(_paint(up_half))
    stylized = layers.Activation("sigmoid", dtype="float32", name="stylized")(painted)
    return keras.Model({"frame": frame}, {"stylized": stylized}, name="student")


def _stage(features: Tensor, filters: int, name: str, strides: int = 1, size: int = 3) -> Tensor:
    """Convolve, norm, clip."""
    return layers.ReLU(6.0, name=f"{name}_relu")(_conv(features, filters, name, strides, size))


def _residual(features: Tensor, filters: int, name: str) -> Tensor:
    """Two convolutions and a way around them."""
    inner = _conv(_stage(features, filters, f"{name}_a"), filters, f"{name}_b")
    return layers.Add(name=f"{name}_add")([features, inner])


def _conv(features: Tensor, filters: int, name: str, strides: int = 1, size: int = 3) -> Tensor:
    convolved = layers.Conv2D(filters, size, strides, padding="same", use_bias=False, name=name)(features)
    return BatchNormalization(momentum=MOMENTUM, epsilon=1e-3, name=f"{name}_norm")(convolved)


def _grow(features: Tensor, filters: int, name: str) -> Tensor:
    """Twice the size by sub-pixel shuffle, smoothed: where features are flat, no grid of 4 or 8 pixels comes of it."""
    flat = SubPixelUniform(2)
    widened = layers.Conv2D(filters * 4, 1, kernel_initializer=flat, name=f"{name}_widen")(features)
    return binomial_blur(f"{name}_blur")(DepthToSpace(2, name=name)(widened))


def _paint(features: Tensor) -> Tensor:
    """The four pixels under each place at half size, equal where features are flat: no grid of 2 pixels either."""
    flat, equal = SubPixelUniform(2), SubPixelEqual(2)
    paint = layers.Conv2D(
        12,
        3,
        padding="same",
        kernel_initializer=flat,
        kernel_constraint=equal,
        bias_constraint=equal,
        name="paint",
    )
    return paint(features)
