"""The measures of the score-card: what each is called, where its bar lies, and how it is taken.

Frames are float32 in [0, 1], (1, H, W, 3); a clip of frames is (T, H, W, 3).  Definitions live in
keras_vst/metrics.py; here they meet painters, photos and clips.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_vst import metrics
from keras_vst.cuts import CutDetector
from keras_vst.frames import Pixels, to_float
from training.evaluation.material import Clip
from training.evaluation.painters import Frames, Painter, afresh, as_clip

FAR = 10  # frames apart, of the long-term warp error
SHIFTS = (1, 4)  # pixels
BEFORE_CUT = 6  # frames: what a memory holds has settled


@dataclass(frozen=True)
class Measure:
    """One column."""

    title: str
    told: str
    digits: int = 3
    most: float | None = None  # the bar: the median over the styles may not exceed it


MEASURES = {
    "style": Measure("style", "distance of Gram matrices to the painting's, relative", 3, 0.30),
    "frechet": Measure("Frechet", "features of EfficientNet-Lite0: painted photos against the collection", 1),
    "content": Measure("content", "distance of VGG16 relu3_3 to the photo's, relative", 3, 0.95),
    "ssim": Measure("SSIM", "structural similarity to the photo; higher keeps more of it"),
    "warp": Measure("warp", "frame against the one before, moved by the exact motion, RMSE", 4, 0.045),
    "warp_10": Measure("warp, 10", "the same, ten frames apart", 4),
    "warp_real": Measure("warp, clips", "the same on clips of a camera, motion by DIS where it agrees both ways", 4),
    "warp_real_10": Measure("warp, clips, 10", "the same, ten frames apart", 4),
    "noise_flicker": Measure("noise", "sensor noise of a still picture: what comes out over what goes in", 2),
    "shift_1": Measure("shift 1", "change when the window moves by one pixel, RMSE", 4),
    "shift_4": Measure("shift 4", "the same by four pixels", 4),
    "crop_consistency": Measure("crop", "inside of a painted crop against that place of the painted frame", 4, 0.02),
    "ghost": Measure("ghost", "first frame after a cut against a fresh start, memory kept, RMSE", 4),
    "ghost_reset": Measure("ghost, reset", "the same with the memory dropped where a cut is seen, as `vst` does", 4),
}  # fmt: skip


class Remembering:
    """Features of the pictures seen last: a row asks for those of the photo and the painting again and again."""

    def __init__(self, features: metrics.Features, most: int = 5) -> None:
        self._features, self._most = features, most
        self._kept: OrderedDict[tuple[bytes, tuple[int, ...]], Mapping[str, Any]] = OrderedDict()

    def __call__(self, frames: Any) -> Mapping[str, Any]:
        """(B, H, W, 3) -> layer name -> features."""
        pixels = np.asarray(frames)
        key = pixels.tobytes(), pixels.shape
        if key not in self._kept:
            self._kept[key] = self._features(frames)
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:  # each is 100 MB at 512 px
            self._kept.popitem(last=False)
        return self._kept[key]


def of_photo(
    painter: Painter, photo: Frames, painting: Frames | None, features: metrics.Features
) -> dict[str, float]:
    """What one picture tells."""
    paint = afresh(painter)
    stylized = paint(photo)
    found = {"style": metrics.style_distance(stylized, painting, features)} if painting is not None else {}
    shifts = metrics.shift_stability(paint, photo, SHIFTS)
    return {
        **found,
        "content": metrics.content_distance(stylized, photo, features),
        "ssim": metrics.structural_similarity(stylized, photo),
        "crop_consistency": metrics.crop_consistency(paint, photo),
        **{f"shift_{pixels}": error for pixels, error in shifts.items()},
        "noise_flicker": metrics.noise_flicker(as_clip(painter), photo),
    }


def of_clip(painter: Painter, clip: Clip) -> dict[str, float]:
    """Steadiness over a clip whose motion is known, exactly or estimated."""
    stylized, name = painted(painter, clip), "warp" if clip.exact else "warp_real"
    found = {name: metrics.clip_warp_error(stylized, clip.flow)}
    if any(
        clip.flow(time, time - FAR)[1].any() for time in range(FAR, len(stylized))
    ):  # else all has left the frame
        found[f"{name}_10"] = metrics.clip_warp_error(stylized, clip.flow, step=FAR)
    return found


def of_cut(painter: Painter, before: Clip, after: Clip) -> dict[str, float]:
    """What shines through from one clip into the next: its first frame against the same from a fresh start."""
    shown = [*before.frames[-BEFORE_CUT:], after.frames[0]]
    fresh = afresh(painter)(to_float(shown[-1])[None])
    return {
        "ghost": _rmse(_last(painter, shown, resets=False), fresh),
        "ghost_reset": _rmse(_last(painter, shown, resets=True), fresh),
    }


def of_precision(reference: Painter, other: Painter, clip: Clip) -> dict[str, float]:
    """A rounded file against the exact one over a clip, each with its own memory: PSNR in dB, ratio of flicker."""
    ours, theirs = painted(reference, clip), painted(other, clip)
    error = np.mean(np.square(ours.astype(np.float64) - theirs))
    flicker = [metrics.clip_warp_error(each, clip.flow) for each in (theirs, ours)]
    return {
        "decibels": float(10 * np.log10(1 / max(error, 1e-12))),
        "flicker_ratio": flicker[0] / max(flicker[1], 1e-8),
    }


def painted(painter: Painter, clip: Clip) -> Frames:
    """The whole clip, (T, H, W, 3)."""
    paint = as_clip(painter)
    return np.concatenate([paint(to_float(frame)[None]) for frame in clip.frames])


def _last(painter: Painter, shown: list[Pixels], *, resets: bool) -> Frames:
    """The last of the frames as painted; with `resets` the memory is dropped where a cut is seen."""
    paint, cuts = as_clip(painter), CutDetector()
    stylized = paint(to_float(shown[0])[None])
    cuts.is_cut(shown[0])
    for frame in shown[1:]:
        if cuts.is_cut(frame) and resets:
            painter.reset()
        stylized = paint(to_float(frame)[None])
    return stylized


def _rmse(first: Frames, second: Frames) -> float:
    return float(np.sqrt(np.mean(np.square(first.astype(np.float64) - second))))
