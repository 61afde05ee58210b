"""What every trainer has: a network, the running mean of its weights, optimizers, ramps, and named terms.

A batch is a dict of float32 arrays; frames in [0, 1].  `train_step` logs each term raw under its name and
weighted under `weighted_<name>`, and `objective`, their sum.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import keras
from keras import ops

from keras_vst.config import RunConfig
from keras_vst.ops import Tensor
from training.objective import LOOKED_AT, Judge, References

ADVERSARIAL = ("adversarial", "adversarial_motion", "adversarial_reverse")
Terms = dict[str, Tensor]


class Trainer(keras.Model):
    """The common part; a subclass says in `train_step` what is learned from what.

    `generator` is trained; `averaged`, the running mean of its weights, is what is exported.
    """

    def __init__(self, config: RunConfig, build: Callable[[], keras.Model], judge: Judge | None):
        super().__init__(name=f"{config.kind}_trainer")
        _check_judge(config, judge)
        self.config = config
        self.generator = build()
        self.averaged = build()
        self.averaged.set_weights(self.generator.get_weights())
        self.averaged.trainable = False
        self.norms_held = False  # whether norms are, in training too, as they will be when the network runs
        self._judge = judge
        self.compile(optimizer=None)
        self.built = True

    @property
    def step(self) -> int:
        """How many steps were taken, over all sittings."""
        return int(ops.convert_to_numpy(self.generator_optimizer.iterations))

    @property
    def networks(self) -> dict[str, keras.Model]:
        """Every network that takes part, by what it does."""
        return {"generator": self.generator}

    def term_weights(self) -> Terms:
        """The weight of each term at this step."""
        loss, done = self.config.loss, self._done()
        entered = ramp(done, loss.adversarial_from, loss.adversarial_full)
        held = ramp(done, loss.temporal_from, loss.temporal_full)
        if any(name in self.config.terms for name in ADVERSARIAL):
            held = held * (1.0 + (loss.temporal_raised - 1.0) * entered)
        ramps = {"temporal": held, **dict.fromkeys(ADVERSARIAL, entered)}
        return {name: getattr(loss, name) * ramps.get(name, ops.ones(())) for name in self.config.terms}

    def weigh(self, terms: Terms) -> tuple[Tensor, Terms]:
        """The objective, and what is logged about it.  A term that was forgotten is a KeyError."""
        weights = self.term_weights()
        weighted = {name: weights[name] * terms[name] for name in self.config.terms}
        objective = sum(weighted.values())
        logs = {f"weighted_{name}": term for name, term in weighted.items()}
        return objective, {"objective": objective, **{name: terms[name] for name in weighted}, **logs}

    def update_average(self) -> None:
        """Let `averaged` follow: at first quickly, for what it averages is not worth much yet."""
        taken = ops.cast(self.generator_optimizer.iterations, "float32")
        decay = ops.minimum(self.config.schedule.average, (1.0 + taken) / (10.0 + taken))
        for mean, weight in zip(self.averaged.weights, self.generator.weights, strict=True):
            mean.assign(mean * decay + ops.stop_gradient(weight.value) * (1.0 - decay))

    def new_optimizer(self, learning_rate: float, *networks: keras.Model, beta: float = 0.9):
        """Adam for the networks' weights, along a cosine; built at once, so that a checkpoint finds its place."""
        schedule = self.config.schedule
        decay = keras.optimizers.schedules.CosineDecay(learning_rate, schedule.steps, alpha=0.02)
        optimizer = keras.optimizers.Adam(decay, beta_1=beta, global_clipnorm=schedule.clip_norm)
        optimizer.build([variable for network in networks for variable in network.trainable_variables])
        return optimizer

    def _done(self) -> Tensor:
        """The share of the run that lies behind."""
        return ops.cast(self.generator_optimizer.iterations, "float32") / self.config.schedule.steps


def build_trainer(
    config: RunConfig, features: keras.Model | None = None, references: References | None = None
) -> Trainer:
    """The trainer that the configuration names.

    `features` is the frozen VGG16 and `references` what it makes of the style pictures (`style_references`);
    a run without the terms LOOKED_AT needs neither.
    """
    from training.adversarial import AdversarialTrainer
    from training.film import FilmTrainer
    from training.keyframes import KeyframeTrainer
    from training.perceptual import PerceptualTrainer

    trainers = {
        "base": PerceptualTrainer,
        "perceptual": PerceptualTrainer,
        "adversarial": AdversarialTrainer,
        "film": FilmTrainer,
        "keyframes": KeyframeTrainer,
    }
    return trainers[config.kind](config, Judge(features, references) if features is not None else None)


def tensors(batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The batch as tensors of the backend, whatever arrays it came in."""
    return {name: ops.convert_to_tensor(array, "float32") for name, array in batch.items()}


def _check_judge(config: RunConfig, judge: Judge | None) -> None:
    wanted = [name for name in LOOKED_AT if name in config.terms]
    if wanted and judge is None:
        raise ValueError(
            f"loss.{wanted[0]} needs VGG16 to look at pictures. Received: features=None. "
            "Load it with `features.load_vgg16`, or give these terms the weight 0."
        )


def ramp(done: Tensor, first: float, full: float) -> Tensor:
    """0 up to the share `first` of a run, 1 from `full` on, linear between."""
    if full <= first:
        return ops.cast(done >= full, "float32")
    return ops.clip((done - first) / (full - first), 0.0, 1.0)
