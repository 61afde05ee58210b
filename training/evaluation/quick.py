"""The numbers of one fresh network, for the page at the end of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from keras_vst.frames import Pixels
from keras_vst.metrics import Features
from keras_vst.zoo import DEFAULT_MARGIN
from training.evaluation.material import QUICK_MOTIONS, QUICK_PHOTOS, SIZES, fitted, of_photos
from training.evaluation.measures import Row, measure
from training.evaluation.subjects import Live


def quick_score(
    paint: Callable[[Pixels], Pixels],
    painting: Pixels,
    photos: Sequence[Pixels],
    features: Features,
    margin: int = DEFAULT_MARGIN,
) -> Row:
    """The row of a score-card without clips: palette, contrast, contrast_2, hue, texture, style, content, warp,
    steady, border and border_4, by the keys of `measures.MEASURES`, where floors and aims are.

    `paint` takes and gives uint8 (H, W, 3), sides multiples of 8, as a network's own does; `margin` pixels of
    repeated edge are put around what it is given.  Of `photos` (uint8, any size, not trained on) the first four are
    painted and the first is set in motion.  `features` is VGG16 (`features.load_vgg16`).
    """
    material = of_photos(photos[:QUICK_PHOTOS], QUICK_MOTIONS, SIZES)
    return measure({"": Live(paint, margin)}, material, fitted(painting, SIZES.picture), features)[""]
