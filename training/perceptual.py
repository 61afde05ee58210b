"""The training step from pictures: a student paints the frames of short clips, and is told how far off it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf
from keras import ops

from keras_vst import losses
from keras_vst.config import RunConfig
from keras_vst.models.student import build_student
from keras_vst.ops import Tensor, across_replicas, crop, repeat_edge
from keras_vst.zoo import DEFAULT_MARGIN
from training import noise
from training.minimize import minimize
from training.objective import LOOKED_AT, Judge, Memory
from training.temporal import Batch, check_batch, flatness_inside, flicker, variance
from training.trainer import Terms, Trainer, tensors

BORDER_PLACE = 11  # stream of noise
BORDER_SIDE = 128  # pixels of the square that is painted alone; the trunk sees 75 to each side


class PerceptualTrainer(Trainer):
    """`painting`: what VGG16 and the colours tell, and what holds still.  `base`: giving the frame back."""

    def __init__(
        self,
        config: RunConfig,
        judge: Judge | None,
        build: Callable[[], keras.Model] | None = None,
        others: Sequence[keras.Model] = (),
    ):
        """`others` are networks that learn along with the generator."""
        super().__init__(config, build or (lambda: build_student(config.student)), judge)
        self.generator_optimizer = self.new_optimizer(config.schedule.learning_rate, self.generator, *others)
        references = judge.references if judge else None
        self.memory = Memory(config, references, self.generator_optimizer.iterations)

    def train_step(self, batch: Batch) -> Terms:
        batch = tensors(batch)
        check_batch(batch, self.config)

        def objective() -> tuple[Tensor, Terms]:
            return self.weigh(self.terms(batch, self.paint_clip(batch)))

        _, logs = minimize(objective, self.generator.trainable_variables, self.generator_optimizer)
        self.update_average()
        return logs

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

    def terms(self, batch: Batch, stylized: list[Tensor]) -> Terms:
        """Every term that weighs something, unweighted."""
        wanted, margin = set(self.config.terms), self.config.data.margin
        shown, original = self.judged(batch, stylized)
        terms: Terms = {}
        if self._judge and wanted & set(LOOKED_AT):
            terms = self._judge.terms(shown, original, wanted, self.memory)
        if "temporal" in wanted:
            terms["temporal"] = flicker(batch, stylized, self.config)
        if "border" in wanted:
            terms["border"] = self.border(batch, stylized)
        if "grid" in wanted:
            inner, flat = crop(stylized[0], margin), flatness_inside(batch["clip"][:, 0], margin)
            seen = across_replicas(ops.sum(flat))
            terms["grid"] = losses.grid(inner, flat, variance(inner), seen=seen)
        if "reconstruction" in wanted:
            found = [losses.reconstruction(*pair) for pair in zip(stylized, _frames(batch), strict=True)]
            terms["reconstruction"] = sum(found) / len(found)
        return terms

    def border(self, batch: Batch, stylized: list[Tensor]) -> Tensor:
        """What is made of a square when it is all that there is, beside what was made of it in the whole.

        Only the former learns.  It is painted with norms over the batch, as all else in training: under their running
        means white everywhere was found to be a solution, since nothing else looks at the network in that state.
        """
        margin, frames = self.config.data.margin, batch["clip"][:, 0]
        side = min(BORDER_SIDE, frames.shape[1] - 2 * margin)
        seed, step = self.config.seed, self.generator_optimizer.iterations
        row, column = noise.place(margin, frames.shape[1] - margin - side, seed, step, BORDER_PLACE)

        def cut(whole: Tensor) -> Tensor:
            part = whole[:, row : row + side, column : column + side]
            return tf.ensure_shape(part, (whole.shape[0], side, side, 3))

        alone = self.paint(repeat_edge(cut(frames), DEFAULT_MARGIN))
        return losses.border(crop(alone, DEFAULT_MARGIN), ops.stop_gradient(cut(stylized[0])))


def _frames(batch: Batch) -> list[Tensor]:
    return [batch["clip"][:, time] for time in range(batch["clip"].shape[1])]
