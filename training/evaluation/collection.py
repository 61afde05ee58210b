"""How far painted photos are from a collection of pictures, as eyes see them that no loss looks through.

Photos and pictures are squares of uint8 RGB: their shorter side brought to 256 pixels, as the recipe `collection`
looks at paintings, so that strokes are of one scale; of these the eyes are given the middle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from keras_vst.errors import UserError
from keras_vst.frames import Pixels
from training.data.photos import find_pictures, load_picture
from training.evaluation.frechet import frechet_distance
from training.evaluation.painters import Painter

FRECHET = "frechet"
SIDE = 256  # pixels that are painted
SEEN = 224  # pixels in their middle, which EfficientNet-Lite0 was made for
# Pictures on either side.  Drawn from 149 of the 298 Monets, ten are 185 +- 10 from the others, 30 are 131 +- 3;
# 30 photos are 270 +- 3 from them, 30 van Goghs 244 +- 8: with 30 a school is told from no school.
LEAST = 30
MOST = 200  # photos that are painted for each row

Eyes = Callable[[Sequence[Pixels]], npt.NDArray[np.floating]]


@dataclass(frozen=True)
class Collection:
    """The pictures of a collection as the eyes saw them, and the photos that are painted to be compared."""

    eyes: Eyes
    theirs: npt.NDArray[np.floating]
    photos: list[Pixels]
    told: str

    def distance(self, painter: Painter) -> float:
        """Of the photos, each painted as a picture of its own, to the collection."""
        painted = [painter(photo) for photo in self.photos]
        return frechet_distance(self.eyes([_middle(picture, SEEN) for picture in painted]), self.theirs)


def gather_collection(folder: str, photos: str, eyes: Eyes, named: str) -> Collection:
    """Look at a collection, and choose photos for it; `named` is what the eyes are called."""
    if not photos:
        raise UserError(
            f"--collection compares at least {LEAST} photos that no training saw with the collection. "
            "There is no --photos. Name a folder of them."
        )
    squares = _squares(folder, "--collection", None)
    theirs = eyes([_middle(picture, SEEN) for picture in squares])
    held_out = _squares(photos, "--photos", MOST)
    within = frechet_distance(theirs[::2], theirs[1::2])
    told = (
        f"{len(held_out)} photos against {len(squares)} pictures of {folder}, seen by {named}; fewer pictures are "
        f"further apart: the halves of the collection by {within:.4g}"
    )
    return Collection(eyes, theirs, held_out, told)


def _squares(folder: str, option: str, most: int | None) -> list[Pixels]:
    """The readable pictures of a folder, or so many of them from the first to the last."""
    paths = find_pictures(folder, option)
    if most is not None and len(paths) > most:
        paths = [paths[place] for place in np.linspace(0, len(paths) - 1, most).astype(int)]
    found = [square for path in paths if (square := _square(path)) is not None]
    if len(found) < LEAST:
        raise UserError(
            f"{option} {folder} holds {len(found)} readable pictures. The distance to a collection needs {LEAST} or "
            "more on either side, since that of fewer is chance. Add pictures, or leave out --collection."
        )
    return found


def _square(path: Path) -> Pixels | None:
    try:
        return _middle(load_picture(path, SIDE), SIDE)
    except UserError:  # broken or too small; how many were read is told
        return None


def _middle(picture: Pixels, side: int) -> Pixels:
    top, left = ((length - side) // 2 for length in picture.shape[:2])
    return np.ascontiguousarray(picture[top : top + side, left : left + side])
