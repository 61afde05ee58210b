"""A clip as the Keras network paints it: what every file is held against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from export import film
from export.footage import Footage
from export.gate import numbers, quality
from export.gate.check import Check
from export.parity import play_student
from keras_vst.frames import to_uint8

Clip = npt.NDArray[Any]
Styles = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Network:
    """The trained network, and the one that is exported: the same, or folded to one of its styles."""

    trained: keras.Model
    exported: keras.Model
    chosen: int | None = None  # the number of that style

    def styles(self, count: int) -> tuple[Styles, Styles]:
        """The style vectors of a clip, (T, S): for the files, and for the trained network.

        Every style has its stretch of the clip, so that none is exported unseen.
        """
        num_styles = int(self.trained.input["style"].shape[-1])
        if self.chosen is not None:
            return np.ones((count, 1), np.float32), _one_hot([self.chosen] * count, num_styles)
        in_turn = _one_hot([time * num_styles // count for time in range(count)], num_styles)
        return in_turn, in_turn

    def checks(self, reference: Reference) -> list[Check]:
        """Whether there is anything to export: weights that are numbers, a picture that comes out."""
        weights = numbers.network_weights(self.trained)
        footage = reference.footage
        return [weights, numbers.picture(footage.inside(reference.stylized), self.trained, footage.frames[0])]


@dataclass(frozen=True)
class Reference:
    """The clip, float32 (T, H, W, 3), margin and all, and how well it is painted."""

    student: keras.Model  # the exported one
    footage: Footage
    styles: Styles  # (T, S) for the files
    stylized: Clip
    quality: dict[str, float]
    eyes: quality.Eyes

    def shown(self, played: Clip, frame: int) -> npt.NDArray[np.uint8]:
        """One frame of a clip, without the margin, for the report."""
        return to_uint8(np.nan_to_num(self.footage.inside(played[[frame]].astype(np.float32))[0]))


def paint(network: Network, footage: Footage, eyes: quality.Eyes, *, measured: bool = True) -> Reference:
    """Play the footage through the trained network."""
    styles, original = network.styles(len(footage.frames))
    if film.is_film(network.trained):
        stylized = film.play_teacher(network.trained, footage, original)
    else:
        stylized = play_student(network.trained, footage.frames, original)
    painted = measured and bool(np.isfinite(stylized).all())
    seen = quality.measure(footage, stylized, styles, eyes) if painted else {}
    return Reference(network.exported, footage, styles, stylized, seen, eyes)


def _one_hot(chosen: list[int], num_styles: int) -> Styles:
    return np.eye(num_styles, dtype=np.float32)[chosen]
