"""What generators and discriminators ask of each other.

Pictures are dicts of a discriminator's named inputs (`frames` in [0, 1], `condition`); real and fake ones alike in
shape.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from keras_vst import losses
from keras_vst.config import LossConfig
from keras_vst.ops import Tensor
from training.minimize import slope

Pictures = dict[str, Tensor]
POWER_SIDE = 32  # pixels; what is shown while weights are normed does not matter, so it is small


def fool(discriminator: keras.Model, fake: Pictures, loss: LossConfig) -> Tensor:
    """What a generator minimizes to have its pictures taken for real; mean over scales."""
    scores = _scores(discriminator, fake)
    return _mean([losses.generator_adversarial(score, loss.adversarial_form) for score in scores])


def tell_apart(
    discriminator: keras.Model, real: Pictures, fake: Pictures, blend: Tensor, loss: LossConfig
) -> tuple[Tensor, dict[str, Tensor]]:
    """What the discriminator minimizes, and the mean scores `score_real` and `score_fake` that it gave.

    `blend` (B, 1, 1, 1) in [0, 1] says where between real and fake Wasserstein's slope is taken.
    """
    both = {name: ops.concatenate([real[name], fake[name]]) for name in real}
    scores = [ops.split(score, 2) for score in _scores(discriminator, both)]
    terms = [losses.discriminator_adversarial(pair[0], pair[1], loss.adversarial_form) for pair in scores]
    means = {
        name: _mean([ops.mean(pair[side]) for pair in scores])
        for side, name in enumerate(("score_real", "score_fake"))
    }
    objective = _mean(terms)
    if loss.adversarial_form == "wasserstein":
        objective += loss.gradient_penalty * _penalty(discriminator, real, fake, blend)
    return objective, means


def norm_weights(discriminator: keras.Model) -> None:
    """One power iteration of the spectral norm, written back to the weights.

    Done before a step rather than within: inside, it would rewrite weights that a gradient still needs.
    """
    sides = (1, POWER_SIDE, POWER_SIDE)
    tiny = {
        name: np.zeros((*sides[: len(tensor.shape) - 1], tensor.shape[-1]), "float32")
        for name, tensor in discriminator.input.items()
    }
    discriminator(tiny, training=True)


def logits(discriminator: keras.Model, pictures: Pictures) -> Tensor:
    """All scores in a row, for a histogram."""
    return ops.concatenate([ops.reshape(score, (-1,)) for score in _scores(discriminator, pictures)])


def _penalty(discriminator: keras.Model, real: Pictures, fake: Pictures, blend: Tensor) -> Tensor:
    between = {name: _blend(real[name], fake[name], blend) for name in real}

    def score(frames: Tensor) -> Tensor:
        scores = _scores(discriminator, {**between, "frames": frames})
        return _mean([ops.mean(one, axis=(1, 2, 3)) for one in scores])

    return losses.gradient_penalty(slope(score, between["frames"]))


def _blend(real: Tensor, fake: Tensor, blend: Tensor) -> Tensor:
    weight = ops.reshape(blend, (-1,) + (1,) * (len(real.shape) - 1))
    return ops.stop_gradient(fake + (real - fake) * weight)


def _scores(discriminator: keras.Model, pictures: Pictures) -> list[Tensor]:
    outputs = discriminator(pictures, training=False)
    return [ops.cast(outputs[f"scores_{scale}"], "float32") for scale in range(len(outputs))]


def _mean(terms: list[Tensor]) -> Tensor:
    return sum(terms) / len(terms)
