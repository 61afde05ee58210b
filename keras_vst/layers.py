"""The few layers of our own, and the one place where norms are chosen.

Features are float32, (B, H, W, C), except for what `instance_norm` returns, which is a stock Keras layer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
from keras import ops

from keras_vst.ops import Tensor, batch_moments

PACKAGE = "keras_vst"


def instance_norm(name: str | None = None) -> keras.layers.Layer:
    """Norm each picture and channel by itself.  For the teacher only: it breaks int8 and breathes with the light.

    The numbers are those of tensorflow_addons.layers.InstanceNormalization (tests/keras_vst/test_addons.py).
    """
    return keras.layers.GroupNormalization(groups=-1, epsilon=1e-3, name=name)


@keras.saving.register_keras_serializable(PACKAGE)
class ReflectPad(keras.layers.Layer):
    """Mirror the border, so that a convolution does not darken the frame's edge.

    (B, H, W, C) -> (B, H + 2 * pad, W + 2 * pad, C)
    """

    def __init__(self, pad: int = 1, **kwargs: Any):
        super().__init__(**kwargs)
        self.pad = pad

    def call(self, frames: Tensor) -> Tensor:
        border = [self.pad, self.pad]
        return ops.pad(frames, [[0, 0], border, border, [0, 0]], mode="reflect")

    def compute_output_shape(self, input_shape: Any) -> Any:
        batch, height, width, channels = input_shape
        grown = [side if side is None else side + 2 * self.pad for side in (height, width)]
        return (batch, *grown, channels)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "pad": self.pad}


@keras.saving.register_keras_serializable(PACKAGE)
class DepthToSpace(keras.layers.Layer):
    """Unfold channels into blocks of pixels: (B, H, W, C) -> (B, H * block, W * block, C / block ** 2)."""

    def __init__(self, block: int = 2, **kwargs: Any):
        super().__init__(**kwargs)
        self.block = block

    def call(self, features: Tensor) -> Tensor:
        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf  # the native op is one TFLite builtin; a reshape is not safe to resize

            return tf.nn.depth_to_space(features, self.block)
        batch, height, width = ops.shape(features)[:3]
        channels, block = features.shape[-1] // self.block**2, self.block
        split = ops.reshape(features, (batch, height, width, block, block, channels))
        unfolded = ops.transpose(split, (0, 1, 3, 2, 4, 5))
        return ops.reshape(unfolded, (batch, height * block, width * block, channels))

    def compute_output_shape(self, input_shape: Any) -> Any:
        batch, height, width, channels = input_shape
        grown = [side if side is None else side * self.block for side in (height, width)]
        return (batch, *grown, channels // self.block**2)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "block": self.block}


@keras.saving.register_keras_serializable(PACKAGE)
class SubPixelUniform(keras.initializers.Initializer):
    """Start the convolution before a DepthToSpace so that each block of pixels comes out flat: no grid at birth.

    Without it the first hundred steps paint a two-pixel grid, which style losses then like too well.
    """

    def __init__(self, block: int = 2, seed: int | None = None):
        self.block = block
        self.seed = seed

    def __call__(self, shape: Any, dtype: Any = None) -> Tensor:
        one = keras.initializers.GlorotUniform(self.seed)((*shape[:-1], shape[-1] // self.block**2), dtype)
        return ops.tile(one, (1,) * (len(shape) - 1) + (self.block**2,))

    def get_config(self) -> dict[str, Any]:
        return {"block": self.block, "seed": self.seed}


@keras.saving.register_keras_serializable(PACKAGE)
class SubPixelEqual(keras.constraints.Constraint):
    """Hold the sums of the kernels before a DepthToSpace equal within a block: flat features give flat blocks.

    Costs nothing once trained, unlike a blur at full size.  The mean of such kernels is such a kernel.
    """

    def __init__(self, block: int = 2):
        self.block = block

    def __call__(self, w: Tensor) -> Tensor:
        """Kernel (h, w, in, out), or bias (out,): what the sums of one block have too much or too little is shared."""
        taps = tuple(range(len(w.shape) - 2))
        sums = ops.mean(w, axis=taps) if taps else w
        blocks = ops.reshape(sums, (*sums.shape[:-1], self.block**2, -1))
        excess = blocks - ops.mean(blocks, axis=-2, keepdims=True)
        return w - ops.reshape(excess, sums.shape)

    def get_config(self) -> dict[str, Any]:
        return {"block": self.block}


@keras.saving.register_keras_serializable(PACKAGE)
class BinomialKernel(keras.initializers.Initializer):
    """The 3x3 kernel (1, 2, 1) x (1, 2, 1) / 16, for a depthwise convolution that is not trained.

    It is zero at a period of two pixels: after it no two-pixel grid can be seen, whatever was learned before.
    """

    def __call__(self, shape: Any, dtype: Any = None) -> Tensor:
        line = ops.convert_to_tensor([0.25, 0.5, 0.25], dtype or "float32")
        return (line[:, None] * line)[:, :, None, None] * ops.ones(
            shape, line.dtype
        )  # torch needs memory of its own


def binomial_blur(name: str) -> keras.layers.Layer:
    """(B, H, W, C) -> same, each channel smoothed by `BinomialKernel`."""
    kernel = BinomialKernel()
    return keras.layers.DepthwiseConv2D(
        3, padding="same", use_bias=False, depthwise_initializer=kernel, trainable=False, name=name
    )


@keras.saving.register_keras_serializable(PACKAGE)
class ShareStyle(keras.layers.Layer):
    """Divide the style vector by its sum: what the strokes are like, apart from how strong they are.

    (B, S) -> (B, S), summing to 1; all zeros become equal shares, which nobody sees at strength 0.  A single style
    has nothing to share: its weight is the constant 1, so that converters fold what follows into the convolutions.
    """

    def call(self, style: Tensor) -> Tensor:
        num_styles = style.shape[-1]
        if num_styles == 1:
            return ops.ones_like(style)
        raised = style + 1e-6 / num_styles
        return raised / ops.sum(raised, axis=-1, keepdims=True)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


@keras.saving.register_keras_serializable(PACKAGE)
class StyleNorm(keras.layers.Layer):
    """Norm over the batch, then scale and shift each channel; every style keeps statistics of its own.

    [(B, H, W, C), shares (B, S)] -> (B, H, W, C).  Training expects one style a batch: its statistics are that
    style's, whose running mean they join.  Afterwards all is one scale and one shift a style, blended by the shares.
    Under common statistics, what was learned under one style's would be run under their mean.
    """

    momentum = 0.95  # followed within tens of steps, so that a run of minutes can be exported
    epsilon = 1e-3
    follows = True  # whether a pass in training joins the running statistics

    def build(self, input_shape: Any) -> None:
        shape = (input_shape[1][-1], input_shape[0][-1])
        self.gamma = self.add_weight(name="gamma", shape=shape, initializer=_near(1.0))
        self.beta = self.add_weight(name="beta", shape=shape, initializer=_near(0.0))
        self.mean = self.add_weight(name="mean", shape=shape, initializer="zeros", trainable=False)
        self.variance = self.add_weight(name="variance", shape=shape, initializer="ones", trainable=False)

    def call(self, inputs: tuple[Tensor, Tensor], training: bool = False) -> Tensor:
        features, share = inputs
        if not training:
            scale, shift = self.scale_and_shift()
            return features * _over_pixels(share, scale) + _over_pixels(share, shift)
        mean, variance = batch_moments(features)
        if self.follows:
            self._follow(mean, variance, ops.mean(share, axis=0))
        scale = _over_pixels(share, self.gamma) * ops.rsqrt(variance + self.epsilon)
        return features * scale + (_over_pixels(share, self.beta) - mean * scale)

    def scale_and_shift(self) -> tuple[Tensor, Tensor]:
        """What the layer does to each channel once trained: two arrays (S, C)."""
        scale = self.gamma * ops.rsqrt(self.variance + self.epsilon)
        return scale, self.beta - self.mean * scale

    def _follow(self, mean: Tensor, variance: Tensor, share: Tensor) -> None:
        rate = (1.0 - self.momentum) * share[:, None]
        self.mean.assign(self.mean + rate * (mean - self.mean))
        self.variance.assign(self.variance + rate * (variance - self.variance))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape[0]


@contextmanager
def statistics_held(network: keras.Model) -> Iterator[None]:
    """Passes in training leave the running statistics alone: for pictures unlike those that the network will run on."""
    norms = [layer for layer in network.layers if isinstance(layer, StyleNorm)]
    for norm in norms:
        norm.follows = False
    try:
        yield
    finally:
        for norm in norms:
            norm.follows = True


@keras.saving.register_keras_serializable(PACKAGE)
class StyleScaleShift(keras.layers.Layer):
    """Scale and shift each channel as the blend of styles asks: features * (1 + scale) + shift.

    [(B, H, W, C), (B, S)] -> (B, H, W, C).  Zero weights leave the features as they are.
    """

    def build(self, input_shape: Any) -> None:
        shape = (input_shape[1][-1], input_shape[0][-1])
        self.scale = self.add_weight(name="scale", shape=shape, initializer=_near(0.0))
        self.shift = self.add_weight(name="shift", shape=shape, initializer=_near(0.0))

    def call(self, inputs: tuple[Tensor, Tensor]) -> Tensor:
        features, style = inputs
        return features * (1.0 + _over_pixels(style, self.scale)) + _over_pixels(style, self.shift)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape[0]


@keras.saving.register_keras_serializable(PACKAGE)
class Blend(keras.layers.Layer):
    """Lay the painted frame over the original as strongly as the style vector sums to.

    [frame (B, H, W, 3), painted (B, H, W, 3), style (B, S)] -> (B, H, W, 3); style 0 gives the frame back.
    """

    def call(self, inputs: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        frame, painted, style = inputs
        strength = ops.sum(style, axis=-1, keepdims=True)[:, None, None, :]
        return frame + (painted - frame) * strength

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape[0]


def _over_pixels(share: Tensor, of_styles: Tensor) -> Tensor:
    """Blend one row a style, (S, C), and spread it over the pixels: (B, 1, 1, C)."""
    return ops.matmul(share, of_styles)[:, None, None, :]


def _near(value: float) -> keras.initializers.Initializer:
    """Around `value`, a little different for each style, so that styles part from the first step."""
    return keras.initializers.RandomNormal(mean=value, stddev=0.05)
