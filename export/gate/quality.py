"""Does a file flicker, paint and keep the scene as the Keras network does?

Clips are (T, h, w, 3) of the content, float32 in [0, 1] or uint8.  Distances are those of keras_vst.metrics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from export.footage import Footage
from export.gate.check import Check, not_judged, rounded
from keras_vst import metrics
from keras_vst.frames import to_float

WORST_RATIO = 1.05
MOST_PAIRS = 16  # of frames, spread over the clip; flow and warp take 0.2 s a pair at 640x360
JUDGED_FRAMES = 2  # by VGG16, which takes four looks of a second each
# Differences below these are nothing to see, whatever the ratio: of flicker a quarter of one level of 255, which
# rounding the picture to bytes alone comes near to.
UNSEEN = {"flicker": 0.001, "style": 0.002, "content": 0.002}
_REMEDIES = {
    "flicker": "rounding stirs the memory, which `remember` writes; keep more layers float with a higher --int8-floor "
    "(50, say), or calibrate on longer clips",
    "style": "the strokes were lost in rounding; keep the last layers (`paint`, `mix_2`) float",
    "content": "the scene was lost in rounding; keep the first layers (`stem`, `down_4`) float",
}

Clip = npt.NDArray[Any]


@dataclass(frozen=True)
class Eyes:
    """What style and content are seen with: VGG16 and the style pictures by number, or why there are none."""

    features: metrics.Features | None = None
    pictures: Mapping[int, Clip] | None = None  # uint8 RGB
    why_not: str = ""


def measure(footage: Footage, played: Clip, styles: npt.NDArray[np.float32], eyes: Eyes) -> dict[str, float]:
    """Flicker, and style and content as far as they can be seen, of a clip as played, margin and all."""
    content = footage.inside(played)
    if not np.isfinite(content.astype(np.float32)).all():
        return {}  # which the checks of `numbers` tell
    return {"flicker": flicker(footage, content, styles), **_seen(footage, content, styles, eyes)}


def flicker(footage: Footage, stylized: Clip, styles: npt.NDArray[np.float32]) -> float:
    """Root mean square warp error over pairs of neighbouring frames that are painted in the same style."""
    times = [time for time in range(1, len(stylized)) if np.array_equal(styles[time], styles[time - 1])]
    chosen = [
        times[index] for index in np.linspace(0, len(times) - 1, min(MOST_PAIRS, len(times))).astype(int)
    ]
    squares = []
    for time in chosen:
        flow, visible = footage.flow(time)
        if visible.any():
            pair = _unit(stylized[time][None]), _unit(stylized[time - 1][None])
            squares.append(metrics.warp_error(*pair, flow[None], visible[None]) ** 2)
    return float(np.mean(squares)) ** 0.5 if squares else float("nan")


def compare(own: Mapping[str, float], reference: Mapping[str, float], eyes: Eyes) -> list[Check]:
    """The file's numbers against those of the Keras network."""
    return [_compare(gate, own, reference, eyes) for gate in UNSEEN]


def _compare(gate: str, own: Mapping[str, float], reference: Mapping[str, float], eyes: Eyes) -> Check:
    limit = f"<= {WORST_RATIO} x the Keras network"
    if gate not in own or gate not in reference:
        blind = eyes.why_not if own and gate != "flicker" else ""
        return not_judged(gate, "distance", limit, blind or "what comes out is no picture")
    value, wanted = own[gate], reference[gate]
    passed = value <= max(WORST_RATIO * wanted, wanted + UNSEEN[gate])
    measured = {"file": rounded(value, 4), "Keras": rounded(wanted, 4)}
    if wanted > 0 and np.isfinite(value / wanted):
        measured["ratio"] = rounded(value / wanted, 3)
    message = "" if passed else f"{value:.4f} against {wanted:.4f}: {_REMEDIES[gate]}."
    return Check(
        gate, "warp error" if gate == "flicker" else "VGG16 distance", passed, limit, measured, message
    )


def _seen(footage: Footage, content: Clip, styles: npt.NDArray[np.float32], eyes: Eyes) -> dict[str, float]:
    if eyes.features is None:
        return {}
    distances: dict[str, list[float]] = {"style": [], "content": []}
    for time in np.linspace(0, len(content) - 1, min(JUDGED_FRAMES, len(content))).astype(int):
        stylized = _unit(content[time][None])
        original = to_float(footage.content[time])[None]
        distances["content"].append(metrics.content_distance(stylized, original, eyes.features))
        picture = (eyes.pictures or {}).get(int(np.argmax(styles[time])))
        if picture is not None:
            reference = to_float(picture)[None]
            distances["style"].append(metrics.style_distance(stylized, reference, eyes.features))
    return {name: _mean(values) for name, values in distances.items() if values}


def _unit(frames: Clip) -> Clip:
    """Floats in [0, 1]: int8 files may step out of it by the rounding of their last operation."""
    return to_float(frames) if frames.dtype == np.uint8 else np.clip(frames, 0, 1)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
