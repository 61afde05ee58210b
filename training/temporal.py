"""What holds still: the earlier frame is moved onto the later, and what is left is change.

Data, trainers and loop ask the same pure functions, so that a resumed run finds itself where it was.

Clip and stylized frames are float32 in [0, 1]; flow is backward, (dx, dy) in pixels, at the size that the network
sees; what comes back belongs to the inner square that losses look at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from keras import ops

from keras_vst import losses
from keras_vst.config import RunConfig
from keras_vst.ops import Tensor, across_replicas, crop, luminance, warp

REACH = 24  # pixels that motion may look beyond what is judged; more than the fastest synthetic motion
FLAT_WINDOW = 9  # pixels; about a stroke
FLAT_DEVIATION = 0.03  # of luminance; sensor noise is 0.008, a visible texture 0.05

Batch = Mapping[str, Tensor]


def crop_side(config: RunConfig) -> int:
    """The side of the square that the network sees: what losses see, with a margin all around."""
    return config.schedule.judged_size + 2 * config.data.margin


def real_clips(config: RunConfig, step: int) -> bool:
    """Whether the batch number `step`, counted from 0, has real clips mixed in."""
    return step >= round(config.schedule.clips_from * config.schedule.steps)


def frame_pairs(num_frames: int) -> list[tuple[int, int]]:
    """The pairs (later, earlier) that temporal losses compare: neighbours."""
    return [(time, time - 1) for time in range(1, num_frames)]


def pairs_of(config: RunConfig) -> list[tuple[int, int]]:
    """The pairs for which a batch holds `flow` and `visible`: (a, b) says where each pixel of a was in b.

    A discriminator of motion wants the last frame moved back onto the one before it: one more pair.
    """
    pairs, last = frame_pairs(config.data.frames), config.data.frames - 1
    return [*pairs, (last - 1, last)] if painting_frames(config) == 3 else pairs


def painting_frames(config: RunConfig) -> int:
    """How many frames of a painting a discriminator is shown: 3 where it judges motion."""
    return 3 if config.loss.weights.get("adversarial_motion", 0.0) > 0 else 1


def check_batch(batch: Batch, config: RunConfig) -> None:
    """Refuse a batch whose flow belongs to other pairs, or that is too small to be judged."""
    clip, flow, wanted = batch["clip"].shape, batch["flow"].shape, len(pairs_of(config))
    if flow[1] != wanted or clip[1] != config.data.frames:
        raise ValueError(
            f"A batch needs {config.data.frames} frames and flow for the pairs {pairs_of(config)}. "
            f"Received: clip {tuple(clip)}, flow {tuple(flow)}. Make it with `pairs_of` of the same configuration."
        )
    if clip[2] <= 2 * config.data.margin:
        raise ValueError(
            f"Nothing is left inside a margin of {config.data.margin}. Received: clip {tuple(clip)}. "
            "Use crops of judged + 2 * margin."
        )


def flicker(batch: Batch, stylized: Sequence[Tensor], config: RunConfig) -> Tensor:
    """Mean change between neighbouring frames, in units of the variance of what was painted."""
    unit = variance(crop(stylized[0], config.data.margin))
    found = [_change(batch, stylized, later, unit, config) for later, _ in frame_pairs(len(stylized))]
    return sum(found) / len(found)


def aligned(frames: Sequence[Tensor], flow: Tensor) -> Tensor:
    """Three frames side by side, (B, H, W, 9), the outer two moved onto the middle one.

    `flow` is (B, 2, H, W, 2): from the middle frame to the one before it and to the one after it.
    """
    before, middle, after = frames
    return ops.concatenate([warp(before, flow[:, 0]), middle, warp(after, flow[:, 1])], axis=-1)


def aligned_last(batch: Batch, stylized: Sequence[Tensor], config: RunConfig) -> Tensor:
    """The last three frames of a stylized clip, aligned like those of a painting of the same size.

    Cut before they are moved: a painting has nothing beyond its edge either, and what repeats there must not
    tell the two apart.
    """
    last, margin = len(stylized) - 1, config.data.margin
    places = [pairs_of(config).index(pair) for pair in ((last - 1, last - 2), (last - 1, last))]
    flow = ops.stack([crop(batch["flow"][:, place], margin) for place in places], axis=1)
    return aligned([crop(frame, margin) for frame in stylized[-3:]], flow)


def variance(frames: Tensor) -> Tensor:
    """Of the colours of a batch, over all devices that share it; the mean of the three channels'."""
    own = ops.stack([ops.mean(frames, axis=(0, 1, 2)), ops.mean(ops.square(frames), axis=(0, 1, 2))])
    mean, square = ops.unstack(across_replicas(own))
    return ops.mean(square - ops.square(mean))


def flatness(frames: Tensor) -> Tensor:
    """How flat the surroundings of each pixel are: 1 for a clear sky, 0 in a meadow.

    (B, H, W, 3) -> (B, H - 8, W - 8, 1): exp(-(s / 0.03)^2), s the deviation of luminance in a 9x9 window.
    """
    light = luminance(frames)
    mean, mean_square = _window(light), _window(ops.square(light))
    variance = ops.maximum(mean_square - ops.square(mean), 0.0)
    return ops.exp(-variance / FLAT_DEVIATION**2)


def flatness_inside(frames: Tensor, margin: int) -> Tensor:
    """The same of the square that losses look at."""
    return flatness(crop(frames, margin - FLAT_WINDOW // 2))


def _change(batch: Batch, stylized: Sequence[Tensor], later: int, unit: Tensor, config: RunConfig) -> Tensor:
    """Relative squared difference between a frame and the one before it, moved into it."""
    margin = config.data.margin
    reach = min(margin, REACH)
    flow = crop(batch["flow"][:, later - 1], margin - reach)
    visible = crop(batch["visible"][:, later - 1], margin - reach) * _within(flow, reach)
    held = warp(crop(stylized[later - 1], margin - reach), flow)
    current, visible = crop(stylized[later], margin), crop(visible, reach)
    emphasis = None
    if config.loss.temporal_flat > 0:
        emphasis = 1.0 + config.loss.temporal_flat * flatness_inside(batch["clip"][:, later], margin)
    seen = across_replicas(ops.sum(visible))
    return losses.temporal(current, crop(held, reach), visible, unit, emphasis=emphasis, seen=seen)


def _within(flow: Tensor, reach: int) -> Tensor:
    """1 where a pixel came from at most `reach` away, so that nothing beyond the cut is made up."""
    return ops.cast(ops.max(ops.abs(flow), axis=-1, keepdims=True) <= reach, flow.dtype)


def _window(plane: Tensor) -> Tensor:
    down = ops.average_pool(plane, (FLAT_WINDOW, 1), 1)
    return ops.average_pool(down, (1, FLAT_WINDOW), 1)
