"""The training step of the teacher: it walks through a clip and is handed its own last picture, moved by the flow."""

from __future__ import annotations

from keras import ops

from keras_vst import losses
from keras_vst.config import RunConfig
from keras_vst.models.teacher import build_teacher, first_inputs
from keras_vst.ops import Tensor, crop, warp
from training import noise
from training.objective import Judge
from training.perceptual import PerceptualTrainer, Walk, watch
from training.temporal import Batch
from training.trainer import Terms, Trainer

FEATURES = "up_4_relu"  # at a quarter of the frame, as the student's
GRAIN = 8  # pixels; a noise map varies strokes, not pixels
WALKED, OTHER = 1, 2  # streams of noise


class FilmTrainer(PerceptualTrainer):
    """`film`: perceptual and temporal terms over a clip, unrolled through what the flow carries on."""

    def __init__(self, config: RunConfig, judge: Judge | None):
        Trainer.__init__(self, config, lambda: build_teacher(config.teacher), judge)
        self._paint = watch(self.generator, FEATURES)
        self.generator_optimizer = self.new_optimizer(config.schedule.learning_rate, self.generator)

    def terms(self, batch: Batch, walk: Walk) -> Terms:
        """Those of the student, and that other noise gives other strokes."""
        terms = super().terms(batch, walk)
        if "diversity" in self.config.terms:
            first, margin = walk.given[0], self.config.data.margin
            other = self._paint({**first, "noise": self._noise(first["frame"], OTHER)})["stylized"]
            terms["diversity"] = losses.diversity(crop(walk.stylized[0], margin), crop(other, margin))
        return terms

    def _start(self, frame: Tensor, style: Tensor) -> dict[str, Tensor]:
        """Every other step without noise: zeros are the steady default, and must be practised as such."""
        given = first_inputs(frame, style, self.config.teacher)
        if self.config.teacher.noise_channels:
            given["noise"] = self._noise(frame, WALKED) * ops.cast(self._taken() % 2, "float32")
        return given

    def _next(self, batch: Batch, time: int, given: dict[str, Tensor], outputs: dict[str, Tensor]) -> dict:
        moved = warp(outputs["stylized"], batch["flow"][:, time - 1])
        visible = batch["visible"][:, time - 1]
        return {**given, "frame": batch["clip"][:, time], "warped": moved, "visible": visible}

    def _noise(self, frame: Tensor, stream: int) -> Tensor:
        """One map a clip, constant over blocks."""
        batch, height, width, _ = frame.shape
        shape = (batch, -(-height // GRAIN), -(-width // GRAIN), self.config.teacher.noise_channels)
        coarse = noise.normal(shape, self.config.seed, self._taken(), stream)
        fine = ops.repeat(ops.repeat(coarse, GRAIN, axis=1), GRAIN, axis=2)
        return fine[:, :height, :width]

    def _taken(self) -> Tensor:
        return ops.cast(self.generator_optimizer.iterations, "int64")
