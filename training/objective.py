"""What the frozen VGG16 has to say: content, style and palette of what was painted, against references.

Frames: float32 in [0, 1], (B, H, W, 3).  References hold one row a style, (S, ...).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import keras
from keras import ops

from keras_vst import losses
from keras_vst.ops import Tensor, across_replicas

# Traces of Gram matrices, the median over 26 paintings, drawings and prints 512 pixels wide; theirs range from
# 0.2 (ink on silk) to 1.9 (van Gogh) of it.
MID_ENERGY = {"relu1_2": 3.3e6, "relu2_2": 2.3e7, "relu3_3": 4.8e7, "relu4_3": 2.5e6}
CONTRAST_RANGE = (0.5, 2.0)  # no style is held less than half, or more than twice, as hard as a mid one


@dataclass(frozen=True)
class References:
    """What the styles look like to VGG16: name of the layer -> one row a style."""

    grams: Mapping[str, Tensor]  # (S, C, C)
    palettes: Mapping[str, losses.Moments]  # two of (S, C)
    contrast: Tensor  # (S,); 1 is a mid style, above it are those that flicker most


def style_references(features: keras.Model, pictures: Sequence[Sequence[Tensor]]) -> References:
    """Look at the pictures of each style, (1, H, W, 3); several pictures of one style are averaged."""
    rows = [_average([_look(features, picture) for picture in style]) for style in pictures]
    grams = {name: ops.concatenate([row[0][name] for row in rows]) for name in losses.STYLE_LAYERS}
    palettes = {
        name: tuple(ops.concatenate([row[1][name][part] for row in rows]) for part in (0, 1))
        for name in losses.STYLE_LAYERS
    }
    return References(grams, palettes, _contrast(grams))


class Judge:
    """VGG16 and the references: never trained nor saved, so kept out of Keras's tracking."""

    def __init__(self, features: keras.Model, references: References | None):
        self.features = features
        self.references = references
        shallow = {name: features.output[name] for name in losses.CONTENT_LAYERS}
        self._content_features = keras.Model(features.input, shallow)  # the original needs no deeper look

    def terms(
        self,
        shown: Tensor,
        original: Tensor,
        style: Tensor,
        wanted: Collection[str],
        memory: StyleMemory | None = None,
    ) -> dict[str, Tensor]:
        """Those of content, style and palette that are wanted; style and palette of the batch as a whole.

        A batch is of one style: its mean Gram matrix may be met by a flat sky beside a wild forest.  With a
        memory, that of the batches before belongs to it.
        """
        terms = {}
        if not {"content", "style", "palette"} & set(wanted):
            return terms
        features = _float32(self.features(shown))
        if "content" in wanted:
            seen = _float32(self._content_features(original))
            terms["content"] = losses.content(features, seen, across_replicas)
        if "style" in wanted:
            target = self._blend(style, self._known.grams)
            found = _of_batch(losses.grams(features))
            terms["style"] = losses.style(memory(found, style) if memory else found, target)
        if "palette" in wanted:
            target = self._blend(style, self._known.palettes)
            terms["palette"] = losses.palette(_of_batch(losses.palettes(features)), target)
        return terms

    def nearness(self, shown: Tensor, target: Tensor, wanted: Collection[str]) -> dict[str, Tensor]:
        """Content, style and palette against a painted picture of each frame instead of the references."""
        terms = {}
        if not {"content", "style", "palette"} & set(wanted):
            return terms
        ours, theirs = _float32(self.features(shown)), _float32(self.features(target))
        if "content" in wanted:
            terms["content"] = losses.content(ours, theirs, across_replicas)
        if "style" in wanted:
            terms["style"] = losses.style(losses.grams(ours), losses.grams(theirs))
        if "palette" in wanted:
            terms["palette"] = losses.palette(losses.palettes(ours), losses.palettes(theirs))
        return terms

    def contrast(self, style: Tensor) -> Tensor:
        """By how much more than a mid style this one must be held still; a scalar."""
        return ops.sum(style[0] * self._known.contrast)

    @property
    def _known(self) -> References:
        if self.references is None:
            raise ValueError(
                "Style, palette and temporal_by_contrast compare with style pictures. Received: references=None. "
                "Make them with `style_references`, or give these terms the weight 0."
            )
        return self.references

    def _blend(self, style: Tensor, rows: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The rows that the batch's style vector asks for, (1, ...) a layer."""
        return keras.tree.map_structure(lambda row: ops.tensordot(style[:1], row, axes=1), dict(rows))


class StyleMemory(keras.layers.Layer):
    """A running mean of the Gram matrices that batches of each style had.

    A batch is a few small squares, a picture is many: squares that had to meet the style's Gram matrix each by
    itself would all be painted alike, sky and forest.  What is remembered counts in the value; the gradient is
    that of the batch, as if all others were painted along with it.
    """

    def __init__(self, references: References, keep: float):
        super().__init__(name="style_memory")
        self.keep = keep
        self.rows = {
            name: self.add_weight(name=name, shape=tuple(gram.shape), initializer="zeros", trainable=False)
            for name, gram in references.grams.items()
        }
        self.met = self.add_weight(
            name="met", shape=(references.contrast.shape[0],), initializer="zeros", trainable=False
        )
        self.built = True

    def call(self, grams: Mapping[str, Tensor], style: Tensor) -> dict[str, Tensor]:
        """(1, C, C) a layer, of a batch of one style: its mean with the batches before, which it joins."""
        asked = style[0]
        keep = self.keep * ops.sum(asked * self.met)
        self.met.assign(ops.maximum(self.met, asked))
        return {name: self._mean(self.rows[name], gram, asked, keep) for name, gram in grams.items()}

    def _mean(self, rows: keras.Variable, gram: Tensor, asked: Tensor, keep: Tensor) -> Tensor:
        past = ops.tensordot(asked[None], rows, axes=1)
        mean = ops.stop_gradient(keep * past + (1.0 - keep) * gram)
        share = asked[:, None, None]
        rows.assign((1.0 - share) * rows + share * mean)
        return mean + gram - ops.stop_gradient(gram)


def _look(features: keras.Model, picture: Tensor) -> tuple[dict[str, Tensor], dict[str, losses.Moments]]:
    seen = _float32(features(ops.convert_to_tensor(picture)))
    return losses.grams(seen), losses.palettes(seen)


def _average(found: list) -> tuple[dict[str, Tensor], dict[str, losses.Moments]]:
    return keras.tree.map_structure(lambda *rows: ops.mean(ops.stack(rows), axis=0), *found)


def _contrast(grams: Mapping[str, Tensor]) -> Tensor:
    """Energy of the features, the trace of a Gram matrix, next to that of a mid style; mean over layers."""
    energies = [ops.trace(gram, axis1=1, axis2=2) / MID_ENERGY[name] for name, gram in grams.items()]
    return ops.clip(sum(energies) / len(energies), *CONTRAST_RANGE)


def _of_batch(rows: dict) -> dict:
    """The mean over the batch, (1, ...), and over the devices that share it."""
    return keras.tree.map_structure(lambda row: across_replicas(ops.mean(row, axis=0, keepdims=True)), rows)


def _float32(features: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Sums over a picture overflow or lose digits in sixteen bits."""
    return {name: ops.cast(feature, "float32") for name, feature in features.items()}
