"""What is measured: what each measure is called, where its floor and aim lie, and how a row is made of them.

Definitions are in keras_vst/metrics.py; here they meet painters, photos and clips.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_vst import metrics
from keras_vst.frames import Pixels, to_float
from keras_vst.zoo import DEFAULT_MARGIN
from training.evaluation.material import (
    BORDER_ROOM,
    QUICK_MOTIONS,
    QUICK_PHOTOS,
    SIZES,
    Clip,
    Material,
    fitted,
    of_photos,
)
from training.evaluation.subjects import Live, Painter

OUTERMOST = 4  # pixels, looked at by themselves

Row = dict[str, float]
Tick = Callable[[str], None]  # told the row, once for each piece


@dataclass(frozen=True)
class Measure:
    """One column."""

    title: str
    told: str
    digits: int = 3
    floor: float | None = None  # the least that a network of the zoo must reach
    aim: float | None = None
    more: bool = False  # whether more is better

    def reaches(self, value: float, limit: float) -> bool:
        """Whether a value is as good as the limit."""
        return value >= limit if self.more else value <= limit

    def bar(self, value: float) -> Bar:
        """The floor, and whether a value reaches it, or at least half of it."""
        assert self.floor is not None
        limit, half = f"{'>=' if self.more else '<='} {self.floor:g}", self.floor * (0.5 if self.more else 2)
        return Bar(self.title, value, limit, self.reaches(value, self.floor), not self.reaches(value, half))


@dataclass(frozen=True)
class Bar:
    """One floor that a network has to reach."""

    title: str
    value: float
    limit: str
    passed: bool
    unfit: bool = False  # worse than half of the floor, which no network may be

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        told = {"of": self.title, "value": round(self.value, 4), "limit": self.limit}
        return {**told, "passed": bool(self.passed), "unfit": bool(self.unfit)}


MEASURES = {
    "palette": Measure("palette", "colours of all photos against the painting's; two have 0.33-0.40", 3, 0.22, 0.15),
    "contrast": Measure("contrast", "deviation along the painting's first colour axis, over its", 2, 0.80, 0.95, True),
    "contrast_2": Measure("contrast, 2nd", "the same along the second axis", 2, 0.72, 0.90, True),
    "hue": Measure("hue", "share of the colour that the photo's own hue decides beyond its light", 3, 0.08, 0.20, True),
    "texture": Measure("texture", "means and centred covariances of VGG16 against the painting's", 3, 0.65, 0.35),
    "style": Measure("style", "raw Gram matrices against the painting's, to compare with others", 3),
    "content": Measure("content", "VGG16 relu3_3 against the photo's, relative", 3, 1.20, 0.80),
    "warp": Measure("warp", "frame against the one before, moved by the exact motion, RMSE", 4),
    "steady": Measure("steady", "warp over contrast: a grey picture is not steady", 4, 0.035, 0.020),
    "warp_real": Measure("warp, clips", "warp on clips of a camera, motion by DIS where it agrees both ways", 4),
    "border": Measure("border", "error of the outermost 16 pixels over the inside's in a larger frame", 2, 2.0, 1.2),
    "border_4": Measure("border, 4", "the same of the outermost 4 pixels by themselves", 2),
}  # fmt: skip


def measure(
    painters: Mapping[str, Painter],
    material: Material,
    painting: Pixels | None,
    features: metrics.Features,
    tick: Tick = lambda _: None,
) -> dict[str, Row]:
    """A row for each painter: medians over photos, motions and clips; colours over all photos together.

    Painters take turns on a photo, whose features are computed once.  Without a painting there is no style.
    """
    columns: dict[str, dict[str, list[float]]] = {row: defaultdict(list) for row in painters}
    painted: dict[str, list[metrics.Frames]] = {row: [] for row in painters}
    target = None if painting is None else _unit(painting)
    texture = None if target is None else metrics.Texture(features(target))

    def add(row: str, found: Row) -> None:
        for key, value in found.items():
            columns[row][key].append(value)
        tick(row)

    for photo in material.photos:
        original = _unit(photo)
        seen = features(original)
        for row, painter in painters.items():
            painted[row].append(_unit(painter(photo)))
            looks = features(painted[row][-1])
            found = {
                "hue": metrics.hue_kept(painted[row][-1], original),
                "content": metrics.content_error(looks, seen),
            }
            if texture is not None:
                ours = metrics.Texture(looks)
                found |= {"style": ours.style_error(texture), "texture": ours.error(texture)}
            add(row, found)
    for clip in (*material.motions, *material.clips):
        for row, painter in painters.items():
            add(row, of_clip(painter, clip))
    for frame in material.wide:
        for row, painter in painters.items():
            add(row, of_border(painter, frame))
    return {row: _together(columns[row], painted[row], target) for row in painters}


def quick_score(
    paint: Callable[[Pixels], Pixels],
    painting: Pixels,
    photos: Sequence[Pixels],
    features: metrics.Features,
    margin: int = DEFAULT_MARGIN,
) -> Row:
    """The row of a fresh network without clips: the first four photos are painted, the first is set in motion.

    `paint` takes and gives uint8 (H, W, 3), sides multiples of 8, as a network's own does; `margin` pixels of
    repeated edge are put around what it is given.  Photos may have any size.
    """
    material = of_photos(photos[:QUICK_PHOTOS], QUICK_MOTIONS, SIZES)
    return measure({"": Live(paint, margin)}, material, fitted(painting, SIZES.picture), features)[""]


def bars_of(row: Row) -> list[Bar]:
    """The floors of a row."""
    return [each.bar(row[key]) for key, each in MEASURES.items() if each.floor is not None and key in row]


def num_looks(material: Material) -> int:
    """How often `tick` is called for each painter."""
    return len(material.photos) + len(material.motions) + len(material.clips) + len(material.wide)


def of_clip(painter: Painter, clip: Clip) -> Row:
    """Steadiness over a clip whose motion is known, exactly or estimated."""
    painted = to_float(np.stack(painter.clip(clip)))
    return {"warp" if clip.exact else "warp_real": metrics.clip_warp_error(painted, clip.flow)}


def of_border(painter: Painter, wide: Pixels) -> Row:
    """A frame by itself against the same place inside a larger one."""
    room = slice(BORDER_ROOM, -BORDER_ROOM)
    alone, inside = _unit(painter(np.ascontiguousarray(wide[room, room]))), _unit(painter(wide)[room, room])
    return {
        "border": metrics.border_ratio(alone, inside),
        "border_4": metrics.border_ratio(alone, inside, width=OUTERMOST),
    }


def of_precision(exact: Painter, rounded: Painter, clip: Clip) -> Row:
    """A rounded file against the exact one over a clip: PSNR in dB, ratio of flicker."""
    ours, theirs = (to_float(np.stack(painter.clip(clip))) for painter in (exact, rounded))
    error = np.mean(np.square(ours.astype(np.float64) - theirs))
    flicker = [metrics.clip_warp_error(each, clip.flow) for each in (theirs, ours)]
    return {
        "decibels": float(10 * np.log10(1 / max(error, 1e-12))),
        "flicker_ratio": flicker[0] / max(flicker[1], 1e-8),
    }


def _together(
    columns: Mapping[str, list[float]], painted: list[metrics.Frames], painting: metrics.Frames | None
) -> Row:
    found = {key: float(np.median(values)) for key, values in columns.items()}
    if painting is not None:
        found["palette"] = metrics.palette_distance(painted, painting)
        found["contrast"], found["contrast_2"] = metrics.contrast(painted, painting)
        if "warp" in found:
            found["steady"] = metrics.steady(found["warp"], found["contrast"])
    return {key: found[key] for key in MEASURES if key in found}


def _unit(frame: Pixels) -> metrics.Frames:
    return to_float(frame)[None]
