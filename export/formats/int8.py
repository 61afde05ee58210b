"""A folded student rewritten so that int8 loses less of it: the same picture, in steps of half the width.

In int8 all channels of a tensor share one range, and the widest channel, at its rarest value, decides how coarse the
others are.  At half size, where such steps are seen and flicker, every channel is therefore made as wide as the 0..6
of its ReLU6: what makes it is multiplied by a number, what reads it divided by the same.  The two tensors with no
ReLU6 are shifted and get one, which costs nothing: it belongs to the operation before, and cuts rare values off.
What rounding does to the kernels on average is taken out of them beforehand.  The logits, a step of which is up to
two levels of 255, are computed twice, half a step apart, and averaged when they are colours: a tenth of the time.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import layers

from export.judged_clips import SHOTS, film_frames
from keras_vst.errors import UserError
from keras_vst.frames import Pixels, fit, to_float
from keras_vst.layers import DepthToSpace

BLUR, SKIP, PAINT = "up_2_blur", "skip_2", "paint"
PAIRS = (("smooth_4", "up_2_widen"), ("mix_2", PAINT))  # of convolutions, a ReLU6 and no skip between them
LIMIT = 6.0
RARE, RARE_LOGITS = 0.01, 0.01  # percent of values, cut off at either end
MOST = 20.0  # times what it was: a channel that the frames hardly wake
STRIDE = 3  # every third place of a frame tells its ranges

SIZE = (192, 320)  # (height, width) to calibrate at: ranges found here hold at 640x360 to a tenth of a dB
PER_SHOT, EVERY = 12, 4  # frames that are taken of a clip, and how far apart they are
AGAIN, CONTRAST = 3, 1.75

Frames = Sequence[npt.NDArray[np.float32]]
Values = npt.NDArray[Any]


def calibration_frames(clips: Sequence[Path] = (), size: tuple[int, int] = SIZE) -> Frames:
    """What int8 learns its ranges from, (1, H, W, 3) in [0, 1]: of clips, or of the bundled film.

    Some of them come a second time, with more contrast: without them a face in the sun was cut off, which cost 5 dB.
    """
    places = [start + EVERY * index for start in SHOTS for index in range(PER_SHOT)]
    shots = [_of_clip(clip) for clip in clips] or [film_frames(*places)]
    frames = [to_float(fit(pixels, size)[0])[None] for shot in shots for pixels in shot]
    means = [frame.mean() for frame in frames]
    harder = [
        np.clip(mean + CONTRAST * (frame - mean), 0, 1) for mean, frame in zip(means, frames, strict=True)
    ]
    return [*frames, *harder[::AGAIN]]


def rewrite(folded: keras.Model, frames: Frames) -> tuple[keras.Model, tuple[str, float, float] | None]:
    """The network to convert, and the range, behind its name, that the layer of the logits is to have in the file.

    One of another architecture is converted as it is.
    """
    if not {BLUR, SKIP, *itertools.chain(*PAIRS)} <= {layer.name for layer in folded.layers}:
        return folded, None
    network = equalize(folded, frames)
    low, high = (float(each[PAINT]) for each in _ranges(network, frames, (PAINT,), RARE_LOGITS, apart=False))
    take_rounding_out(network, frames)
    return _paint_twice(network, (high - low) / 255), (PAINT, low, high)


def equalize(folded: keras.Model, frames: Frames) -> keras.Model:
    """The same network with equal channels at half size."""
    names = ("stem_relu", BLUR, SKIP, *(f"{first}_relu" for first, _ in PAIRS))
    low, high = _ranges(folded, frames, names, RARE)
    equal, bottom = _bounded(folded), np.minimum(low[BLUR], 0)
    scale = _scale(np.maximum.reduce([high["stem_relu"], high[SKIP] - bottom, high[BLUR] - bottom]))
    _multiply(equal, ("stem", "up_2_widen"), ("down_4", "mix_2"), scale)
    shift = -scale * bottom
    equal.get_layer(BLUR).bias.assign(shift)
    mix = equal.get_layer("mix_2")
    mix.bias.assign(mix.bias - shift @ mix.get_weights()[0][0, 0])
    for first, second in PAIRS:
        _multiply(equal, (first,), (second,), _scale(high[f"{first}_relu"]))
    return equal


def _ranges(
    network: keras.Model, frames: Frames, names: Sequence[str], rare: float, apart: bool = True
) -> list[dict[str, Values]]:
    """The smallest and the largest values of layers but for rare ones: of each channel, or of all as one."""
    probe = keras.Model(network.input, {name: network.get_layer(name).output for name in names})
    seen: dict[str, list[Values]] = {name: [] for name in names}
    for frame in frames:
        for name, value in probe({"frame": frame}).items():
            seen[name].append(np.reshape(value, (-1, value.shape[-1]))[::STRIDE])
    axis = 0 if apart else None
    values = {name: np.concatenate(each) for name, each in seen.items()}
    return [
        {name: np.percentile(each, percent, axis) for name, each in values.items()}
        for percent in (rare, 100 - rare)
    ]


def _scale(width: Values) -> Values:
    return LIMIT / np.maximum(width, LIMIT / MOST)


def _bounded(folded: keras.Model) -> keras.Model:
    """With a ReLU6 behind the blur, which has a bias now, and behind the skip."""

    def clone(layer: Any) -> Any:
        config = layer.get_config()
        return type(layer).from_config(config | {"use_bias": True} if layer.name == BLUR else config)

    def call(layer: Any, *arguments: Any, **keywords: Any) -> Any:
        made = layer(*arguments, **keywords)
        return layers.ReLU(LIMIT, name=f"{layer.name}_relu")(made) if layer.name in (BLUR, SKIP) else made

    frame = layers.Input(folded.input["frame"].shape[1:], 1, name="frame")
    bounded = keras.models.clone_model(folded, {"frame": frame}, clone_function=clone, call_function=call)
    for layer in folded.layers:
        if layer.weights:
            for own, value in zip(bounded.get_layer(layer.name).weights, layer.get_weights(), strict=False):
                own.assign(value)  # the blur's bias, which it had not, stays zero
    return bounded


def _multiply(network: keras.Model, makers: Sequence[str], readers: Sequence[str], scale: Values) -> None:
    """Scale the channels that the makers give, and take it back where they are read."""
    for name in makers:
        layer = network.get_layer(name)
        repeated = np.tile(scale, layer.filters // len(scale))  # four times before a DepthToSpace
        layer.set_weights([each * repeated for each in layer.get_weights()])
    for name in readers:
        kernel, bias = network.get_layer(name).get_weights()
        network.get_layer(name).set_weights([kernel / scale[:, None], bias])


def _rounded(kernel: Values, axes: tuple[int, ...]) -> Values:
    """As the file will hold it: 127 steps to the largest value of each filter."""
    step = np.maximum(np.abs(kernel).max(axes, keepdims=True), 1e-12) / 127
    return np.round(kernel / step) * step


def take_rounding_out(network: keras.Model, frames: Frames) -> None:
    """Put kernels and biases off by just what rounding to int8 puts back, on average over the frames."""
    for layer in network.layers:
        if isinstance(layer, layers.DepthwiseConv2D):  # 1, 2, 1 in steps of 4/127 brightens by 0.6 %
            kernel, *bias = layer.get_weights()
            sums, rounded = (each.sum((0, 1), keepdims=True) for each in (kernel, _rounded(kernel, (0, 1))))
            layer.set_weights([kernel * sums / rounded, *bias])
    convolutions = [layer for layer in network.layers if type(layer) is layers.Conv2D]
    probe = keras.Model(network.input, [layer.input for layer in convolutions])
    seen = [[np.mean(each, (0, 1, 2)) for each in probe({"frame": frame})] for frame in frames[::STRIDE]]
    for layer, means in zip(convolutions, zip(*seen, strict=True), strict=True):
        kernel, bias = layer.get_weights()
        lost = (kernel - _rounded(kernel, (0, 1, 2))).sum((0, 1))
        layer.set_weights([kernel, bias + np.mean(means, 0) @ lost])


def _paint_twice(network: keras.Model, step: float) -> keras.Model:
    """Two paintings whose logits are half a step apart, and their mean."""
    kernel, bias = network.get_layer(PAINT).get_weights()
    both = layers.Conv2D(2 * len(bias), kernel.shape[:2], padding="same", name=PAINT)
    mean = layers.Conv2D(len(bias), 1, use_bias=False, name="mean")
    colours = layers.Activation("sigmoid", name="colours")(both(network.get_layer(PAINT).input))
    stylized = DepthToSpace(2, name="stylized")(mean(colours))
    both.set_weights([np.tile(kernel, 2), np.concatenate([bias - step / 4, bias + step / 4])])
    mean.set_weights([np.tile(np.eye(len(bias)) / 2, (2, 1))[None, None]])
    return keras.Model(network.input, {"stylized": stylized})


def _of_clip(path: Path) -> list[Pixels]:
    from keras_vst.video import open_source

    with open_source(path) as source:
        shot = [frame.pixels for frame in itertools.islice(source, 0, PER_SHOT * EVERY, EVERY)]
    if not shot:
        raise UserError(f"--calibrate {path} has no frames. Name a clip that can be played.")
    return shot
