"""The teacher: the large network for film, steadied by optical flow.

In:  frame (B, H, W, 3) in [0, 1];
     warped (B, H, W, 3), the previous output moved into this frame by `ops.warp`, zeros at the start;
     visible (B, H, W, 1) in {0, 1}, where `warped` can be trusted, zeros at the start;
     noise (B, H, W, N) where configured, zeros for a steady picture.
Out: stylized (B, H, W, 3) in [0, 1].
H and W are multiples of 8, at least 16.

A U-Net: full-size stem, three strided convolutions, a residual trunk at 1/8, bilinear resize and convolution
back up.  Additive skips at 1/4 and 1/2 only: one at full size would let the photo's texture through under the
strokes.
"""

from __future__ import annotations

import keras
from keras import layers, ops

from keras_vst.config import TeacherConfig
from keras_vst.layers import ReflectPad, instance_norm
from keras_vst.ops import Tensor

SMALLEST_SIDE = 16  # at 1/8 two pixels are left, and a border cannot be mirrored from fewer


def build_teacher(config: TeacherConfig, batch_size: int | None = None) -> keras.Model:
    """A functional model with named inputs and outputs; `batch_size=1` makes it ready for export."""
    full, half, quarter, eighth = config.channels
    inputs = _inputs(config, batch_size)

    at_full = _stage(_side_by_side(inputs), full, "stem", size=9)
    at_half = _stage(at_full, half, "down_2", strides=2)
    at_quarter = _stage(at_half, quarter, "down_4", strides=2)
    trunk = _stage(at_quarter, eighth, "down_8", strides=2)
    for index in range(config.num_blocks):
        trunk = _residual(trunk, eighth, f"block_{index}")

    up_quarter = layers.Add(name="skip_4")([_grow(trunk, quarter, "up_4"), at_quarter])
    up_half = layers.Add(name="skip_2")([_grow(up_quarter, half, "up_2"), at_half])
    up_full = _grow(up_half, full, "up_1")

    painted = layers.Conv2D(3, 9, name="paint")(ReflectPad(4, name="paint_pad")(up_full))
    stylized = layers.Activation("sigmoid", dtype="float32", name="stylized")(painted)
    return keras.Model(inputs, {"stylized": stylized}, name="teacher")


def first_inputs(frame: Tensor, config: TeacherConfig) -> dict[str, Tensor]:
    """What the teacher is given when nothing came before: at the start of a clip and after a cut."""
    frame = ops.convert_to_tensor(frame)
    inputs = {"frame": frame, "warped": ops.zeros_like(frame), "visible": ops.zeros_like(frame[..., :1])}
    if config.noise_channels:
        inputs["noise"] = ops.repeat(inputs["visible"], config.noise_channels, axis=-1)
    return inputs


def _inputs(config: TeacherConfig, batch_size: int | None) -> dict[str, Tensor]:
    shapes: dict[str, tuple[int | None, ...]] = {
        "frame": (None, None, 3),
        "warped": (None, None, 3),
        "visible": (None, None, 1),
    }
    if config.noise_channels:
        shapes["noise"] = (None, None, config.noise_channels)
    return {name: layers.Input(shape, batch_size, name=name) for name, shape in shapes.items()}


def _side_by_side(inputs: dict[str, Tensor]) -> Tensor:
    """All maps side by side; the previous output only where it can be trusted, so that nothing ghosts."""
    trusted = layers.Multiply(name="trusted")([inputs["warped"], inputs["visible"]])
    maps = [inputs["frame"], trusted, inputs["visible"]]
    return layers.Concatenate(name="look")([*maps, inputs["noise"]] if "noise" in inputs else maps)


def _stage(features: Tensor, filters: int, name: str, *, size: int = 3, strides: int = 1) -> Tensor:
    """Convolve, norm, rectify."""
    return layers.ReLU(name=f"{name}_relu")(_conv(features, filters, name, size=size, strides=strides))


def _residual(features: Tensor, filters: int, name: str) -> Tensor:
    """Two convolutions and a way around them."""
    inner = _stage(features, filters, f"{name}_a")
    inner = _conv(inner, filters, f"{name}_b")
    return layers.Add(name=f"{name}_add")([features, inner])


def _grow(features: Tensor, filters: int, name: str) -> Tensor:
    """Twice the size: resize, then convolve.  A transposed convolution would leave a checkerboard."""
    larger = layers.UpSampling2D(2, interpolation="bilinear", name=f"{name}_resize")(features)
    return _stage(larger, filters, name)


def _conv(features: Tensor, filters: int, name: str, *, size: int = 3, strides: int = 1) -> Tensor:
    padded = ReflectPad(size // 2, name=f"{name}_pad")(features)
    return instance_norm(f"{name}_norm")(
        layers.Conv2D(filters, size, strides, use_bias=False, name=name)(padded)
    )
