"""Does a file paint what the Keras network paints: the same frames, as steadily, and in other runtimes too?

Clips are arrays (T, H, W, 3): float32 in [0, 1], or uint8 for the signature of bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np

from export.gate.contents import Contents, finite
from export.gate.runtimes import CannotPlay
from export.judged_clips import Array, Clip, play, psnr
from export.results import Check, not_judged, rounded
from keras_vst import metrics
from keras_vst.frames import Pixels, to_float, to_uint8
from keras_vst.networks.keras import KerasNetwork

# dB of PSNR.  At 44 dB int8 is 1.6 of 255 levels off; below, the rounding begins to be seen as flicker.
FLOORS = {"fp32": 80.0, "fp16": 50.0, "int8": 44.0}
# Levels of 255 between runtimes.  Floats differ by the order of summation, so a pixel between two levels may go either
# way.  Kernels for int8 round their sums in different ways: the mean is what must agree, to less than int8 itself may
# differ from the network.
MOST_LEVELS, MOST_MEAN_LEVELS = 1, 1.0
WORST_FLICKER = 1.03
UNSEEN = 0.001  # a quarter of one level of 255, which rounding the picture to bytes alone comes near to
MOST_PAIRS = 16  # of frames, spread over the clip; flow and warp take 0.2 s a pair at 640x360
CONSTANT = 0.5 / 255  # deviation over a frame below which there is nothing to see
DARK, BRIGHT = 1 / 255, 254 / 255


@dataclass(frozen=True)
class Reference:
    """A clip as the Keras network paints it: what every file is held against."""

    network: keras.Model
    clip: Clip
    stylized: Array  # (T, H, W, 3) float32, margin and all
    flicker: float

    @classmethod
    def paint(cls, network: keras.Model, clip: Clip) -> Reference:
        """Play the clip through the network."""
        # Traced for another size, a teacher cannot enlarge at this one.
        network.make_predict_function(force=True)
        stylized = play(KerasNetwork(network), clip)
        return cls(network, clip, stylized, flicker(clip, clip.inside(stylized)))

    @property
    def film(self) -> bool:
        """Whether the network is handed its last painting."""
        return "warped" in self.network.input

    def checks(self) -> list[Check]:
        """Whether there is anything to export: weights that are numbers, a picture that comes out."""
        values = {each.path: keras.ops.convert_to_numpy(each) for each in self.network.weights}
        bad = [path for path, value in values.items() if not np.isfinite(value).all()]
        return [finite("weights of the network", bad), self.picture(self.stylized)]

    def picture(self, played: Array) -> Check:
        """Whether what was played can be a picture."""
        return picture(self.clip.inside(played), self.network, self.clip.frames[0])

    def shown(self, played: Array) -> Pixels:
        """The frame in the middle of a clip, uint8 without the margin, for the report."""
        middle = played[[len(played) // 2]].astype(np.float32)
        return to_uint8(np.nan_to_num(self.clip.inside(middle)[0]))


def parity(name: str, expected: Array, played: Array, precision: str, contents: Contents | None) -> Check:
    """Judged by the worst frame; int8 by all of them together, whose rounding differs from scene to scene."""
    decibels, floor = frame_psnr(expected, played), FLOORS[precision]
    error = float(np.mean(np.power(10.0, -np.asarray(decibels) / 10)))
    whole = float("inf") if error == 0 else -10.0 * float(np.log10(error))
    worst = float(np.min(decibels))  # min keeps a NaN
    passed = bool((whole if precision == "int8" else worst) >= floor)
    limit = f">= {floor:.0f} dB {'over' if precision == 'int8' else 'at the worst of'} {len(played)} frames"
    measured = {"clip": rounded(whole), "worst": rounded(worst)}
    message = "" if passed else _apart(decibels, precision, contents)
    return Check("parity", name, passed, limit, measured, message)


def frame_psnr(expected: Array, played: Array) -> list[float]:
    """Per frame, dB.  Of bytes only what is more than rounding counts: half a level is no error, either way."""
    assert expected.shape == played.shape
    compare = _psnr_beyond_rounding if played.dtype == np.uint8 else psnr
    return [compare(one, other) for one, other in zip(expected, played, strict=True)]


def agreement(label: str, precision: str, expected: Array, play: Callable[[], Array]) -> Check:
    """Whether a runtime, called `label`, plays the same clip as the LiteRT Interpreter, which played `expected`."""
    mean_only = precision == "int8"
    limit = (
        f"<= {MOST_MEAN_LEVELS:g} level of 255 on average"
        if mean_only
        else f"<= {MOST_LEVELS} level of 255 at every pixel"
    )
    try:
        played = play()
    except CannotPlay as error:
        message = f"{error}. Look at the checks of `operations`, and at that runtime's version."
        return Check("agreement", label, False, limit, message=message)
    if played.shape != expected.shape:
        message = (
            f"it gave {played.shape} instead of {expected.shape}: a size worked out when the file was built."
        )
        return Check("agreement", label, False, limit, message=message)
    difference = np.abs(_levels(played) - _levels(expected))
    largest, mean = float(difference.max()), float(difference.mean())
    passed, message = mean <= MOST_MEAN_LEVELS if mean_only else largest <= MOST_LEVELS, ""
    if not np.isfinite(played.astype(np.float32)).all():
        message = "it gave NaN: an operation that this runtime computes in another way; see docs/deploy.md."
    elif not passed:
        message = "its pixels differ; release this file for the other runtimes only, or in another precision."
    measured = {"largest": largest, "mean": rounded(mean, 4), "frames": float(len(played))}
    return Check("agreement", label, passed, limit, measured, message)


def flicker(clip: Clip, stylized: Array) -> float:
    """Root mean square warp error over pairs of neighbouring frames; NaN where there is nothing to see."""
    if not np.isfinite(stylized.astype(np.float32)).all():
        return float("nan")  # which the check of the picture tells
    pairs = np.linspace(1, len(stylized) - 1, min(MOST_PAIRS, len(stylized) - 1)).astype(int)
    squares = []
    for time in pairs:
        flow, visible = clip.flow(time)
        if visible.any():
            pair = _unit(stylized[time][None]), _unit(stylized[time - 1][None])
            squares.append(metrics.warp_error(*pair, flow[None], visible[None]) ** 2)
    return float(np.mean(squares)) ** 0.5 if squares else float("nan")


def steadiness(own: float, reference: float) -> Check:
    """The file's flicker against that of the Keras network."""
    limit = f"<= {WORST_FLICKER} x the Keras network"
    if not np.isfinite([own, reference]).all():
        return not_judged("flicker", "warp error", limit, "what comes out is no picture")
    measured = {"file": rounded(own, 4), "Keras": rounded(reference, 4)}
    if reference > 0:
        measured["ratio"] = rounded(own / reference, 3)
    passed = own <= max(WORST_FLICKER * reference, reference + UNSEEN)
    remedy = "rounding moves from frame to frame; calibrate on clips like those to come (--calibrate), or ship fp16"
    message = "" if passed else f"{own:.4f} against {reference:.4f}: {remedy}."
    return Check("flicker", "warp error", passed, limit, measured, message)


def picture(played: Array, network: keras.Model | None = None, first: Array | None = None) -> Check:
    """Whether what comes out, inside the margin, can be a picture.

    With the network and the first frame that it was given, the layer to blame is found.
    """
    values = played.astype(np.float32) / np.float32(255 if played.dtype == np.uint8 else 1)
    reason, message = _not_a_picture(values), ""
    measured = {"darkest": rounded(float(values.min()), 4), "brightest": rounded(float(values.max()), 4)}
    if reason:
        blamed = _first_bad_layer(network, first) if network is not None and first is not None else None
        layer = f"; the first layer that gives it is `{blamed}`: look at its weights" if blamed else ""
        measured = {name: value for name, value in measured.items() if np.isfinite(value)}
        message = f"{reason}{layer}."
    else:
        measured["deviation"] = rounded(float(values[-1].std()), 4)
    limit = "finite, within [0, 1], neither flat nor black nor white, and different for different frames"
    return Check("numbers", "what comes out", not reason, limit, measured, message)


def _psnr_beyond_rounding(expected: Array, levels: Array) -> float:
    apart = np.abs(levels.astype(np.float32) - expected * np.float32(255))
    return psnr(np.maximum(apart - np.float32(0.5), 0) / 255, np.zeros_like(apart))


def _apart(decibels: list[float], precision: str, contents: Contents | None) -> str:
    """Why a file is not equal, and what to do."""
    worst = int(np.argmin(decibels)) + 1
    if np.isnan(decibels).any():
        return f"frame {int(np.argmax(np.isnan(decibels))) + 1} holds NaN; look at the checks of `numbers`."
    stored = contents.precision if contents else precision
    if contents and stored != precision:
        return (
            f"the file is judged as {precision}, but its weights are stored as {stored}, for instance those of "
            f"`{contents.largest.layer}`; judge it as {stored} (--precisions {stored}), or convert it as {precision}."
        )
    if precision == "int8":
        return (
            f"{decibels[worst - 1]:.1f} dB at frame {worst}: its ranges come from other pictures than these. Give "
            "clips like those to come (--calibrate); failing that, ship fp16."
        )
    return (
        f"frame {worst} differs, though the weights are stored as {stored}: the file was made from other "
        "weights, or holds an operation that converts inexactly; convert it again from this run."
    )


def _levels(clip: Array) -> Array:
    if clip.dtype != np.uint8:
        clip = np.stack([to_uint8(np.nan_to_num(frame)) for frame in clip])
    return clip.astype(np.int16)


def _unit(frames: Array) -> Array:
    """Floats in [0, 1]: int8 files may step out of it by the rounding of their last operation."""
    return to_float(frames) if frames.dtype == np.uint8 else np.clip(frames, 0, 1)


def _not_a_picture(values: Array) -> str:
    if not np.isfinite(values).all():
        frame = int(np.argmax(~np.isfinite(values).all(axis=(1, 2, 3)))) + 1
        return f"frame {frame} holds NaN or infinity"
    low, high = float(values.min()), float(values.max())
    if low < -0.01 or high > 1.01:
        return f"values from {low:.2f} to {high:.2f}, outside [0, 1]"
    if values.mean() < DARK:
        return "every frame is black"
    if values.mean() > BRIGHT:
        return "every frame is white"
    if values.reshape(len(values), -1, 3).std(axis=1).max() < CONSTANT:
        return "the output is constant: one flat colour"
    if len(values) > 1 and np.abs(values - values[0]).max() < CONSTANT:
        return "the output is constant: every frame is the same picture"
    return ""


def _first_bad_layer(network: keras.Model, frame: Array) -> str | None:
    """The first layer, in the order of the network, whose features are flat over the picture or not numbers."""
    seen = [
        layer
        for layer in network.layers
        if not isinstance(layer, keras.layers.InputLayer) and len(layer.output.shape) == 4
    ]
    probe = keras.Model(network.input, [layer.output for layer in seen])
    shapes = {name: (1, *frame.shape[:2], tensor.shape[-1]) for name, tensor in network.input.items()}
    inputs = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    inputs["frame"] = to_float(frame)[None]
    for layer, output in zip(seen, probe(inputs, training=False), strict=True):
        features = keras.ops.convert_to_numpy(output)
        inside = features[0, 2:-2, 2:-2]  # zeros at the border make even a flat picture vary there
        if not np.isfinite(features).all() or np.ptp(inside, axis=(0, 1)).max() < 1e-6:
            return layer.name
    return None
