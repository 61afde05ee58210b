"""The student: the small recurrent network that runs live.

In:  frame (B, H, W, 3) in [0, 1]; style (B, S) weights; state (B, H / 4, W / 4, C), zeros to start.
Out: stylized (B, H, W, 3) in [0, 1]; state, to be handed in with the next frame.
H and W are multiples of 8.

A U-Net: three strided convolutions, a residual trunk at 1/8, two smoothed sub-pixel steps up with additive skips,
and a third one whose kernels are held equal instead: at full size each operation costs more than a residual block
at 1/8.  Plain convolutions, ReLU6 and norms that are a mere scale and shift once trained: each one an operation
that XNNPACK takes in fp32 and in int8.
"""

from __future__ import annotations

import keras
from keras import layers

from keras_vst.config import StudentConfig
from keras_vst.layers import (
    Blend,
    DepthToSpace,
    ShareStyle,
    StyleNorm,
    SubPixelEqual,
    SubPixelUniform,
    binomial_blur,
)
from keras_vst.ops import Tensor

SIZE_MULTIPLE = 8
STATE_STRIDE = 4  # the state is kept at a quarter of the frame: where strokes are placed, not every pixel


def build_student(config: StudentConfig, batch_size: int | None = None) -> keras.Model:
    """A functional model with named inputs and outputs; `batch_size=1` makes it ready for export."""
    half, quarter, eighth = config.channels
    frame = layers.Input((None, None, 3), batch_size=batch_size, name="frame")
    style = layers.Input((config.num_styles,), batch_size=batch_size, name="style")
    state = layers.Input((None, None, config.state_channels), batch_size=batch_size, name="state")
    share = ShareStyle(name="share")(style)

    at_half = _stage(
        frame, share, half, "stem", strides=2, size=4
    )  # each pixel is seen by four of its centres
    at_quarter = _stage(at_half, share, quarter, "down_4", strides=2)
    recalled = layers.Concatenate(name="recall")([at_quarter, state])
    trunk = _stage(recalled, share, eighth, "down_8", strides=2)
    for index in range(config.num_blocks):
        trunk = _residual(trunk, share, eighth, f"block_{index}")

    up_quarter = layers.Add(name="skip_4")([_grow(trunk, quarter, "up_4"), at_quarter])
    up_quarter = layers.Concatenate(name="recall_4")([up_quarter, state])
    up_quarter = _stage(up_quarter, share, quarter, "smooth_4")
    up_half = layers.Add(name="skip_2")([_grow(up_quarter, half, "up_2"), at_half])
    up_half = _stage(
        up_half, share, half, "mix_2", size=1
    )  # `paint` looks around; here 3x3 costs a tenth more

    painted = DepthToSpace(2, name="unfold")(_paint(up_half))
    painted = layers.Activation("sigmoid", dtype="float32", name="clip")(painted)
    stylized = Blend(dtype="float32", name="stylized")([frame, painted, style])
    remembered = layers.Conv2D(config.state_channels, 1, name="remember")(up_quarter)
    outputs = {"stylized": stylized, "state": layers.ReLU(6.0, name="next_state")(remembered)}
    return keras.Model({"frame": frame, "style": style, "state": state}, outputs, name="student")


def state_shape(frame_shape: tuple[int, ...], config: StudentConfig) -> tuple[int, int, int, int]:
    """The shape of the state that goes with frames of (B, H, W, 3)."""
    batch, height, width, _ = frame_shape
    return batch, height // STATE_STRIDE, width // STATE_STRIDE, config.state_channels


def input_shapes(student: keras.Model, size: tuple[int, int], batch: int = 1) -> dict[str, tuple[int, ...]]:
    """The shape of each named input of a student for frames of (height, width)."""
    height, width = size
    channels = {name: tensor.shape[-1] for name, tensor in student.input.items()}
    return {
        "frame": (batch, height, width, 3),
        "style": (batch, channels["style"]),
        "state": (batch, height // STATE_STRIDE, width // STATE_STRIDE, channels["state"]),
    }


def _stage(
    features: Tensor, share: Tensor, filters: int, name: str, strides: int = 1, size: int = 3
) -> Tensor:
    """Convolve, norm, style, clip."""
    styled = _styled_conv(features, share, filters, name, strides, size)
    return layers.ReLU(6.0, name=f"{name}_relu")(styled)


def _residual(features: Tensor, share: Tensor, filters: int, name: str) -> Tensor:
    """Two convolutions and a way around them."""
    inner = _stage(features, share, filters, f"{name}_a")
    inner = _styled_conv(inner, share, filters, f"{name}_b")
    return layers.Add(name=f"{name}_add")([features, inner])


def _styled_conv(
    features: Tensor, share: Tensor, filters: int, name: str, strides: int = 1, size: int = 3
) -> Tensor:
    convolved = layers.Conv2D(filters, size, strides, padding="same", use_bias=False, name=name)(features)
    return StyleNorm(name=f"{name}_norm")([convolved, share])


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
