"""Rows of the card: painters by name, each shown the same photos, clips and cuts; medians of what was found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from keras_vst import metrics
from keras_vst.frames import to_float
from training.evaluation.cards import Row
from training.evaluation.material import Clip, Material
from training.evaluation.measures import of_clip, of_cut, of_photo
from training.evaluation.painters import Frames, Painter

MOST_CUTS = 4  # pairs of clips

Tick = Callable[[str], None]  # told the row, once for each piece
Look = Callable[[Painter], Row]


def measure(
    painters: Mapping[str, Painter],
    material: Material,
    painting: Frames | None,
    features: metrics.Features,
    tick: Tick = lambda _: None,
) -> dict[str, Row]:
    """The median of each measure over the photos, clips and cuts, for each painter.

    Painters take turns on a piece, so that its features are at hand.
    """
    found: dict[str, dict[str, list[float]]] = {row: {} for row in painters}
    for look in _looks(material, painting, features):
        for row, painter in painters.items():
            for key, value in look(painter).items():
                found[row].setdefault(key, []).append(value)
            tick(row)
    return {
        row: {key: float(np.median(values)) for key, values in columns.items()}
        for row, columns in found.items()
    }


def num_looks(material: Material) -> int:
    """How often `tick` is called for each painter."""
    return len(material.photos) + len(material.motions) + len(material.clips) + len(_cuts(material))


def _looks(material: Material, painting: Frames | None, features: metrics.Features) -> Iterator[Look]:
    for photo in material.photos:
        frames = to_float(photo)[None]
        yield lambda painter, frames=frames: of_photo(painter, frames, painting, features)
    for clip in (*material.motions, *material.clips):
        yield lambda painter, clip=clip: of_clip(painter, clip)
    for before, after in _cuts(material):
        yield lambda painter, pair=(before, after): of_cut(painter, *pair)


def _cuts(material: Material) -> list[tuple[Clip, Clip]]:
    """From one motion to the next, or to a clip where there is but one."""
    others = material.motions[1:] or material.clips[:1]
    return list(zip(material.motions, others, strict=False))[:MOST_CUTS]
