"""How good a stylization is, in numbers that training logs, score-cards and benchmarks share.

Frames: float32 in [0, 1], (B, H, W, 3); a clip is frames in order, (T, H, W, 3).  Every metric runs eagerly
on arrays or tensors and returns Python floats.  0 is perfect, except for `structural_similarity` (1 is
equal) and `noise_flicker` (below 1 calms noise, above 1 amplifies it).

Values outside [0, 1] are refused: published evaluation code has scored some networks in [-1, 1] and others in
[0, 1], a factor of two.  Always read style, content and warp error together: a weak style flickers little.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from keras import ops

from keras_vst import losses
from keras_vst.ops import Tensor, crop, luminance, warp

Features = Callable[
    [Tensor], Mapping[str, Tensor]
]  # frames -> "relu3_3" etc., as `features.load_vgg16` returns
Stylize = Callable[[Tensor], Tensor]  # frames -> frames of the same shape
FlowBetween = Callable[[int, int], tuple[Any, Any]]  # (time, earlier) -> flow (H, W, 2), visible (H, W, 1)
Frames = npt.NDArray[np.floating]

TOLERANCE = 1e-3  # how far rounding may carry a value out of [0, 1]; a quarter of a uint8 step


def style_distance(stylized: Tensor, reference: Tensor, features: Features) -> float:
    """Texture and palette against the style picture, which may be of another size.  A photo: about 2."""
    ours = losses.grams(features(_frames(stylized)))
    return float(losses.style(ours, losses.grams(features(_frames(reference)))))


def content_distance(stylized: Tensor, original: Tensor, features: Features) -> float:
    """What the picture shows against the frame that was painted."""
    return float(losses.content(features(_frames(stylized)), features(_frames(original))))


def warp_error(current: Tensor, earlier: Tensor, flow: Tensor, visible: Tensor) -> float:
    """RMSE between outputs: the earlier one moved into the current frame by `flow`, where `visible`.

    The flow is the input's, exact or estimated; the two frames may lie any number of steps apart.
    """
    moved = warp(_frames(earlier), ops.convert_to_tensor(flow, "float32"))
    seen = ops.convert_to_tensor(visible, "float32")
    return float(losses.temporal(_frames(current), moved, seen)) ** 0.5


def clip_warp_error(clip: Tensor, flow_between: FlowBetween, step: int = 1) -> float:
    """Root of the mean squared `warp_error` over all pairs `step` apart: 1 is short term, 5 or 10 long term.

    `flow_between(time, earlier)` is `motion.SyntheticClip.flow`, or an estimate of the same shape.
    """
    if not 1 <= step < len(clip):
        raise ValueError(
            f"`step` must leave a pair in the clip. Received: step={step}, {len(clip)} frames. "
            f"Use 1 to {len(clip) - 1}."
        )
    squares = []
    for time in range(step, len(clip)):
        flow, visible = (np.asarray(field)[None] for field in flow_between(time, time - step))
        if visible.any():  # else the pair says nothing, and its 0 would flatter the mean
            squares.append(
                warp_error(clip[time : time + 1], clip[time - step : time - step + 1], flow, visible) ** 2
            )
    if not squares:
        raise ValueError(f"No pair of frames {step} apart shows a common point. Use a smaller `step`.")
    return float(np.mean(squares)) ** 0.5


def noise_flicker(
    stylize: Stylize, frame: Tensor, *, sigma: float = 2 / 255, count: int = 16, seed: int = 0
) -> float:
    """How sensor noise on a still picture comes out: deviation over time of the output / of the input.

    `stylize` is called once a frame, in order, so a network with a state is measured as it runs; what it does
    in the first quarter of the frames, while the state settles, is left out.
    """
    rng = np.random.default_rng(seed)
    still = _array(_frames(frame))
    noisy = [np.clip(still + rng.normal(0, sigma, still.shape), 0, 1).astype("float32") for _ in range(count)]
    painted = [_array(_frames(stylize(ops.convert_to_tensor(picture)))) for picture in noisy]
    settled = slice(count // 4, None)
    return _deviation(painted[settled]) / max(_deviation(noisy[settled]), 1e-8)


def shift_stability(
    stylize: Stylize, frame: Tensor, shifts: Sequence[int] = tuple(range(1, 9)), *, margin: int = 16
) -> dict[int, float]:
    """Per shift of k pixels down and right, RMSE between stylize(shift) and shift(stylize).

    The shift moves a window over the frame, so no content is made up; `margin` pixels at the window's border,
    where only one of the two sees beyond, are left out.  Blocks that are folded into channels show up here.
    """
    frame = _frames(frame)
    height, width = ((side - max(shifts)) // 8 * 8 for side in frame.shape[1:3])
    _leave_room(min(height, width) - max(shifts), margin, tuple(frame.shape))
    painted = _frames(stylize(frame[:, :height, :width]))
    errors = {}
    for shift in shifts:
        moved = _frames(stylize(frame[:, shift : shift + height, shift : shift + width]))
        overlap = moved[:, : height - shift, : width - shift]
        errors[shift] = _rmse(crop(overlap, margin), crop(painted[:, shift:, shift:], margin))
    return errors


def crop_consistency(stylize: Stylize, frame: Tensor, *, cut: int = 64, margin: int = 32) -> float:
    """RMSE between a crop of the stylized frame and the stylized crop, `margin` pixels inside it.

    `cut` pixels (a multiple of 8) come off each side.  A network that paints by where the border is fails.
    """
    frame = _frames(frame)
    if cut % 8:
        raise ValueError(f"`cut` must be a multiple of 8, as sizes are. Received: {cut}. Use {cut // 8 * 8}.")
    _leave_room(min(frame.shape[1:3]) - 2 * cut, margin, tuple(frame.shape))
    whole, part = _frames(stylize(frame)), _frames(stylize(crop(frame, cut)))
    return _rmse(crop(whole, cut + margin), crop(part, margin))


def structural_similarity(first: Tensor, second: Tensor) -> float:
    """SSIM of the luma (Wang et al. 2004: Gaussian window of 11, sigma 1.5), mean over the valid windows."""
    a, b = luminance(_frames(first)), luminance(_frames(second))
    if min(a.shape[1:3]) < 11:
        raise ValueError(
            f"SSIM looks through windows of 11x11. Received: frames of {a.shape[1]}x{a.shape[2]}."
        )
    mean_a, mean_b = _window(a), _window(b)
    variances = _window(a * a) - mean_a**2 + _window(b * b) - mean_b**2
    covariance = _window(a * b) - mean_a * mean_b
    small, smaller = 0.03**2, 0.01**2  # keep the ratio defined where both pictures are flat or black
    contrast = (2 * covariance + small) / (variances + small)
    brightness = (2 * mean_a * mean_b + smaller) / (mean_a**2 + mean_b**2 + smaller)
    return _scalar(ops.mean(contrast * brightness))


def _frames(frames: Tensor) -> Tensor:
    """The frames as a float32 tensor, or a ValueError if they are not (B, H, W, 3) in [0, 1]."""
    array = _array(frames)
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
    return ops.convert_to_tensor(array.astype("float32"))


def _leave_room(side: int, margin: int, shape: tuple[int, ...]) -> None:
    if side <= 2 * margin:
        raise ValueError(
            f"Nothing is left to compare inside the margin. Received: frames {shape}, margin {margin}. "
            "Use larger frames or a smaller margin."
        )


def _deviation(pictures: Sequence[Frames]) -> float:
    """Root mean square deviation over time, in float64: the variance is 1e-5 of the values."""
    return float(np.stack(pictures).astype("float64").var(axis=0).mean()) ** 0.5


def _rmse(first: Tensor, second: Tensor) -> float:
    return _scalar(ops.mean(ops.square(first - second))) ** 0.5


def _array(tensor: Tensor) -> npt.NDArray[Any]:
    return np.asarray(ops.convert_to_numpy(tensor))


def _scalar(tensor: Tensor) -> float:
    return float(tensor)


def _window(plane: Tensor) -> Tensor:
    """Gaussian mean of each 11x11 neighbourhood: (B, H, W, 1) -> (B, H - 10, W - 10, 1)."""
    bell = np.exp(-((np.arange(11) - 5.0) ** 2) / (2 * 1.5**2))
    bell = (bell / bell.sum()).astype("float32")
    down = ops.conv(plane, bell.reshape(11, 1, 1, 1), padding="valid")
    return ops.conv(down, bell.reshape(1, 11, 1, 1), padding="valid")
