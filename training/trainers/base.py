"""What every trainer has: a network, the running mean of its weights, optimizers, ramps, and named terms.

A batch is a dict of float32 arrays; frames in [0, 1].  `train_step` logs each term raw under its name and
weighted under `weighted_<name>`, and `objective`, their sum.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
from keras import ops

from keras_vst.config import RunConfig
from keras_vst.ops import Tensor
from training.objective import PerceptualLoss
from training.temporal import Batch
from training.terms import DISCRIMINATOR, TERMS, VGG16, Painted, active, weight_of

RAISED = 1.5  # factor on the temporal term once the adversarial terms have entered, which like flicker
Terms = dict[str, Tensor]


class Trainer(keras.Model):
    """The common part; a subclass says in `train_step` what is learned from what.

    `generator` is trained; `averaged`, the running mean of its weights, is what is exported.
    """

    def __init__(
        self, config: RunConfig, build: Callable[[], keras.Model], perceptual: PerceptualLoss | None
    ):
        super().__init__(name=f"{config.kind}_trainer")
        _check_perceptual(config, perceptual)
        self.config = config
        self.generator = build()
        self.averaged = build()
        self.averaged.set_weights(self.generator.get_weights())
        self.averaged.trainable = False
        self.norms_held = False  # whether norms are, in training too, as they will be when the network runs
        self.looks = True  # whether this step looks through VGG16
        self.perceptual = perceptual
        self.compile(optimizer=None)
        self.built = True

    @property
    def step(self) -> int:
        """How many steps were taken, since the first start of the run."""
        return int(ops.convert_to_numpy(self.generator_optimizer.iterations))

    @property
    def networks(self) -> dict[str, keras.Model]:
        """Every network that takes part, by what it does."""
        return {"generator": self.generator}

    def terms(self, painted: Painted) -> Terms:
        """Every term that weighs something, unweighted; those of VGG16 only in steps that look through it."""
        left_out = () if self.looks else active(self.config, VGG16)
        names = [name for name in active(self.config) if name not in left_out]
        return {name: TERMS[name].function(painted) for name in names}

    def term_weights(self) -> Terms:
        """The weight of each term at this step."""
        loss, done = self.config.loss, self._done()
        entered = ramp(done, loss.adversarial_from, loss.adversarial_full)
        held = ramp(done, loss.temporal_from, loss.temporal_full)
        if active(self.config, DISCRIMINATOR):
            held = held * (1.0 + (RAISED - 1.0) * entered)
        ramps = {"temporal": held, "adversarial": entered, "": ops.ones(())}
        return {
            name: weight_of(name, self.config) * ramps[TERMS[name].enters] for name in active(self.config)
        }

    def weigh(self, terms: Terms) -> tuple[Tensor, Terms]:
        """The objective, and what is logged about it."""
        weights = self.term_weights()
        weighted = {name: weights[name] * term for name, term in terms.items()}
        objective = sum(weighted.values())
        logs = {f"weighted_{name}": term for name, term in weighted.items()}
        return objective, {"objective": objective, **terms, **logs}

    def scores(self, batch: Batch) -> Terms:
        """The logits of discriminators, where there are any, to be looked at."""
        return {}

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


def tensors(batch: Batch) -> dict[str, Tensor]:
    """The batch as tensors of the backend, whatever arrays it came in."""
    return {name: ops.convert_to_tensor(array, "float32") for name, array in batch.items()}


def ramp(done: Tensor, first: float, full: float) -> Tensor:
    """0 up to the share `first` of a run, 1 from `full` on, linear between."""
    if full <= first:
        return ops.cast(done >= full, "float32")
    return ops.clip((done - first) / (full - first), 0.0, 1.0)


def _check_perceptual(config: RunConfig, perceptual: PerceptualLoss | None) -> None:
    wanted = active(config, VGG16)
    if wanted and perceptual is None:
        raise ValueError(
            f"loss.{wanted[0]} needs VGG16 to look at pictures. Received: features=None. "
            "Load it with `features.load_vgg16`, or give these terms the weight 0."
        )
