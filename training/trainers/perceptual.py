"""The training step from pictures, which every other builds on: a student paints the frames of short clips.

A batch is a dict of float32 arrays; frames in [0, 1].  `train_step` logs each term raw under its name and
weighted under `weighted_<name>`, and `objective`, their sum.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import tensorflow as tf
from keras import ops

from keras_vst import losses
from keras_vst.config import RunConfig
from keras_vst.models import build_network
from keras_vst.ops import Tensor, crop, repeat_edge
from keras_vst.zoo import DEFAULT_MARGIN
from training import backend
from training.objective import Memory, PerceptualLoss
from training.temporal import Batch, check_batch
from training.terms import DISCRIMINATOR, TERMS, VGG16, Painted, active, weight_of

RAISED = 1.5  # factor on the temporal term once the adversarial terms have entered, which like flicker
TEMPORAL_ENTERS = 0.06, 0.36  # shares of the run after which it counts, and at which it counts fully
AVERAGE = 0.996  # decay of the running mean of the weights, which is what is exported
Terms = dict[str, Tensor]
BORDER_PLACE = 11  # stream of noise
BORDER_SIDE = 128  # pixels of the square that is painted alone; the trunk sees 75 to each side


class PerceptualTrainer(keras.Model):
    """`painting`: what VGG16 and the colours tell, and what holds still.  `base`: giving the frame back.

    `look`: giving what a pipeline makes of it.  Of `generator`, which is trained, `averaged` is the running mean of the
    weights, which is exported.  Others say in `painted` and `terms` what more there is.
    """

    def __init__(
        self,
        config: RunConfig,
        perceptual: PerceptualLoss | None,
        build: Callable[[], keras.Model] | None = None,
        reverse: keras.Model | None = None,
    ):
        """`reverse` is a network that learns along with the generator."""
        super().__init__(name=f"{config.kind}_trainer")
        _check_perceptual(config, perceptual)
        build = build or (lambda: build_network(config))
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
        others = [reverse] if reverse else []
        self.generator_optimizer = self.new_optimizer(config.schedule.learning_rate, self.generator, *others)
        references = perceptual.references if perceptual else None
        self.memory = Memory(config, references, self.generator_optimizer.iterations)
        self.reverse = reverse

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
        held = ramp(done, *TEMPORAL_ENTERS)
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
        decay = ops.minimum(AVERAGE, (1.0 + taken) / (10.0 + taken))
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

    def train_step(self, batch: Batch) -> Terms:
        batch = tensors(batch)
        self.check(batch)
        logs, _ = self.train_generators(batch)
        self.update_average()
        return logs

    def check(self, batch: Batch) -> None:
        """Refuse a batch of other shapes than the configuration promises."""
        check_batch(batch, self.config)

    def train_generators(self, batch: Batch) -> tuple[Terms, Painted]:
        """One step of what paints; the terms, and what was painted."""

        def objective() -> tuple[Tensor, tuple[Terms, Painted]]:
            painted = self.painted(batch)
            value, logs = self.weigh(self.terms(painted))
            return value, (logs, painted)

        networks = [self.generator, self.reverse] if self.reverse else [self.generator]
        variables = [variable for network in networks for variable in network.trainable_variables]
        return backend.minimize(objective, variables, self.generator_optimizer)[1]

    def painted(self, batch: Batch, training: bool = True) -> Painted:
        """What is made of a batch."""
        stylized = self.paint_clip(batch, training)
        return Painted(self, batch, stylized, *self.judged(batch, stylized))

    def paint(self, frames: Tensor, training: bool = True) -> Tensor:
        """Frames, (B, H, W, 3), as the network paints them."""
        training = training and not self.norms_held
        return ops.cast(self.generator({"frame": frames}, training=training)["stylized"], "float32")

    def paint_clip(self, batch: Batch, training: bool = True) -> list[Tensor]:
        """Each frame of the clips, (B, H, W, 3) a frame; all in one pass, for none knows of the others."""
        clip = batch["clip"]
        frames = [clip[:, time] for time in range(clip.shape[1])]
        return ops.split(self.paint(ops.concatenate(frames), training), len(frames))

    def judged(self, batch: Batch, stylized: list[Tensor]) -> tuple[Tensor, Tensor]:
        """What VGG16 looks at, and what was painted there: the first frame of each clip."""
        margin = self.config.data.margin
        return crop(stylized[0], margin), crop(batch["clip"][:, 0], margin)

    def border(self, batch: Batch, stylized: list[Tensor]) -> Tensor:
        """What is made of a square when it is all that there is, beside what was made of it in the whole.

        Only the former learns.  It is painted with norms over the batch, as all else in training: under their running
        means white everywhere was found to be a solution, since nothing else looks at the network in that state.
        """
        margin, frames = self.config.data.margin, batch["clip"][:, 0]
        side = min(BORDER_SIDE, frames.shape[1] - 2 * margin)
        seed, step = self.config.seed, self.generator_optimizer.iterations
        row, column = backend.place(margin, frames.shape[1] - margin - side, seed, step, BORDER_PLACE)

        def cut(whole: Tensor) -> Tensor:
            part = whole[:, row : row + side, column : column + side]
            return tf.ensure_shape(part, (whole.shape[0], side, side, 3))

        alone = self.paint(repeat_edge(cut(frames), DEFAULT_MARGIN))
        return losses.border(crop(alone, DEFAULT_MARGIN), ops.stop_gradient(cut(stylized[0])))


class DistilTrainer(PerceptualTrainer):
    """`distil`: what the teacher painted, and no more change from frame to frame than its own."""

    def check(self, batch: Batch) -> None:
        """Refuse pictures of other frames than those of the clip."""
        super().check(batch)
        clip, taught = tuple(batch["clip"].shape), tuple(batch["taught"].shape)
        if clip != taught:
            raise ValueError(
                f"`taught` holds each frame of `clip` as a teacher paints it. Received: {taught} for {clip}. "
                "Make both from one clip."
            )

    def painted(self, batch: Batch, training: bool = True) -> Painted:
        """What is made of the clips, beside what the teacher makes of them."""
        painted = super().painted(batch, training)
        painted.taught = [batch["taught"][:, time] for time in range(batch["taught"].shape[1])]
        painted.target = crop(painted.taught[0], self.config.data.margin)
        return painted


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
