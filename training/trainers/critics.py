"""Discriminators: what they and the networks that paint ask of each other.

Pictures are dicts of a discriminator's named inputs (`frames` in [0, 1], `condition`); real and fake ones alike in
shape.
"""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
from keras import ops

from keras_vst import losses
from keras_vst.config import DiscriminatorConfig, RunConfig
from keras_vst.models.discriminator import build_discriminator
from keras_vst.ops import Tensor
from training import backend
from training.objective import PerceptualLoss
from training.temporal import Batch
from training.terms import DISCRIMINATOR, Pictures, active
from training.trainers.base import Terms, tensors
from training.trainers.perceptual import PerceptualTrainer

POWER_SIDE = 32  # pixels; what is shown while weights are normed does not matter, so it is small
GRADIENT_PENALTY = 10.0  # wasserstein only; less lets the discriminator become steeper
ByTerm = dict[str, Pictures]  # the term a discriminator belongs to -> what it is shown


class CriticTrainer(PerceptualTrainer):
    """A trainer whose pictures must also pass for real ones, with a discriminator for each such term."""

    def __init__(
        self, config: RunConfig, perceptual: PerceptualLoss | None, reverse: keras.Model | None = None
    ):
        super().__init__(config, perceptual, reverse=reverse)
        self.discriminators = {
            name: build_discriminator(_looks_at(name, config)) for name in active(config, DISCRIMINATOR)
        }
        self.discriminator_optimizer = self.new_optimizer(
            config.schedule.discriminator_learning_rate, *self.discriminators.values(), beta=0.5
        )

    @property
    def networks(self) -> dict[str, keras.Model]:
        """Every network that takes part, by what it does."""
        return {**super().networks, **self.discriminators}

    def reals(self, batch: Batch) -> ByTerm:
        """What each discriminator is to take for real."""
        raise NotImplementedError

    def train_step(self, batch: Batch) -> Terms:
        batch = tensors(batch)
        self.check(batch)
        logs, painted = self.train_generators(batch)
        self.update_average()
        return logs | (self.train_discriminators(batch, painted.fakes) if self.discriminators else {})

    def train_discriminators(self, batch: Batch, fakes: ByTerm) -> Terms:
        """One step of all discriminators; their objective and the mean scores they gave."""
        reals = self.reals(batch)
        seed, step = self.config.seed, self.discriminator_optimizer.iterations

        def tell_all_apart() -> tuple[Tensor, Terms]:
            found, scores = [], {}
            for stream, (name, network) in enumerate(self.discriminators.items()):
                pictures = reals[name], keras.tree.map_structure(ops.stop_gradient, fakes[name])
                blend = backend.uniform((pictures[0]["frames"].shape[0],), seed, step, stream)
                one, means = tell_apart(network, *pictures, blend, self.config.loss.adversarial_form)
                found.append(one)
                kind = name.removeprefix("adversarial")
                scores |= {f"{score}{kind}": mean for score, mean in means.items()}
            return sum(found), scores

        for network in self.discriminators.values():
            norm_weights(network)
        variables = [v for network in self.discriminators.values() for v in network.trainable_variables]
        objective, scores = backend.minimize(tell_all_apart, variables, self.discriminator_optimizer)
        return {"discriminator": objective, **scores}

    def fool(self, name: str, fake: Pictures) -> Tensor:
        """What a generator minimizes to have its pictures taken for real; mean over scales."""
        form = self.config.loss.adversarial_form
        return _mean(
            [losses.generator_adversarial(one, form) for one in _scores(self.discriminators[name], fake)]
        )

    def scores(self, batch: Batch) -> dict[str, Tensor]:
        """The logits that each discriminator gives real and generated pictures, each in a row, for a histogram."""
        batch = tensors(batch)
        fakes = self.painted(batch, training=False).fakes
        reals = self.reals(batch)
        return {
            f"{name}_{side}": ops.concatenate(
                [ops.reshape(score, (-1,)) for score in _scores(network, pictures[name])]
            )
            for name, network in self.discriminators.items()
            for side, pictures in (("real", reals), ("fake", fakes))
        }


def tell_apart(
    discriminator: keras.Model, real: Pictures, fake: Pictures, blend: Tensor, form: str
) -> tuple[Tensor, dict[str, Tensor]]:
    """What the discriminator minimizes, and the mean scores `score_real` and `score_fake` that it gave.

    `blend` (B,) in [0, 1] says where between real and fake Wasserstein's slope is taken.
    """
    both = {name: ops.concatenate([real[name], fake[name]]) for name in real}
    scores = [ops.split(score, 2) for score in _scores(discriminator, both)]
    objective = _mean(
        [losses.discriminator_adversarial(real_score, fake_score, form) for real_score, fake_score in scores]
    )
    if form == "wasserstein":
        objective += GRADIENT_PENALTY * _penalty(discriminator, real, fake, blend)
    sides = enumerate(("score_real", "score_fake"))
    return objective, {name: _mean([ops.mean(pair[side]) for pair in scores]) for side, name in sides}


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


def _looks_at(name: str, config: RunConfig) -> DiscriminatorConfig:
    """The settings of the discriminator of pictures, of motion, or of returned photos."""
    frames = 3 if name == "adversarial_motion" else 1
    condition = config.discriminator.condition_channels if name == "adversarial" else 0
    return dataclasses.replace(config.discriminator, num_frames=frames, condition_channels=condition)


def _penalty(discriminator: keras.Model, real: Pictures, fake: Pictures, blend: Tensor) -> Tensor:
    between = {name: _blend(real[name], fake[name], blend) for name in real}

    def score(frames: Tensor) -> Tensor:
        scores = _scores(discriminator, {**between, "frames": frames})
        return _mean([ops.mean(one, axis=(1, 2, 3)) for one in scores])

    return losses.gradient_penalty(backend.slope(score, between["frames"]))


def _blend(real: Tensor, fake: Tensor, blend: Tensor) -> Tensor:
    weight = ops.reshape(blend, (-1,) + (1,) * (len(real.shape) - 1))
    return ops.stop_gradient(fake + (real - fake) * weight)


def _scores(discriminator: keras.Model, pictures: Pictures) -> list[Tensor]:
    outputs = discriminator(pictures, training=False)
    return [ops.cast(outputs[f"scores_{scale}"], "float32") for scale in range(len(outputs))]


def _mean(terms: list[Tensor]) -> Tensor:
    return sum(terms) / len(terms)
