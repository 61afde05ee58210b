"""The few layers of our own, and the one place where norms are chosen.

Features are float32, (B, H, W, C), except for what `instance_norm` returns, which is a stock Keras layer.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_vst.ops import Tensor, one_of_several

PACKAGE = "keras_vst"


def instance_norm(name: str | None = None) -> keras.layers.Layer:
    """Norm each picture and channel by itself.  For the teacher only: it breaks int8 and breathes with the light.

    Its sums over a picture stay float32 whatever the policy.  The numbers are those of
    tensorflow_addons.layers.InstanceNormalization (tests/keras_vst/test_addons.py).
    """
    return keras.layers.GroupNormalization(groups=-1, epsilon=1e-3, name=name, dtype="float32")


@keras.saving.register_keras_serializable(PACKAGE)
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras's own, and saved under its name, over all devices that share a batch; in bfloat16 one operation.

    That takes 16 bits as they are, where Keras's many would cast them there and back; statistics stay float32.
    In 32 bits it gains little, and fused with what follows it would hide a NaN that the gate of export should see.
    """

    def __init__(self, **kwargs: Any):
        super().__init__(**{"synchronized": True, **kwargs})

    def call(self, inputs: Tensor, training: bool | None = None, mask: Tensor | None = None) -> Tensor:
        if not self._in_one_operation(inputs, mask):
            return super().call(inputs, training=training, mask=mask)
        import tensorflow as tf

        of_batch = bool(training and self.trainable)
        running = self.moving_mean, self.moving_variance
        normed, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=ops.cast(inputs, self.compute_dtype),
            scale=self.gamma,
            offset=self.beta,
            mean=() if of_batch else running[0],
            variance=() if of_batch else running[1],
            epsilon=self.epsilon,
            is_training=of_batch,
        )
        if of_batch:
            count = ops.cast(ops.size(inputs[..., 0]), "float32")
            for known, now in zip(running, (mean, variance * (1.0 - 1.0 / count)), strict=True):
                known.assign(known * self.momentum + now * (1.0 - self.momentum))
        return normed

    def _in_one_operation(self, inputs: Tensor, mask: Tensor | None) -> bool:
        usual = self.scale and self.center and not self.renorm and mask is None and len(inputs.shape) == 4
        sixteen_bits = (self.compute_dtype, self.variable_dtype) == ("bfloat16", "float32")
        here = keras.backend.backend() == "tensorflow" and one_of_several() is None
        return usual and sixteen_bits and here


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
        # Torch needs memory of its own.
        return (line[:, None] * line)[:, :, None, None] * ops.ones(shape, line.dtype)


def binomial_blur(name: str) -> keras.layers.Layer:
    """(B, H, W, C) -> same, each channel smoothed by `BinomialKernel`."""
    kernel = BinomialKernel()
    return keras.layers.DepthwiseConv2D(
        3, padding="same", use_bias=False, depthwise_initializer=kernel, trainable=False, name=name
    )
