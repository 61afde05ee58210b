"""The training step from a teacher: each frame of the clips beside the same frame as the teacher paints it.

`taught` is (B, T, H, W, 3), of the size that the network sees, as `clip` is.
"""

from __future__ import annotations

from keras_vst.ops import crop
from training.temporal import Batch
from training.terms import Painted
from training.trainers.perceptual import PerceptualTrainer


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
