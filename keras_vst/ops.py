"""Tensor functions that Keras does not have, in keras.ops alone.

Frames and features are float32, (B, H, W, C).  Flow is backward, (B, H, W, 2) as (dx, dy) in pixels:
what is at pixel p of frame t was at p + flow[p] in frame t-1.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

Tensor = Any  # a Keras symbolic or backend tensor; Keras itself publishes no common type


def warp(frames: Tensor, flow: Tensor) -> Tensor:
    """Move the previous frame into this one: out[p] = frames[p + flow[p]], bilinear, edge repeated.

    (B, H, W, C), (B, H, W, 2) -> (B, H, W, C).  Needs H, W >= 2.
    """
    batch, height, width = ops.shape(frames)[:3]
    channels = frames.shape[-1]
    rows = ops.cast(ops.arange(height), flow.dtype)[None, :, None] + flow[..., 1]
    columns = ops.cast(ops.arange(width), flow.dtype)[None, None, :] + flow[..., 0]
    top = ops.clip(ops.floor(rows), 0.0, ops.cast(height - 2, flow.dtype))
    left = ops.clip(ops.floor(columns), 0.0, ops.cast(width - 2, flow.dtype))
    down = ops.clip(rows - top, 0.0, 1.0)[..., None]
    right = ops.clip(columns - left, 0.0, 1.0)[..., None]

    pixels = ops.reshape(frames, (batch * height * width, channels))
    first = ops.reshape(ops.arange(batch), (batch, 1, 1)) * (height * width)
    corner = first + ops.cast(top, "int32") * width + ops.cast(left, "int32")

    def row(start: Tensor) -> Tensor:
        near, far = ops.take(pixels, start, axis=0), ops.take(pixels, start + 1, axis=0)
        return near + (far - near) * right

    upper, lower = row(corner), row(corner + width)
    return upper + (lower - upper) * down


def moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and second moment of the channels over all pixels of a batch, in float32: two arrays (C,) and (C, C)."""
    return _moments(ops.reshape(ops.cast(features, "float32"), (-1, features.shape[-1])))


@ops.custom_gradient
def _moments(flat: Tensor) -> tuple[tuple[Tensor, Tensor], Any]:
    """Of rows (N, C): the way back is one product of matrices, where it would be two and a sum."""
    count = ops.cast(ops.shape(flat)[0], "float32")

    def gradient(*args: Tensor, upstream: Any = None) -> Tensor:
        of_mean, of_square = args if upstream is None else upstream
        return ops.matmul(flat, (of_square + ops.transpose(of_square)) / count) + of_mean / count

    mean = ops.matmul(ops.ones((1, ops.shape(flat)[0])), flat)[0] / count  # quicker than a sum
    return (mean, ops.matmul(ops.transpose(flat), flat) / count), gradient


def oklab(rgb: Tensor) -> Tensor:
    """sRGB in [0, 1] -> OKLab (L, a, b), in which equal steps look alike: (..., 3) -> (..., 3)."""
    rgb = ops.clip(rgb, 0.0, 1.0)
    linear = ops.where(rgb < 0.04045, rgb / 12.92, ops.power((rgb + 0.055) / 1.055, 2.4))
    cones = ops.matmul(linear, ops.convert_to_tensor(_LMS, "float32"))
    return ops.matmul(ops.power(ops.maximum(cones, 1e-5), 1 / 3), ops.convert_to_tensor(_LAB, "float32"))


def luminance(frames: Tensor) -> Tensor:
    """Rec. 709 luma of RGB frames: (B, H, W, 3) -> (B, H, W, 1)."""
    return frames[..., 0:1] * 0.2126 + frames[..., 1:2] * 0.7152 + frames[..., 2:3] * 0.0722


def crop(frames: Tensor, margin: int) -> Tensor:
    """Cut `margin` pixels off each side: (B, H, W, C) -> (B, H - 2 * margin, W - 2 * margin, C)."""
    if not margin:
        return frames
    batch, height, width, channels = ops.shape(frames)
    size = batch, height - 2 * margin, width - 2 * margin, channels
    return ops.slice(frames, (0, margin, margin, 0), size)  # the way back is quicker than that of [...]


def repeat_edge(frames: Tensor, margin: int) -> Tensor:
    """Put `margin` pixels around frames (B, H, W, C), repeating their edge: what the edge does before a network."""
    for axis in (1, 2):
        first = ops.take(frames, [0], axis=axis)
        last = ops.take(frames, [frames.shape[axis] - 1], axis=axis)
        frames = ops.concatenate(
            [ops.repeat(first, margin, axis), frames, ops.repeat(last, margin, axis)], axis=axis
        )
    return frames


def across_replicas(statistic: Tensor) -> Tensor:
    """Its mean over all devices that share a batch, gradient included; itself where there is only one.

    Takes a list of tensors as well.
    """
    replica = one_of_several()
    return statistic if replica is None else replica.all_reduce("MEAN", statistic)


def of_all_replicas(rows: Tensor) -> Tensor:
    """The rows of all devices that share a batch, gradient included: (N, C) -> (devices * N, C)."""
    replica = one_of_several()
    if replica is None:
        return rows
    count = replica.num_replicas_in_sync * rows.shape[0]
    return ops.reshape(replica.all_gather(rows, axis=0), (count, *rows.shape[1:]))


def places_in_batch(count: int) -> tuple[Tensor, int]:
    """Where `count` rows stand in the batch that devices share, which is dealt out to them in turn; its size."""
    replica, places = one_of_several(), ops.arange(count, dtype="int32")
    if replica is None:
        return places, count
    devices = replica.num_replicas_in_sync
    return places * devices + replica.replica_id_in_sync_group, count * devices


def one_of_several() -> Any:
    """The device that this is of those that share a batch; None where there is only one."""
    if keras.backend.backend() != "tensorflow":  # the only backend on which we share batches
        return None
    import tensorflow as tf

    replica = tf.distribute.get_replica_context()
    return None if replica is None or replica.num_replicas_in_sync == 1 else replica


# OKLab, Björn Ottosson 2020: linear sRGB to cones, and the cube roots of these to L, a, b; one column an output.
_LMS = (
    (0.4122214708, 0.2119034982, 0.0883024619),
    (0.5363325363, 0.6806995451, 0.2817188376),
    (0.0514459929, 0.1073969566, 0.6299787005),
)
_LAB = (
    (0.2104542553, 1.9779984951, 0.0259040371),
    (0.7936177850, -2.4285922050, 0.7827717662),
    (-0.0040720468, 0.4505937099, -0.8086757660),
)
