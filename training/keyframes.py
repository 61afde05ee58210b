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
from training.perceptual import SENSOR_NOISE, PerceptualTrainer
from training.temporal import Batch, check_batch, feature_flicker, flicker
from training.trainer import TEMPORAL, Terms, tensors


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
            painted = self._paint_twice(batch)
            terms = self._patch_terms(batch, painted) | self._clip_terms(batch)
            objective, logs = self.weigh(terms, batch["style"])
            return objective, (logs, painted[-1])

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
        pairs = {"real": batch["target"], "fake": self._paint_twice(batch, training=False)[-1]}
        return {
            f"adversarial_{side}": critics.logits(self.discriminator, self._beside(painted, batch))
            for side, painted in pairs.items()
        }

    def _paint_twice(self, batch: Batch, training: bool = True) -> list[Tensor]:
        """The patch without a past, and once more, under other sensor noise, with the state that it left.

        A live student always has a past: trained on first frames alone, it would run away on the second.
        """
        frame = batch["frame"]
        grain = noise.normal(tuple(frame.shape), self.config.seed, self.generator_optimizer.iterations)
        given = self._start(frame, batch["style"])
        first = self._paint(given, training)
        again = {**given, "frame": frame + SENSOR_NOISE * grain, "state": first["state"]}
        return [first["stylized"], self._paint(again, training)["stylized"]]

    def _patch_terms(self, batch: Batch, painted: list[Tensor]) -> Terms:
        wanted, margin = self.config.terms, self.config.data.margin
        first, again, target = (crop(one, margin) for one in (*painted, batch["target"]))
        terms = self._judge.nearness(again, target, wanted) if self._judge else {}
        if "supervised" in wanted:
            terms["supervised"] = (losses.supervised(first, target) + losses.supervised(again, target)) / 2
        if "stability" in wanted:
            terms["stability"] = losses.stability(first, again)
        if "smoothness" in wanted:
            terms["smoothness"] = losses.smoothness(again)
        if self.discriminator:
            fake = self._beside(painted[-1], batch)
            terms["adversarial"] = critics.fool(self.discriminator, fake, self.config.loss)
        return terms

    def _clip_terms(self, batch: Batch) -> Terms:
        """What holds still in the clip itself, where that is asked for."""
        wanted = set(self.config.terms)
        if not wanted & set(TEMPORAL):
            return {}
        walk = self.walk(batch)
        terms = flicker(walk.batch, walk.stylized, self.config)
        if "temporal_features" in wanted:
            margin = self.config.data.margin
            terms["temporal_features"] = feature_flicker(walk.batch, walk.features, margin)
        return terms

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
        if judging.num_styles:
            pictures["style"] = batch["style"]
        return pictures


def _check(batch: Batch, config: RunConfig) -> None:
    frame, target = tuple(batch["frame"].shape), tuple(batch["target"].shape)
    if frame != target or frame[1] <= 2 * config.data.margin:
        raise ValueError(
            "`frame` and `target` are alike in shape and larger than twice data.margin. "
            f"Received: {frame} and {target}, margin {config.data.margin}. Cut both alike, judged + 2 * margin wide."
        )
    if set(config.terms) & set(TEMPORAL):
        check_batch(batch, config)
