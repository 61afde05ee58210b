"""The training step from a collection or a style video: pictures of one hand, none of them of our photos.

A student paints photos; a reverse generator makes photos of paintings, so that what was painted can be read
back; discriminators tell painted pictures, their motion, and returned photos from real ones.
"""

from __future__ import annotations

import dataclasses
from typing import cast

import keras
from keras import ops

from keras_vst import losses
from keras_vst.config import DiscriminatorConfig, RunConfig
from keras_vst.models.discriminator import build_discriminator
from keras_vst.models.student import build_student
from keras_vst.ops import Tensor, crop
from training import critics, noise
from training.critics import Pictures
from training.minimize import minimize
from training.objective import Judge
from training.perceptual import PerceptualTrainer
from training.temporal import Batch, aligned, aligned_last, check_batch
from training.trainer import ADVERSARIAL, Terms, tensors

Fakes = dict[str, Pictures]  # the term a discriminator belongs to -> what it is shown


class AdversarialTrainer(PerceptualTrainer):
    """`collection` and `clip`: the perceptual terms, and passing for a picture of the collection."""

    def __init__(self, config: RunConfig, judge: Judge | None):
        translated = {"cycle", "adversarial_reverse"} & set(config.terms)
        reverse = build_student(config.student) if translated else None
        super().__init__(config, judge, others=[reverse] if reverse else [])
        self.reverse = reverse
        self.discriminators = {
            name: build_discriminator(_looks_at(name, config)) for name in ADVERSARIAL if name in config.terms
        }
        self.discriminator_optimizer = self.new_optimizer(
            config.schedule.discriminator_learning_rate, *self.discriminators.values(), beta=0.5
        )

    @property
    def networks(self) -> dict[str, keras.Model]:
        """Every network that takes part, by what it does."""
        reverse = {"reverse": self.reverse} if self.reverse else {}
        return {**super().networks, **reverse, **self.discriminators}

    def train_step(self, batch: Batch) -> Terms:
        batch = tensors(batch)
        check_batch(batch, self.config)
        _check_painting(batch, self.config)
        logs, fakes = self.train_generators(batch)
        self.update_average()
        return logs | (self.train_discriminators(batch, fakes) if self.discriminators else {})

    def train_generators(self, batch: Batch) -> tuple[Terms, Fakes]:
        """One step of student and reverse generator; the terms, and what the discriminators are to be shown."""

        def paint() -> tuple[Tensor, tuple[Terms, Fakes]]:
            terms, fakes = self.all_terms(batch)
            objective, logs = self.weigh(terms)
            return objective, (logs, fakes)

        painters = [self.generator, self.reverse] if self.reverse else [self.generator]
        variables = [variable for network in painters for variable in network.trainable_variables]
        return minimize(paint, variables, self.generator_optimizer)[1]

    def train_discriminators(self, batch: Batch, fakes: Fakes) -> Terms:
        """One step of all discriminators; their objective and the mean scores they gave."""
        reals = self._reals(batch, fakes)
        seed, step = self.config.seed, self.discriminator_optimizer.iterations

        def tell_apart() -> tuple[Tensor, Terms]:
            found, scores = [], {}
            for stream, (name, network) in enumerate(self.discriminators.items()):
                pictures = reals[name], keras.tree.map_structure(ops.stop_gradient, fakes[name])
                blend = noise.uniform((pictures[0]["frames"].shape[0],), seed, step, stream)
                one, means = critics.tell_apart(network, *pictures, blend, self.config.loss)
                found.append(one)
                scores |= {
                    f"{score}{name.removeprefix('adversarial')}": mean for score, mean in means.items()
                }
            return sum(found), scores

        for network in self.discriminators.values():
            critics.norm_weights(network)
        variables = [v for network in self.discriminators.values() for v in network.trainable_variables]
        objective, scores = minimize(tell_apart, variables, self.discriminator_optimizer)
        return {"discriminator": objective, **scores}

    def all_terms(self, batch: Batch) -> tuple[Terms, Fakes]:
        """Every term that weighs something, and what was painted on the way."""
        stylized, photo = self.paint_clip(batch), self._to_photo(batch)
        fakes = self._fakes(batch, stylized, photo)
        terms = self.terms(batch, stylized) | self._there_and_back(batch, stylized, photo)
        for name, network in self.discriminators.items():
            terms[name] = critics.fool(network, fakes[name], self.config.loss)
        return terms, fakes

    def scores(self, batch: Batch) -> dict[str, Tensor]:
        """The logits that each discriminator gives real and generated pictures, each in a row."""
        batch = tensors(batch)
        fakes = self._fakes(batch, self.paint_clip(batch, training=False), self._to_photo(batch))
        reals = self._reals(batch, fakes)
        return {
            f"{name}_{side}": critics.logits(network, pictures[name])
            for name, network in self.discriminators.items()
            for side, pictures in (("real", reals), ("fake", fakes))
        }

    def _there_and_back(self, batch: Batch, stylized: list[Tensor], photo: Tensor | None) -> Terms:
        """What a translation must keep: photo -> painting -> photo, painting -> photo -> painting."""
        wanted, terms, margin = self.config.terms, {}, self.config.data.margin
        painting = _middle(batch["painting"])
        if "cycle" in wanted:
            returned = crop(self._to_frames(stylized[0]), margin)
            terms["cycle"] = losses.cycle(returned, crop(batch["clip"][:, 0], margin))
            terms["cycle"] += losses.cycle(self._once(photo), painting)
        if "identity" in wanted:
            terms["identity"] = losses.identity(self._once(painting), painting)
        return terms

    def _to_photo(self, batch: Batch) -> Tensor | None:
        return None if self.reverse is None else self._to_frames(_middle(batch["painting"]))

    def _to_frames(self, painting: Tensor) -> Tensor:
        """Norms over the batch: its running means are of paintings and of painted photos alike."""
        returned = cast(keras.Model, self.reverse)({"frame": painting}, training=True)
        return ops.cast(returned["stylized"], "float32")

    def _once(self, frame: Tensor) -> Tensor:
        """Paint a picture that is no frame of ours, whose statistics are not to be followed."""
        return self.paint(frame, training=False)

    def _fakes(self, batch: Batch, stylized: list[Tensor], photo: Tensor | None) -> Fakes:
        """What each discriminator is shown of ours."""
        fakes = {}
        if "adversarial" in self.discriminators:
            fakes["adversarial"] = self._beside(*self.judged(batch, stylized))
        if "adversarial_motion" in self.discriminators:
            fakes["adversarial_motion"] = {"frames": aligned_last(batch, stylized, self.config)}
        if photo is not None:
            fakes["adversarial_reverse"] = {"frames": photo}
        return fakes

    def _reals(self, batch: Batch, fakes: Fakes) -> Fakes:
        """The same of the collection.  A painting has no photo: what the reverse generator made stands in."""
        painting, photo = batch["painting"], fakes.get("adversarial_reverse", {}).get("frames")
        condition = None if photo is None else ops.stop_gradient(photo)
        reals = {"adversarial": self._beside(_middle(painting), condition)}
        if "adversarial_motion" in self.discriminators:
            frames = [painting[:, time] for time in range(painting.shape[1])]
            reals["adversarial_motion"] = {"frames": aligned(frames, batch["painting_flow"])}
        middle, margin = batch["clip"].shape[1] // 2, self.config.data.margin
        return {**reals, "adversarial_reverse": {"frames": crop(batch["clip"][:, middle], margin)}}

    def _beside(self, frames: Tensor, condition: Tensor | None) -> Pictures:
        """Pictures with what the configured discriminator is shown beside them."""
        if self.config.discriminator.condition_channels and condition is not None:
            return {"frames": frames, "condition": condition}
        return {"frames": frames}


def _looks_at(name: str, config: RunConfig) -> DiscriminatorConfig:
    """The settings of the discriminator of pictures, of motion, or of returned photos."""
    judging = config.discriminator
    if name == "adversarial_motion":
        return dataclasses.replace(judging, num_frames=3, condition_channels=0)
    if name == "adversarial_reverse":
        return dataclasses.replace(judging, condition_channels=0)
    return judging


def _middle(painting: Tensor) -> Tensor:
    """The one frame, or the middle one of three."""
    return painting[:, painting.shape[1] // 2]


def _check_painting(batch: Batch, config: RunConfig) -> None:
    side, frames = batch["clip"].shape[2] - 2 * config.data.margin, config.painting_frames
    if tuple(batch["painting"].shape[1:]) != (frames, side, side, 3):
        raise ValueError(
            f"`painting` needs {frames} frame(s) of {side}x{side}, the size that is judged. "
            f"Received: {tuple(batch['painting'].shape)}. See `config.painting_frames` and `stage(config, step)`."
        )
