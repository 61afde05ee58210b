"""The training steps with discriminators: from keyframes, from a collection or a style video.

Pictures are dicts of a discriminator's named inputs (`frames` in [0, 1], `condition`); real and fake ones alike in
shape.  From a collection a student paints photos; a reverse generator makes photos of paintings, so that what was
painted can be read back; discriminators tell painted pictures, their motion, and returned photos from real ones.
From keyframes `frame` and `target` are (B, H, W, 3) at the size that the network sees: patches of a frame and the
same as an artist painted them.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import cast

import keras
import numpy as np
from keras import ops

from keras_vst import losses
from keras_vst.config import RunConfig
from keras_vst.models import build_network
from keras_vst.models.discriminator import build_discriminator
from keras_vst.ops import Tensor, crop
from training import backend
from training.objective import PerceptualLoss
from training.temporal import Batch, aligned, aligned_last, check_batch, painting_frames
from training.terms import DISCRIMINATOR, REVERSE, Painted, Pictures, active
from training.trainers.perceptual import PerceptualTrainer, Terms, tensors

POWER_SIDE = 32  # pixels; what is shown while weights are normed does not matter, so it is small
ByTerm = dict[str, Pictures]  # the term a discriminator belongs to -> what it is shown


class CriticTrainer(PerceptualTrainer):
    """A trainer whose pictures must also pass for real ones, with a discriminator for each such term."""

    def __init__(
        self, config: RunConfig, perceptual: PerceptualLoss | None, reverse: keras.Model | None = None
    ):
        super().__init__(config, perceptual, reverse=reverse)
        self.discriminators = {
            name: build_discriminator(
                config.discriminator,
                num_frames=3 if name == "adversarial_motion" else 1,
                conditioned=config.kind == "keyframes",
            )
            for name in active(config, DISCRIMINATOR)
        }
        self.discriminator_optimizer = self.new_optimizer(
            config.schedule.discriminator_learning_rate, *self.discriminators.values(), beta=0.5
        )

    @property
    def networks(self) -> dict[str, keras.Model]:
        """Every network that takes part, by what it does."""
        return {**super().networks, **self.discriminators}

    @abstractmethod
    def reals(self, batch: Batch) -> ByTerm:
        """What each discriminator is to take for real."""
        ...

    def train_step(self, batch: Batch) -> Terms:
        batch = tensors(batch)
        self.check(batch)
        logs, painted = self.train_generators(batch)
        self.update_average()
        return logs | (self.train_discriminators(batch, painted.fakes) if self.discriminators else {})

    def train_discriminators(self, batch: Batch, fakes: ByTerm) -> Terms:
        """One step of all discriminators; their objective and the mean scores they gave."""
        reals = self.reals(batch)

        def tell_all_apart() -> tuple[Tensor, Terms]:
            found, scores = [], {}
            for name, network in self.discriminators.items():
                fake = keras.tree.map_structure(ops.stop_gradient, fakes[name])
                one, means = tell_apart(network, reals[name], fake)
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
        return _mean([losses.generator_adversarial(one) for one in _scores(self.discriminators[name], fake)])

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
    discriminator: keras.Model, real: Pictures, fake: Pictures
) -> tuple[Tensor, dict[str, Tensor]]:
    """What the discriminator minimizes, and the mean scores `score_real` and `score_fake` that it gave."""
    both = {name: ops.concatenate([real[name], fake[name]]) for name in real}
    scores = [ops.split(score, 2) for score in _scores(discriminator, both)]
    objective = _mean([losses.discriminator_adversarial(*pair) for pair in scores])
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


def _scores(discriminator: keras.Model, pictures: Pictures) -> list[Tensor]:
    outputs = discriminator(pictures, training=False)
    return [ops.cast(outputs[f"scores_{scale}"], "float32") for scale in range(len(outputs))]


def _mean(terms: list[Tensor]) -> Tensor:
    return sum(terms) / len(terms)


class KeyframeTrainer(CriticTrainer):
    """`keyframes`: what the artist painted, a discriminator that has seen frame and painting side by side."""

    def check(self, batch: Batch) -> None:
        frame, target = tuple(batch["frame"].shape), tuple(batch["target"].shape)
        margin = self.config.data.margin
        if frame != target or frame[1] <= 2 * margin:
            raise ValueError(
                "`frame` and `target` are alike in shape and larger than twice data.margin. "
                f"Received: {frame} and {target}, margin {margin}. Cut both alike, judged + 2 * margin wide."
            )
        if "temporal" in active(self.config):
            check_batch(batch, self.config)

    def painted(self, batch: Batch, training: bool = True) -> Painted:
        """What is made of the patches, and of the clip where it is to hold still."""
        margin, patches = self.config.data.margin, self.paint(batch["frame"], training)
        stylized = self.paint_clip(batch, training) if "temporal" in active(self.config) else []
        target, original = crop(batch["target"], margin), crop(batch["frame"], margin)
        painted = Painted(self, batch, stylized, crop(patches, margin), original, target)
        painted.fakes["adversarial"] = self._beside(painted.shown, batch)
        return painted

    def reals(self, batch: Batch) -> ByTerm:
        """As the artist painted it."""
        return {"adversarial": self._beside(crop(batch["target"], self.config.data.margin), batch)}

    def _beside(self, patches: Tensor, batch: Batch) -> Pictures:
        """Painted patches, and the frame beside them."""
        return {"frames": patches, "condition": crop(batch["frame"], self.config.data.margin)}


class AdversarialTrainer(CriticTrainer):
    """`collection` and `clip`: the perceptual terms, and passing for a picture of the collection."""

    def __init__(self, config: RunConfig, perceptual: PerceptualLoss | None):
        super().__init__(config, perceptual, build_network(config) if active(config, REVERSE) else None)

    @property
    def networks(self) -> dict[str, keras.Model]:
        """Every network that takes part, by what it does."""
        return {**super().networks, **({"reverse": self.reverse} if self.reverse else {})}

    def check(self, batch: Batch) -> None:
        check_batch(batch, self.config)
        side, frames = batch["clip"].shape[2] - 2 * self.config.data.margin, painting_frames(self.config)
        if tuple(batch["painting"].shape[1:]) != (frames, side, side, 3):
            raise ValueError(
                f"`painting` needs {frames} frame(s) of {side}x{side}, the size that is judged. "
                f"Received: {tuple(batch['painting'].shape)}. See `painting_frames`."
            )

    def painted(self, batch: Batch, training: bool = True) -> Painted:
        """What is made of a batch, and what is made of the paintings in it."""
        painted = super().painted(batch, training)
        if self.reverse is not None:
            painted.photo = self._to_photo(_middle(batch["painting"]))
            painted.fakes["adversarial_reverse"] = {"frames": painted.photo}
        if "adversarial" in self.discriminators:
            painted.fakes["adversarial"] = {"frames": painted.shown}
        if "adversarial_motion" in self.discriminators:
            frames = aligned_last(batch, painted.stylized, self.config)
            painted.fakes["adversarial_motion"] = {"frames": frames}
        return painted

    def reals(self, batch: Batch) -> ByTerm:
        """Of the collection; for returned photos, the photos."""
        painting, clip = batch["painting"], batch["clip"]
        photo = crop(clip[:, clip.shape[1] // 2], self.config.data.margin)
        reals = {"adversarial": {"frames": _middle(painting)}, "adversarial_reverse": {"frames": photo}}
        if "adversarial_motion" in self.discriminators:
            frames = [painting[:, time] for time in range(painting.shape[1])]
            reals["adversarial_motion"] = {"frames": aligned(frames, batch["painting_flow"])}
        return reals

    def cycle(self, painted: Painted) -> Tensor:
        """There and back: photo -> painting -> photo, painting -> photo -> painting."""
        margin = self.config.data.margin
        returned = crop(self._to_photo(painted.stylized[0]), margin)
        there = losses.apart(returned, crop(painted.batch["clip"][:, 0], margin))
        again = self.paint(painted.photo, training=False)  # no frame of ours, so its statistics do not count
        return there + losses.apart(again, _middle(painted.batch["painting"]))

    def identity(self, painted: Painted) -> Tensor:
        """A painting is left alone."""
        painting = _middle(painted.batch["painting"])
        return losses.apart(self.paint(painting, training=False), painting)

    def _to_photo(self, painting: Tensor) -> Tensor:
        """Norms over the batch: its running means are of paintings and of painted photos alike."""
        returned = cast(keras.Model, self.reverse)({"frame": painting}, training=True)
        return ops.cast(returned["stylized"], "float32")


def _middle(painting: Tensor) -> Tensor:
    """The one frame, or the middle one of three."""
    return painting[:, painting.shape[1] // 2]
