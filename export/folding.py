"""A student with every norm folded into the convolution before it, as far as that is exact.

Same inputs and outputs as the student's: frame (B, H, W, 3) in [0, 1], style (B, S), state (B, H / 4, W / 4, C).

For one style (or one fixed blend) a StyleNorm is a constant scale and shift of a convolution's output, thus a
kernel and a bias: nothing of it remains, and `style` shrinks to (B, 1), how strongly to paint.  For several styles
each channel's largest scale goes into the convolution and what is left lies within 1, which is what int8 needs: one
set of 255 steps for all channels then suits each of them (ten styles, frame 48: 30 dB without, 40 dB with).

Folding forwards is exact because it changes a convolution's *output*, after the zeros of its padding have been
summed.  Folding a shift into the *next* convolution would not be: its padding adds zeros where the shift should
be, and ReLU6 lies between.  The kernel of `smooth_1` is not merged into `paint` for the same reason, and because 5x5
at half size costs more than both.  Only at strength 0 a single-style network differs from one of several styles:
both give the frame back, but their states go on with other strokes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import layers

from keras_vst.layers import ShareStyle, StyleNorm

OF_STYLE = ("share", "scale", "shift")  # what a norm becomes where styles differ: of the style vector alone,
ON_PICTURE = ("multiply", "add")  # and on the picture
Array = npt.NDArray[np.float32]


def fold(student: keras.Model, style: int | Sequence[float] | None = None) -> keras.Model:
    """The folded network; `style` is a style's number or weights over all styles, of which one network is made.

    Without `style` the network keeps the styles it has.  Norms that do not follow a convolution stay as they are.
    """
    num_styles = student.input["style"].shape[-1]
    share = _share(style, num_styles) if style is not None or num_styles == 1 else None
    pairs = foldable(student)
    if share is not None and len(pairs) < sum(isinstance(layer, StyleNorm) for layer in student.layers):
        raise ValueError(
            "A single style is made of networks whose norms each follow a convolution. "
            f"Received: {student.name}, where only {sorted(pairs)} do. Export it with all its styles."
        )
    folded = _rebuild(student, pairs, single=share is not None)
    for layer in student.layers:
        if layer.name not in pairs and layer.name not in pairs.values() and layer.weights:
            folded.get_layer(layer.name).set_weights(layer.get_weights())
    for norm, convolution in pairs.items():
        _fold_pair(student, folded, (norm, convolution), share)
    return folded


def foldable(student: keras.Model) -> dict[str, str]:
    """Names of norms and of the convolution that each of them alone follows."""
    pairs = {}
    for layer in student.layers:
        if not isinstance(layer, StyleNorm):
            continue
        before = layer.input[0]._keras_history.operation
        linear = type(before) is layers.Conv2D and before.activation is keras.activations.linear
        if linear and len(before._outbound_nodes) == 1:
            pairs[layer.name] = before.name
    return pairs


def parts(student: keras.Model) -> dict[str, set[str]]:
    """What became of each layer of the student in `fold(student)`: the names of the folded network's layers.

    A norm counts as part of its convolution: which shares of the work each does is a matter of folding.
    """
    after: dict[str, set[str]] = {layer.name: {layer.name} for layer in student.layers}
    for norm, convolution in foldable(student).items():
        after[norm] = {f"{norm}_{part}" for part in (*OF_STYLE, *ON_PICTURE)}
        after[convolution] |= after[norm]
    return after


def of_style(student: keras.Model) -> set[str]:
    """The layers of `fold(student)` that see the style vector alone: S numbers each, at no cost whatever they are."""
    shares = {layer.name for layer in student.layers if isinstance(layer, ShareStyle)}
    return shares | {f"{norm}_{part}" for norm in foldable(student) for part in OF_STYLE}


def _share(style: int | Sequence[float] | None, num_styles: int) -> Array:
    """Weights (S,) that sum to 1."""
    if style is None or isinstance(style, int):
        index = style or 0
        if not 0 <= index < num_styles:
            raise ValueError(f"There are styles 0 to {num_styles - 1}. Received: {index}. Name one of them.")
        return np.eye(num_styles, dtype=np.float32)[index]
    weights = np.asarray(style, np.float32)
    if weights.shape != (num_styles,) or not weights.min() >= 0 or not 0 < weights.sum() < np.inf:
        raise ValueError(
            f"`style` takes {num_styles} weights, none negative and not all 0. Received: {list(style)}."
        )
    return weights / weights.sum()


def _rebuild(student: keras.Model, pairs: dict[str, str], single: bool) -> keras.Model:
    """The same graph: convolutions of `pairs` with a bias, their norms gone or reduced to what differs by style."""

    def clone(layer: Any) -> Any:
        config = layer.get_config()
        return type(layer).from_config(
            {**config, "use_bias": True} if layer.name in pairs.values() else config
        )

    def call(layer: Any, *arguments: Any, **keywords: Any) -> Any:
        if single and isinstance(layer, ShareStyle):
            return arguments[0]  # nothing reads it any more
        if layer.name not in pairs:
            return layer(*arguments, **keywords)
        features, share = arguments[0]
        return features if single else _vary(features, share, layer.name)

    inputs = {
        name: layers.Input(
            (1,) if single and name == "style" else tensor.shape[1:], tensor.shape[0], name=name
        )
        for name, tensor in student.input.items()
    }
    return keras.models.clone_model(student, inputs, clone_function=clone, call_function=call)


def _vary(features: Any, share: Any, name: str) -> Any:
    """What is left of a norm: its scale and shift as convolutions of one pixel, whose weights int8 takes by channel."""
    channels = features.shape[-1]
    one_pixel = layers.Reshape((1, 1, share.shape[-1]), name=f"{name}_share")(share)
    scale = layers.Conv2D(channels, 1, use_bias=False, name=f"{name}_scale")(one_pixel)
    shift = layers.Conv2D(channels, 1, use_bias=False, name=f"{name}_shift")(one_pixel)
    return layers.Add(name=f"{name}_add")(
        [layers.Multiply(name=f"{name}_multiply")([features, scale]), shift]
    )


def _fold_pair(
    student: keras.Model, folded: keras.Model, names: tuple[str, str], share: Array | None
) -> None:
    norm, convolution = (student.get_layer(name) for name in names)
    scale, shift = (keras.ops.convert_to_numpy(part) for part in norm.scale_and_shift())
    if share is not None:
        common_scale, common_shift = share @ scale, share @ shift
    else:  # the largest scale of each channel: 42.2 dB in int8; the mean 41.4, with a common shift as well 41.3
        largest = np.abs(scale).max(axis=0)
        common_scale, common_shift = np.where(largest > 0, largest, 1.0), np.zeros_like(largest)
        one_pixel = (None, None)
        folded.get_layer(f"{norm.name}_scale").set_weights([(scale / common_scale)[one_pixel]])
        folded.get_layer(f"{norm.name}_shift").set_weights([shift[one_pixel]])
    kernel, *bias = convolution.get_weights()
    moved = bias[0] * common_scale + common_shift if bias else common_shift
    folded.get_layer(convolution.name).set_weights([kernel * common_scale, moved])
