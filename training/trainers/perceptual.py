"""The training step from pictures: a student paints the frames of short clips, and is told how far off it is."""

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
from training.terms import Painted
from training.trainers.base import Terms, Trainer, tensors

BORDER_PLACE = 11  # stream of noise
BORDER_SIDE = 128  # pixels of the square that is painted alone; the trunk sees 75 to each side


class PerceptualTrainer(Trainer):
    """`painting`: what VGG16 and the colours tell, and what holds still.  `base`: giving the frame back.

    `look`: giving what a pipeline makes of it.
    """

    def __init__(
        self,
        config: RunConfig,
        perceptual: PerceptualLoss | None,
        build: Callable[[], keras.Model] | None = None,
        reverse: keras.Model | None = None,
    ):
        """`reverse` is a network that learns along with the generator."""
        super().__init__(config, build or (lambda: build_network(config)), perceptual)
        others = [reverse] if reverse else []
        self.generator_optimizer = self.new_optimizer(config.schedule.learning_rate, self.generator, *others)
        references = perceptual.references if perceptual else None
        self.memory = Memory(config, references, self.generator_optimizer.iterations)
        self.reverse = reverse

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
