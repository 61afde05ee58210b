"""Which frames of a clip are compared: pairs (later, earlier) whose flow leads from the first to the second."""

from __future__ import annotations

from keras_vst.config import RunConfig


def frame_pairs(num_frames: int) -> list[tuple[int, int]]:
    """The pairs (later, earlier) that temporal losses compare: neighbours."""
    return [(time, time - 1) for time in range(1, num_frames)]


def pairs_of(config: RunConfig) -> list[tuple[int, int]]:
    """The pairs for which a batch holds `flow` and `visible`: (a, b) says where each pixel of a was in b.

    A discriminator of motion wants the last frame moved back onto the one before it: one more pair.
    """
    frames = config.data.frames
    pairs = frame_pairs(frames)
    return [*pairs, (frames - 2, frames - 1)] if config.loss.adversarial_motion > 0 else pairs
