"""The training step from a collection or a style video: pictures of one hand, none of them of our photos.

A student paints photos; a reverse generator makes photos of paintings, so that what was painted can be read
back; discriminators tell painted pictures, their motion, and returned photos from real ones.
"""

from __future__ import annotations

from typing import cast

import keras
from keras import ops

from keras_vst import losses
from keras_vst.config import RunConfig
from keras_vst.models import build_network
from keras_vst.ops import Tensor, crop
from training.objective import PerceptualLoss
from training.stages import painting_frames
from training.temporal import Batch, aligned, aligned_last, check_batch
from training.terms import REVERSE, Painted, active
from training.trainers.critics import ByTerm, CriticTrainer


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
                f"Received: {tuple(batch['painting'].shape)}. See `painting_frames` and `stage` in stages.py."
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
        return there + losses.apart(self._once(painted.photo), _middle(painted.batch["painting"]))

    def identity(self, painted: Painted) -> Tensor:
        """A painting is left alone."""
        painting = _middle(painted.batch["painting"])
        return losses.apart(self._once(painting), painting)

    def _to_photo(self, painting: Tensor) -> Tensor:
        """Norms over the batch: its running means are of paintings and of painted photos alike."""
        returned = cast(keras.Model, self.reverse)({"frame": painting}, training=True)
        return ops.cast(returned["stylized"], "float32")

    def _once(self, frame: Tensor | None) -> Tensor:
        """Paint a picture that is no frame of ours, whose statistics are not to be followed."""
        return self.paint(frame, training=False)


def _middle(painting: Tensor) -> Tensor:
    """The one frame, or the middle one of three."""
    return painting[:, painting.shape[1] // 2]
