"""What holds still: which frames are compared, how the earlier one is moved onto the later, how much is left.

clip and stylized frames are float32 in [0, 1]; flow is backward, (dx, dy) in pixels, at the size that the
network sees; what comes back belongs to the inner square that losses judge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from keras import ops

from keras_vst import losses
from keras_vst.config import RunConfig
from keras_vst.ops import Tensor, across_replicas, crop, luminance, warp
from training.pairs import frame_pairs, pairs_of

REACH = 24  # pixels that motion may look beyond what is judged; three frames of the fastest synthetic motion
FLAT_WINDOW = 9  # pixels; about a stroke
FLAT_DEVIATION = 0.03  # of luminance; sensor noise is 0.008, a visible texture 0.05
STRIDE = 4  # features are a quarter of the frame

Batch = Mapping[str, Tensor]


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


def flicker(batch: Batch, stylized: Sequence[Tensor], config: RunConfig) -> dict[str, Tensor]:
    """`temporal`: mean change between neighbouring frames; `long_term`: between the last and the first."""
    pairs = frame_pairs(len(stylized))
    found = [_change(batch, stylized, index, config) for index in range(len(pairs))]
    neighbours = found[: len(stylized) - 1]
    return {"temporal": sum(neighbours) / len(neighbours), "long_term": found[-1]}


def feature_flicker(batch: Batch, features: Sequence[Tensor], margin: int) -> Tensor:
    """The same on features at a quarter of the size, relative to their own mean square."""
    margin, reach = _quarter(margin)
    changes = []
    for index in range(len(features) - 1):
        flow = _shrink(batch["flow"][:, index]) / STRIDE
        visible = ops.floor(_shrink(batch["visible"][:, index]) + 1e-3)  # every pixel of the block is seen
        flow, visible, current, earlier = (
            crop(field, margin) for field in (flow, visible, features[index + 1], features[index])
        )
        visible = visible * _within(flow, reach)
        held, visible, current = (crop(field, reach) for field in (warp(earlier, flow), visible, current))
        energy = across_replicas(ops.mean(ops.square(current))) + 1e-8
        changes.append(_mean_change(current, held, visible, None) / energy)
    return sum(changes) / len(changes)


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


def flatness(frames: Tensor) -> Tensor:
    """How flat the surroundings of each pixel are: 1 for a clear sky, 0 in a meadow.

    (B, H, W, 3) -> (B, H - 8, W - 8, 1): exp(-(s / 0.03)^2), s the deviation of luminance in a 9x9 window.
    """
    light = luminance(frames)
    mean, mean_square = _window(light), _window(ops.square(light))
    variance = ops.maximum(mean_square - ops.square(mean), 0.0)
    return ops.exp(-variance / FLAT_DEVIATION**2)


def _change(batch: Batch, stylized: Sequence[Tensor], index: int, config: RunConfig) -> Tensor:
    """Mean squared difference of one pair, the scene's own change of light taken off."""
    later, earlier = frame_pairs(len(stylized))[index]
    reach = min(config.data.margin, REACH)
    margin = config.data.margin - reach
    flow = crop(batch["flow"][:, index], margin)
    visible = crop(batch["visible"][:, index], margin) * _within(flow, reach)
    both = ops.concatenate([stylized[earlier], luminance(batch["clip"][:, earlier])], axis=-1)
    moved = warp(crop(both, margin), flow)
    brighter = batch["light"][:, later] / batch["light"][:, earlier] - 1.0
    held = moved[..., :3] + moved[..., 3:] * brighter[:, None, None, None]
    current = crop(stylized[later], config.data.margin)
    emphasis = None
    if config.loss.temporal_flat > 0:
        window = crop(batch["clip"][:, later], config.data.margin - FLAT_WINDOW // 2)
        emphasis = 1.0 + config.loss.temporal_flat * flatness(window)
    return _mean_change(current, crop(held, reach), crop(visible, reach), emphasis)


def _mean_change(current: Tensor, held: Tensor, visible: Tensor, emphasis: Tensor | None) -> Tensor:
    seen = across_replicas(ops.sum(visible))
    return losses.temporal(current, held, visible, emphasis=emphasis, seen=seen)


def _within(flow: Tensor, reach: int) -> Tensor:
    """1 where a pixel came from at most `reach` away, so that nothing beyond the cut is made up."""
    return ops.cast(ops.max(ops.abs(flow), axis=-1, keepdims=True) <= reach, flow.dtype)


def _quarter(margin: int) -> tuple[int, int]:
    """Margin and reach at a quarter of the size."""
    reach = min(margin, REACH) // STRIDE
    return margin // STRIDE - reach, reach


def _shrink(field: Tensor) -> Tensor:
    return ops.average_pool(field, STRIDE, STRIDE)


def _window(plane: Tensor) -> Tensor:
    down = ops.average_pool(plane, (FLAT_WINDOW, 1), 1)
    return ops.average_pool(down, (1, FLAT_WINDOW), 1)
