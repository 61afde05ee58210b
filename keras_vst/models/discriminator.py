"""The discriminator: says, patch by patch and at several scales, whether a picture was painted.

In:  frames (B, H, W, 3 * num_frames) in [0, 1]; condition (B, H, W, 3), the frame that was painted, where asked for.
Out: scores_0, scores_1, ...: (B, h, w, 1) logits, scores_0 at full size and each next one at half of it.

With `num_frames=3` it judges motion: frames t-1, t, t+1, the outer two moved onto the middle one by
`ops.warp`, side by side in the channels.  Aligned so, paint that sticks to the scene looks the same three
times and flicker does not, so that adversarial pressure no longer rewards flicker.
"""

from __future__ import annotations

import keras
from keras import layers

from keras_vst.config import DiscriminatorConfig
from keras_vst.ops import Tensor

# Norms keep what a layer makes of a difference as small as the difference, and a brush makes small ones: 120 steps
# with this gain teach more than 240 without (docs/results.md).
GAIN = 8.0
NUM_SCALES = 2  # the second judges strokes twice as large, on a picture half the size


def build_discriminator(
    config: DiscriminatorConfig, num_frames: int = 1, conditioned: bool = False
) -> keras.Model:
    """A functional model with named inputs and outputs, spectral norm on every weight.

    `training=True` takes one power iteration and writes the normed weights back: pass it in the
    discriminator's own step, not when the generator asks for its scores.
    """
    frames = layers.Input((None, None, 3 * num_frames), name="frames")
    inputs = {"frames": frames}
    seen = frames
    if conditioned:
        inputs["condition"] = layers.Input((None, None, 3), name="condition")
        seen = layers.Concatenate(name="beside")([frames, inputs["condition"]])

    seen = layers.Rescaling(GAIN, -GAIN / 2, name="centre")(seen)

    scores = {}
    for scale in range(NUM_SCALES):
        if scale:
            seen = layers.AveragePooling2D(2, name=f"halve_{scale}")(seen)
        scores[f"scores_{scale}"] = _judge(seen, config.channels, f"scale_{scale}")
    return keras.Model(inputs, scores, name="discriminator")


def _judge(seen: Tensor, channels: tuple[int, ...], name: str) -> Tensor:
    """One PatchGAN: strided convolutions, then a logit a patch.  Norming features would hide contrast."""
    features = seen
    for index, filters in enumerate(channels):
        convolution = layers.Conv2D(filters, 4, strides=2, padding="same", name=f"{name}_conv_{index}")
        features = _spectral(convolution)(features)
        features = layers.LeakyReLU(0.2, name=f"{name}_relu_{index}")(features)
    return _spectral(layers.Conv2D(1, 3, padding="same", name=f"{name}_score"))(features)


def _spectral(layer: keras.layers.Layer) -> keras.layers.Layer:
    return layers.SpectralNormalization(layer, name=f"{layer.name}_spectral")
