"""The discriminator: says, patch by patch and at several scales, whether a picture was painted.

In:  frames (B, H, W, 3 * num_frames) in [0, 1]; style (B, S) and condition (B, H, W, C) where configured.
Out: scores_0, scores_1, ...: (B, h, w, 1) logits, scores_0 at full size and each next one at half of it.

With `num_frames=3` it judges motion: frames t-1, t, t+1, the outer two moved onto the middle one by
`ops.warp`, side by side in the channels.  Aligned so, paint that sticks to the scene looks the same three
times and flicker does not, so that adversarial pressure no longer rewards flicker.
"""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import layers, ops

from keras_vst.errors import UserError
from keras_vst.layers import ShareStyle
from keras_vst.ops import Tensor


@dataclass(frozen=True, kw_only=True)
class DiscriminatorConfig:
    """What it looks at, and how hard it is to fool."""

    channels: tuple[int, ...] = (
        32,
        64,
        128,
    )  # filters; each entry halves the size and doubles a patch's reach
    num_scales: int = 2  # each further one judges strokes twice as large, on a picture half the size
    num_frames: int = 1  # 1 judges a picture; 3 judges three motion-aligned frames, and so flicker
    num_styles: int = 0  # above 0 it also judges whether the picture is in the style that was asked for
    condition_channels: int = 0  # 3 shows it the frame that was painted; it then also judges faithfulness

    def __post_init__(self) -> None:
        if not self.channels or min(self.channels) < 1:
            raise UserError(
                "discriminator.channels needs one positive number per halving. "
                f"Received: {self.channels}. Use for example 32,64,128."
            )
        if self.num_frames not in (1, 3):
            raise UserError(
                "discriminator.num_frames is 1 for pictures or 3 for motion. "
                f"Received: {self.num_frames}. A longer clip is judged as overlapping threes."
            )
        for name, least in (("num_scales", 1), ("num_styles", 0), ("condition_channels", 0)):
            if getattr(self, name) < least:
                raise UserError(
                    f"discriminator.{name} must be at least {least}. Received: {getattr(self, name)}."
                )


def build_discriminator(config: DiscriminatorConfig) -> keras.Model:
    """A functional model with named inputs and outputs, spectral norm on every weight.

    `training=True` takes one power iteration and writes the normed weights back: pass it in the
    discriminator's own step, not when the generator asks for its scores.
    """
    frames = layers.Input((None, None, 3 * config.num_frames), name="frames")
    inputs = {"frames": frames}
    seen, share = frames, None
    if config.condition_channels:
        inputs["condition"] = layers.Input((None, None, config.condition_channels), name="condition")
        seen = layers.Concatenate(name="beside")([frames, inputs["condition"]])
    if config.num_styles:
        inputs["style"] = layers.Input((config.num_styles,), name="style")
        share = ShareStyle(name="share")(inputs["style"])

    scores = {}
    for scale in range(config.num_scales):
        if scale:
            seen = layers.AveragePooling2D(2, name=f"halve_{scale}")(seen)
        scores[f"scores_{scale}"] = _judge(seen, share, config.channels, f"scale_{scale}")
    return keras.Model(inputs, scores, name="discriminator")


def _judge(seen: Tensor, share: Tensor | None, channels: tuple[int, ...], name: str) -> Tensor:
    """One PatchGAN: strided convolutions, then a logit a patch.  Norming features would hide contrast."""
    features = seen
    for index, filters in enumerate(channels):
        convolution = layers.Conv2D(filters, 4, strides=2, padding="same", name=f"{name}_conv_{index}")
        features = _spectral(convolution)(features)
        features = layers.LeakyReLU(0.2, name=f"{name}_relu_{index}")(features)
    logits = _spectral(layers.Conv2D(1, 3, padding="same", name=f"{name}_score"))(features)
    if share is None:
        return logits
    wanted = _spectral(layers.Dense(channels[-1], use_bias=False, name=f"{name}_style"))(share)
    return logits + ops.sum(features * wanted[:, None, None, :], axis=-1, keepdims=True)


def _spectral(layer: keras.layers.Layer) -> keras.layers.Layer:
    return layers.SpectralNormalization(layer, name=f"{layer.name}_spectral")
