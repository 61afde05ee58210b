"""How good a stylization is, in numbers that training logs, the gate, score-cards and benchmarks share.

Frames: float32 in [0, 1], (B, H, W, 3); a clip is frames in order, (T, H, W, 3).  Everything here is numpy and
gives Python floats.  0 is perfect, but for `contrast`, which is 1 for a picture as vivid as its painting, `hue_kept`,
which is 1 where the photo's own hue decides every colour, and `border_ratio`, which is 1 where no border shows.

Values outside [0, 1] are refused: published evaluation code has scored some networks in [-1, 1] and others in
[0, 1], a factor of two.  Read palette, texture, content and steadiness together: each alone is easily had.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from keras_vst import flow as optical

Frames = npt.NDArray[np.float32]
Floats = npt.NDArray[np.floating]
# Frames -> "relu3_3" and others, as `features.load_vgg16` returns.
Features = Callable[[Any], Mapping[str, Any]]
FlowBetween = Callable[[int, int], tuple[Any, Any]]  # (time, earlier) -> flow (H, W, 2), visible (H, W, 1)

STYLE_LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
CONTENT_LAYER = "relu3_3"
TOLERANCE = 1e-3  # how far rounding may carry a value out of [0, 1]; a quarter of a uint8 step
DIRECTIONS, QUANTILES = 64, 512  # of the sliced Wasserstein distance
FAINT = 4e-4  # variance of a colour axis below which it counts as noise
LEAST_CONTRAST = 1e-3


class Texture:
    """What is counted of a picture's features, place apart: of each layer the mean (C,) and mean product (C, C)."""

    def __init__(self, features: Mapping[str, Any]) -> None:
        flat = [_numpy(features[name]).reshape(-1, features[name].shape[-1]) for name in STYLE_LAYERS]
        self.means = [layer.mean(axis=0, dtype=np.float64) for layer in flat]
        self.grams = [(layer.T @ layer / len(layer)).astype(np.float64) for layer in flat]

    def style_error(self, reference: Texture) -> float:
        """Raw Gram matrices, relative, as most papers tell it.  Blind: up to 84 % of one is only the mean."""
        pairs = zip(self.grams, reference.grams, strict=True)
        return float(np.mean([_relative(*pair) for pair in pairs]))

    def error(self, reference: Texture) -> float:
        """Mean and centred covariance of features, each relative: a right mean cannot hide a missing texture."""
        layers = zip(self.means, self.grams, reference.means, reference.grams, strict=True)
        terms = [
            _relative(gram - np.outer(mean, mean), wanted - np.outer(goal, goal)) + _relative(mean, goal)
            for mean, gram, goal, wanted in layers
        ]
        return float(np.mean(terms))


def content_error(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> float:
    """What the picture shows against the frame that was painted: squared error of relu3_3, relative."""
    return _relative(_numpy(ours[CONTENT_LAYER]), _numpy(theirs[CONTENT_LAYER]))


def palette_distance(painted: Sequence[Any], painting: Any) -> float:
    """Colours of all pictures together against the painting's, both as means of 4x4 pixels.

    Sliced Wasserstein distance in the colour space in which the painting's own colours are white, so that its rare
    hues count as much as its light and dark.  A two-coloured copy of a painting has 0.33 to 0.40.
    """
    theirs, ours = _colours([painting]), _colours(painted)
    axes, variances = _colour_axes(theirs)
    white = axes / np.sqrt(variances + FAINT)
    slices = np.random.default_rng(0).normal(size=(3, DIRECTIONS))
    slices /= np.linalg.norm(slices, axis=0)
    places = np.linspace(0, 1, QUANTILES)
    ours, theirs = (
        np.quantile((each - theirs.mean(axis=0)) @ white @ slices, places, axis=0) for each in (ours, theirs)
    )
    return float(np.abs(ours - theirs).mean())


def contrast(painted: Sequence[Any], painting: Any) -> tuple[float, float]:
    """Deviation of all pictures together over the painting's, along its first and second colour axis."""
    theirs, ours = _colours([painting]), _colours(painted)
    axes, _ = _colour_axes(theirs)
    first = [each @ axes[:, -1] for each in (ours, theirs)]
    second = [each @ axes[:, -2] for each in (ours, theirs)]
    return _ratio(*(float(each.std()) for each in first)), _ratio(*(float(each.std()) for each in second))


def hue_kept(stylized: Any, original: Any) -> float:
    """How much of the picture's colour (Lab a, b) the photo's own hue decides beyond its lightness, 0 to 1.

    Variance that the photo's lightness (to its third power), a and b explain, less what lightness alone does: 0 for a
    ramp of colours over light, whatever the colours.
    """
    ours, theirs = _lab(stylized)[:, 1:], _lab(original)
    light = theirs[:, :1] / 100
    ramp = np.concatenate([np.ones_like(light), light, light**2, light**3], axis=1)
    whole = float(np.square(ours - ours.mean(axis=0)).sum()) + 1e-9
    by_light, by_all = (
        _unexplained(ours, given) for given in (ramp, np.concatenate([ramp, theirs[:, 1:] / 100], axis=1))
    )
    return (by_light - by_all) / whole


def warp_error(current: Any, earlier: Any, flow: Any, visible: Any) -> float:
    """RMSE between outputs: the earlier one moved into the current frame by `flow`, where `visible`.

    The flow is the input's, exact or estimated; the two frames may lie any number of steps apart.
    """
    pairs = zip(check(current), check(earlier), np.asarray(flow, np.float32), strict=True)
    error = np.stack([np.square(ours - optical.warp(before, move)) for ours, before, move in pairs])
    seen = np.asarray(visible, np.float64)
    return float(np.sqrt((error * seen).sum() / max(3 * seen.sum(), 1.0)))


def clip_warp_error(clip: Any, flow_between: FlowBetween) -> float:
    """Root of the mean squared `warp_error` over all neighbours of a clip.

    `flow_between(time, earlier)` is `motion.SyntheticClip.flow`, or an estimate of the same shape.
    """
    squares = []
    for time in range(1, len(clip)):
        flow, visible = (np.asarray(field)[None] for field in flow_between(time, time - 1))
        if visible.any():  # else the pair says nothing, and its 0 would flatter the mean
            squares.append(warp_error(clip[time : time + 1], clip[time - 1 : time], flow, visible) ** 2)
    if not squares:
        raise ValueError(
            f"No frame shows a point of the one before. Received: {len(clip)} frames. Use two or more that do."
        )
    return float(np.mean(squares)) ** 0.5


def steady(warp: float, contrast: float) -> float:
    """Warp error in units of the picture's own contrast: a grey picture is not steady, it is grey."""
    return warp / max(contrast, LEAST_CONTRAST)


def border_ratio(alone: Any, inside: Any, width: int = 16, within: int = 16) -> float:
    """RMSE of the outermost `width` pixels over that of all `within` pixels from the border.

    `alone` was painted by itself; `inside` is the same place cut out of a larger painted frame.
    """
    error = np.square(check(alone).astype(np.float64) - check(inside))
    if error.shape[1] <= 2 * max(width, within) or error.shape[2] <= 2 * max(width, within):
        raise ValueError(
            f"Nothing is left inside the border. Received: frames {error.shape}, border {max(width, within)}. "
            "Use larger frames."
        )
    core = error[:, width:-width, width:-width]
    ring = (error.sum() - core.sum()) / (error.size - core.size)
    return float(np.sqrt(ring / (error[:, within:-within, within:-within].mean() + 1e-5)))


def check(frames: Any) -> Frames:
    """The frames as a float32 array, or a ValueError if they are not (B, H, W, 3) in [0, 1]."""
    array = np.asarray(frames)
    if array.ndim != 4 or array.shape[-1] != 3:
        raise ValueError(
            f"Frames are (B, H, W, 3). Received: shape {array.shape}. Add the axis that is missing."
        )
    if not np.issubdtype(array.dtype, np.floating):
        raise ValueError(
            f"Frames are floats in [0, 1]. Received: {array.dtype}. Use `frames.to_float` first."
        )
    low, high = float(array.min()), float(array.max())
    if not (low >= -TOLERANCE and high <= 1 + TOLERANCE):  # written so that NaN is refused too
        raise ValueError(
            f"Frames are floats in [0, 1]. Received: values from {low:.4g} to {high:.4g}. "
            "Bring them to [0, 1] first: (x + 1) / 2 from [-1, 1], x / 255 from [0, 255]."
        )
    return array.astype(np.float32, copy=False)


def _relative(ours: Floats, theirs: Floats) -> float:
    return float(np.square(ours - theirs).sum() / np.square(theirs).sum())


def _numpy(features: Any) -> Frames:
    return np.asarray(features).astype(np.float32, copy=False)


def _colours(pictures: Sequence[Any]) -> npt.NDArray[np.float64]:
    """Means of 4x4 pixels of all of them, (N, 3)."""
    return np.concatenate(
        [_smaller(frame, 4).reshape(-1, 3) for frames in pictures for frame in check(frames)]
    ).astype(np.float64)


def _smaller(frame: Frames, times: int) -> Frames:
    return np.asarray(
        cv2.resize(frame, None, fx=1 / times, fy=1 / times, interpolation=cv2.INTER_AREA), np.float32
    )


def _colour_axes(colours: npt.NDArray[np.float64]) -> tuple[Floats, Floats]:
    """(3, 3) axes as columns, the longest last, and the variance along each."""
    variances, axes = np.linalg.eigh(np.cov(colours.T))
    return axes, variances


def _lab(frames: Any) -> npt.NDArray[np.float64]:
    """Lab of means of 8x8 pixels, (N, 3)."""
    small = [cv2.cvtColor(_smaller(frame, 8), cv2.COLOR_RGB2LAB).reshape(-1, 3) for frame in check(frames)]
    return np.concatenate(small).astype(np.float64)


def _unexplained(values: Floats, given: Floats) -> float:
    """Squares that the best linear function of `given` leaves."""
    return float(np.square(values - given @ np.linalg.lstsq(given, values, rcond=None)[0]).sum())


def _ratio(ours: float, theirs: float) -> float:
    return ours / max(theirs, 1e-8)
