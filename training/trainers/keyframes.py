"""The training step from keyframes: patches of a frame beside the same patches as an artist painted them.

`frame` and `target` are (B, H, W, 3) at the size that the network sees; losses look at the inner square.
"""

from __future__ import annotations

from keras_vst.ops import Tensor, crop
from training.temporal import Batch, check_batch
from training.terms import Painted, Pictures, active
from training.trainers.critics import ByTerm, CriticTrainer


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
        """Painted patches with what the configured discriminator is shown beside them."""
        if not self.config.discriminator.condition_channels:
            return {"frames": patches}
        return {"frames": patches, "condition": crop(batch["frame"], self.config.data.margin)}
