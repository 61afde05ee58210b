"""The training step from keyframes: patches of a frame beside the same patches as an artist painted them.

`frame` and `target` are (B, H, W, 3) at the size that the network sees; losses look at the inner square.
"""

from __future__ import annotations

import keras
from keras import ops

from keras_vst import losses
from keras_vst.config import RunConfig
from keras_vst.models.discriminator import build_discriminator
from keras_vst.ops import Tensor, crop
from training import critics, noise
from training.critics import Pictures
from training.minimize import minimize
from training.objective import Judge
from training.perceptual import PerceptualTrainer
from training.temporal import Batch, check_batch, flicker
from training.trainer import Terms, tensors


class KeyframeTrainer(PerceptualTrainer):
    """`keyframes`: what the artist painted, a discriminator that has seen frame and painting side by side."""

    def __init__(self, config: RunConfig, judge: Judge | None):
        super().__init__(config, judge)
        self.discriminator = (
            build_discriminator(config.discriminator) if "adversarial" in config.terms else None
        )
        judges = [self.discriminator] if self.discriminator else []
        self.discriminator_optimizer = self.new_optimizer(
            config.schedule.discriminator_learning_rate, *judges, beta=0.5
        )

    @property
    def networks(self) -> dict[str, keras.Model]:
        """Every network that takes part, by what it does."""
        return super().networks | ({"adversarial": self.discriminator} if self.discriminator else {})

    def train_step(self, batch: Batch) -> Terms:
        batch = tensors(batch)
        _check(batch, self.config)

        def paint() -> tuple[Tensor, tuple[Terms, Tensor]]:
            painted = self.paint(batch["frame"])
            objective, logs = self.weigh(self._patch_terms(batch, painted) | self._clip_terms(batch))
            return objective, (logs, painted)

        _, (logs, painted) = minimize(paint, self.generator.trainable_variables, self.generator_optimizer)
        self.update_average()
        if self.discriminator is None:
            return logs
        return logs | self.train_discriminator(self.discriminator, batch, painted)

    def scores(self, batch: Batch) -> dict[str, Tensor]:
        """The logits that the discriminator gives real and generated pairs, each in a row."""
        if self.discriminator is None:
            return {}
        batch = tensors(batch)
        pairs = {"real": batch["target"], "fake": self.paint(batch["frame"], training=False)}
        return {
            f"adversarial_{side}": critics.logits(self.discriminator, self._beside(painted, batch))
            for side, painted in pairs.items()
        }

    def _patch_terms(self, batch: Batch, painted: Tensor) -> Terms:
        wanted, margin = self.config.terms, self.config.data.margin
        ours, target = crop(painted, margin), crop(batch["target"], margin)
        terms = self._judge.nearness(ours, target, wanted, self.memory) if self._judge else {}
        if "supervised" in wanted:
            terms["supervised"] = losses.supervised(ours, target)
        if self.discriminator:
            terms["adversarial"] = critics.fool(
                self.discriminator, self._beside(painted, batch), self.config.loss
            )
        return terms

    def _clip_terms(self, batch: Batch) -> Terms:
        """What holds still in the clip itself, where that is asked for."""
        if "temporal" not in self.config.terms:
            return {}
        return {"temporal": flicker(batch, self.paint_clip(batch), self.config)}

    def train_discriminator(self, discriminator: keras.Model, batch: Batch, painted: Tensor) -> Terms:
        """One step of the discriminator on patches as they were painted by the artist and by us."""
        real = self._beside(batch["target"], batch)
        fake = self._beside(ops.stop_gradient(painted), batch)
        step = self.discriminator_optimizer.iterations
        blend = noise.uniform((batch["frame"].shape[0],), self.config.seed, step, stream=1)
        critics.norm_weights(discriminator)
        objective, scores = minimize(
            lambda: critics.tell_apart(discriminator, real, fake, blend, self.config.loss),
            discriminator.trainable_variables,
            self.discriminator_optimizer,
        )
        return {"discriminator": objective, **scores}

    def _beside(self, painted: Tensor, batch: Batch) -> Pictures:
        """The inner square of a painted patch with what the configured discriminator is shown beside it."""
        judging, margin = self.config.discriminator, self.config.data.margin
        pictures = {"frames": crop(painted, margin)}
        if judging.condition_channels:
            pictures["condition"] = crop(batch["frame"], margin)
        return pictures


def _check(batch: Batch, config: RunConfig) -> None:
    frame, target = tuple(batch["frame"].shape), tuple(batch["target"].shape)
    if frame != target or frame[1] <= 2 * config.data.margin:
        raise ValueError(
            "`frame` and `target` are alike in shape and larger than twice data.margin. "
            f"Received: {frame} and {target}, margin {config.data.margin}. Cut both alike, judged + 2 * margin wide."
        )
    if "temporal" in config.terms:
        check_batch(batch, config)
