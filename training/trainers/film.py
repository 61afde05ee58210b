"""The training step of the teacher: frame by frame, with its own last picture moved by the flow."""

from __future__ import annotations

from keras import ops

from keras_vst import losses
from keras_vst.config import RunConfig
from keras_vst.models.teacher import build_teacher, first_inputs
from keras_vst.ops import Tensor, crop, places_in_batch, warp
from training import backend
from training.objective import PerceptualLoss
from training.temporal import Batch
from training.terms import Painted
from training.trainers.perceptual import PerceptualTrainer

GRAIN = 8  # pixels; a noise map varies strokes, not pixels
CLIP, OTHER = 1, 2  # streams of noise


class FilmTrainer(PerceptualTrainer):
    """`film`: perceptual and temporal terms over a clip, unrolled through what the flow carries on."""

    def __init__(self, config: RunConfig, perceptual: PerceptualLoss | None):
        super().__init__(config, perceptual, lambda: build_teacher(config.teacher))

    def paint_clip(self, batch: Batch, training: bool = True) -> list[Tensor]:
        """Frame by frame, each with the painting before it, moved by the flow, where it can be seen."""
        clip, painted = batch["clip"], []
        given = self._start(clip[:, 0])
        for time in range(clip.shape[1]):
            if time:
                moved = warp(painted[-1], batch["flow"][:, time - 1])
                visible = batch["visible"][:, time - 1]
                given = {**given, "frame": clip[:, time], "warped": moved, "visible": visible}
            painted.append(self._painted(given, training))
        return painted

    def judged(self, batch: Batch, stylized: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Half the clips at their first frame, the others at their last, which has a past."""
        clip, margin = batch["clip"], self.config.data.margin
        places, whole = places_in_batch(clip.shape[0])
        begins = ops.reshape(places < whole // 2, (-1, 1, 1, 1))
        shown = ops.where(begins, stylized[0], stylized[-1])
        original = ops.where(begins, clip[:, 0], clip[:, -1])
        return crop(shown, margin), crop(original, margin)

    def diversity(self, painted: Painted) -> Tensor:
        """How alike the clip's first frame is painted with other noise."""
        first, margin = self._start(painted.batch["clip"][:, 0]), self.config.data.margin
        other = self._painted({**first, "noise": self._noise(first["frame"], OTHER)})
        return losses.diversity(crop(painted.stylized[0], margin), crop(other, margin))

    def _painted(self, given: dict[str, Tensor], training: bool = True) -> Tensor:
        return ops.cast(self.generator(given, training=training)["stylized"], "float32")

    def _start(self, frame: Tensor) -> dict[str, Tensor]:
        """Every other step without noise: zeros are the steady default, and must be practised as such."""
        given = first_inputs(frame, self.config.teacher)
        if self.config.teacher.noise_channels:
            given["noise"] = self._noise(frame, CLIP) * ops.cast(self._taken() % 2, "float32")
        return given

    def _noise(self, frame: Tensor, stream: int) -> Tensor:
        """One map a clip, constant over blocks."""
        batch, height, width, _ = frame.shape
        shape = (batch, -(-height // GRAIN), -(-width // GRAIN), self.config.teacher.noise_channels)
        coarse = backend.normal(shape, self.config.seed, self._taken(), stream)
        fine = ops.repeat(ops.repeat(coarse, GRAIN, axis=1), GRAIN, axis=2)
        return fine[:, :height, :width]

    def _taken(self) -> Tensor:
        return ops.cast(self.generator_optimizer.iterations, "int64")
