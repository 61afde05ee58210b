"""What the frozen VGG16 and the painting's colours have to say of what was painted.

Frames: float32 in [0, 1], (B, H, W, 3).  Fine layers look at a crop as it is, deep ones at all of it at half size:
four times the area for the same cost, and strokes twice as large.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from keras import ops

from keras_vst import losses
from keras_vst.config import RunConfig
from keras_vst.ops import Tensor, across_replicas, moments, of_all_replicas
from training import backend

if TYPE_CHECKING:
    from training.terms import Painted

# (scale, layer, weight)
LOOKS = (
    ("near", "relu1_2", 1.0),
    ("near", "relu2_2", 1.0),
    ("far", "relu2_2", 0.5),
    ("far", "relu3_3", 1.0),
    ("far", "relu4_3", 1.0),
)
CONTENT = "relu3_3"
_CONTENT_AT = [layer for _, layer, _ in LOOKS].index(CONTENT)
CELL, STRIDE = 4, 2  # a colour is the mean of 4x4 pixels; every other one, down and across, is enough to rank
COLOURS = 2048  # of a batch that are ranked: an eighth of what it judges, drawn evenly
PAST = 6  # batches of colours that count along
MOST_COLOURS = 50_000  # of the references: of a collection a part of them, evenly drawn
SLICES = 16  # directions in which they are ranked
PLAIN = 0.25  # deviation of colours that are not whitened
NEAR_PLACE, CELLS_PLACE, DIRECTIONS = 8, 9, 10  # streams of noise
WHITE_NOISE = 4e-4  # variance that every colour axis has at least, about 5 levels squared
Field = npt.NDArray[np.float32]


@dataclass(frozen=True)
class References:
    """What the painting is like; of several pictures, all of them together."""

    statistics: tuple[losses.Moments, ...]  # one for each of LOOKS
    mean: Field  # (3,) colour
    whiten: Field  # (3, 3) colours less their mean, times this, have variance 1 along every axis
    colours: Field  # (N, 3), whitened
    recolour: Field  # (3, 3) gives photos, taken together, the painting's covariance
    photo_mean: Field  # (3,)


class TwoScales:
    """VGG16 at the size of a crop, fine layers only, and of the whole at half size."""

    def __init__(self, features: keras.Model):
        layers = {scale: {layer for at, layer, _ in LOOKS if at == scale} for scale in ("near", "far")}
        self._see = {
            scale: keras.Model(features.input, {layer: features.output[layer] for layer in sorted(wanted)})
            for scale, wanted in layers.items()
        }

    def __call__(self, near: Tensor, whole: Tensor) -> list[Tensor]:
        """The features of each of LOOKS, (B, h, w, C)."""
        seen = {"near": self._see["near"](near), "far": self._see["far"](_halved(whole))}
        return [seen[scale][layer] for scale, layer, _ in LOOKS]


def style_references(features: keras.Model, pictures: Sequence[Field], photo_colours: Field) -> References:
    """Look at the pictures, (1, H, W, 3) each; `photo_colours` (N, 3) are what photos are made of."""
    look = TwoScales(features)
    rows = [
        [moments(seen) for seen in look(picture, picture)] for picture in map(ops.convert_to_tensor, pictures)
    ]
    statistics = keras.tree.map_structure(lambda *each: ops.mean(ops.stack(each), axis=0), *rows)
    colours = np.concatenate([ops.convert_to_numpy(_colours_of(picture)) for picture in pictures])
    colours = colours[:: 1 + len(colours) // MOST_COLOURS]
    mean, spread = colours.mean(axis=0), np.cov(colours.T)
    values, axes = np.linalg.eigh(spread)
    whiten = axes / np.sqrt(np.maximum(values, 0) + WHITE_NOISE)
    recolour = (_power(spread, 0.5) @ _power(np.cov(photo_colours.T), -0.5, least=0.05**2)).T
    arrays = mean, whiten, (colours - mean) @ whiten, recolour, photo_colours.mean(axis=0)
    return References(tuple(statistics), *(np.asarray(array, np.float32) for array in arrays))


class PerceptualLoss:
    """VGG16 and the references: never trained nor saved, so kept out of Keras's tracking."""

    def __init__(self, features: keras.Model, references: References | None):
        self.references = references
        self._look = TwoScales(features)
        self._forms = keras.Model(features.input, features.output[CONTENT])

    def look(self, shown: Tensor, memory: Memory) -> list[Tensor]:
        """The features of each of LOOKS; near ones at a place of this step."""
        return self._look(_near(shown, memory), shown)

    def content(self, it: Painted) -> Tensor:
        return losses.content(it.looks[_CONTENT_AT], self._forms(_halved(it.original)))

    def style(self, it: Painted) -> Tensor:
        """Of the batch as a whole, with what the memory adds to it."""
        return _style(it.trainer.memory.moments(_moments(it.looks)), self._known.statistics)

    def field(self, it: Painted) -> Tensor:
        return losses.field(it.shown, self._recoloured(it.original))

    def palette(self, it: Painted) -> Tensor:
        shown, memory = it.shown, it.trainer.memory
        known, (row, column) = self._known, backend.place(0, STRIDE, memory.seed, memory.step, CELLS_PLACE)
        cells = ops.average_pool(shown, CELL, CELL)[:, row::STRIDE, column::STRIDE]
        cells = tf.ensure_shape(
            cells, (shown.shape[0], *(side // CELL // STRIDE for side in shown.shape[1:3]), 3)
        )
        everywhere = of_all_replicas(ops.reshape(cells, (-1, 3)))
        colours = memory.colours(ops.matmul(everywhere - known.mean, known.whiten))
        return losses.palette(colours, ops.convert_to_tensor(known.colours), memory.directions())

    def _recoloured(self, original: Tensor) -> Tensor:
        known = self._known
        return ops.clip(ops.matmul(original - known.photo_mean, known.recolour) + known.mean, 0.0, 1.0)

    @property
    def _known(self) -> References:
        if self.references is None:
            raise ValueError(
                "Style, palette and field compare with a style picture. Received: references=None. "
                "Make them with `style_references`, or give these terms the weight 0."
            )
        return self.references


class NearnessLoss(PerceptualLoss):
    """The same against a painted picture of each frame instead of the references."""

    def content(self, it: Painted) -> Tensor:
        return losses.content(it.looks[_CONTENT_AT], it.target_looks[_CONTENT_AT])

    def style(self, it: Painted) -> Tensor:
        return _style(_moments(it.looks), _moments(it.target_looks))

    def palette(self, it: Painted) -> Tensor:
        ours, theirs = (of_all_replicas(_colours_of(each)) / PLAIN for each in (it.shown, it.target))
        return losses.palette(ours, theirs, it.trainer.memory.directions())


class Memory(keras.layers.Layer):
    """What earlier batches were like: they count in the value, the gradient is that of the batch.

    Squares that had to meet the painting's statistics each by itself would all be painted alike, sky and forest.
    """

    def __init__(self, config: RunConfig, references: References | None, step: keras.Variable):
        super().__init__(name="memory")
        self.keep, self.seed, self.step = config.loss.memory, config.seed, step
        shapes = [tuple(part.shape) for pair in references.statistics for part in pair] if references else []
        self._moments = [self._weight(f"moments_{index}", shape) for index, shape in enumerate(shapes)]
        around = keras.initializers.RandomNormal(stddev=0.5, seed=config.seed)
        self._past = self._weight("colours", (PAST, COLOURS, 3), around)
        self.built = True

    def moments(self, now: list[losses.Moments]) -> list[losses.Moments]:
        """Mean and second moment of each look, mixed with those of the batches before, which they join."""
        if not self.keep:
            return now
        keep = self.keep * ops.cast(ops.minimum(self.step, 1), "float32")
        flat = [part for pair in now for part in pair]
        mixed = [keep * past + (1.0 - keep) * part for past, part in zip(self._moments, flat, strict=True)]
        for past, part in zip(self._moments, mixed, strict=True):
            past.assign(ops.stop_gradient(part))
        seen = [ops.stop_gradient(part - own) + own for part, own in zip(mixed, flat, strict=True)]
        return list(zip(seen[::2], seen[1::2], strict=True))

    def colours(self, now: Tensor) -> Tensor:
        """COLOURS of this batch, with their gradient, and of the last few before it: (N, 3) -> (M, 3)."""
        now = ops.take(now, np.arange(COLOURS) * now.shape[0] // COLOURS, axis=0)  # each of them as often
        if not self.keep:
            return now
        rows = ops.concatenate([now, ops.reshape(self._past, (-1, 3))])
        turn = ops.equal(ops.arange(PAST), ops.mod(ops.cast(self.step, "int32"), PAST))
        self._past.assign(ops.where(turn[:, None, None], ops.stop_gradient(now), self._past))
        return rows

    def directions(self) -> Tensor:
        """The slices of this step, (3, SLICES), each of length 1."""
        drawn = backend.normal((3, SLICES), self.seed, self.step, DIRECTIONS)
        return drawn / ops.sqrt(ops.sum(ops.square(drawn), axis=0, keepdims=True))

    def _weight(self, name: str, shape: tuple[int, ...], start: object = "zeros") -> keras.Variable:
        return self.add_weight(name=name, shape=shape, initializer=start, trainable=False, dtype="float32")


def _near(shown: Tensor, memory: Memory) -> Tensor:
    """A crop half as wide, at a place of this step."""
    side = shown.shape[1] // 2
    row, column = backend.place(0, side, memory.seed, memory.step, NEAR_PLACE)
    crop = ops.slice(shown, (0, row, column, 0), (shown.shape[0], side, side, 3))
    return tf.ensure_shape(crop, (shown.shape[0], side, side, 3))


def _moments(looks: list[Tensor]) -> list[losses.Moments]:
    """Of each look, over the batch and all devices that share it."""
    return [tuple(across_replicas(list(moments(seen)))) for seen in looks]


def _style(found: Sequence[losses.Moments], target: Sequence[losses.Moments]) -> Tensor:
    terms = [losses.style(*pair) for pair in zip(found, target, strict=True)]
    weights = [weight for _, _, weight in LOOKS]
    return sum(weight * term for weight, term in zip(weights, terms, strict=True)) / sum(weights)


def _colours_of(pictures: Tensor) -> Tensor:
    return ops.reshape(ops.average_pool(pictures, CELL, CELL), (-1, 3))


def _halved(frames: Tensor) -> Tensor:
    return ops.average_pool(frames, 2, 2)


def _power(matrix: npt.NDArray[np.float64], exponent: float, least: float = 0.0) -> npt.NDArray[np.float64]:
    """A symmetric matrix to a power, its eigenvalues raised to `least` at least."""
    values, axes = np.linalg.eigh(matrix)
    return (axes * np.maximum(values, max(least, 1e-12)) ** exponent) @ axes.T
