"""How far a stylized picture is from what we want.  Every loss is a pure function and a scalar.

Frames: float32 in [0, 1], (B, H, W, 3).  Features: dicts of layer name -> (B, h, w, C) from
`features.load_vgg16`.  Content and style are scale-free: 1 means "as wrong as leaving it out".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from keras import ops

from keras_vst.config import ADVERSARIAL_FORMS
from keras_vst.ops import Tensor, gram, luminance, moments, total_variation

Moments = tuple[Tensor, Tensor]
Whole = Callable[[Tensor], Tensor]

CONTENT_LAYERS = ("relu3_3",)
STYLE_LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
STROKE = 0.05  # how far apart two paintings of the same frame are when their strokes are plainly others


def content(
    stylized: Mapping[str, Tensor], original: Mapping[str, Tensor], whole: Whole = lambda mean: mean
) -> Tensor:
    """What the picture shows: |phi(stylized) - phi(original)|^2 / |phi(original)|^2; 0 for equal pictures.

    `whole` makes the original's mean square that of the whole batch where devices share one.
    """
    return _mean([_relative(stylized[name], original[name], whole) for name in CONTENT_LAYERS])


def style(grams: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> Tensor:
    """Texture and palette: mean over layers of |G - G*|^2 / |G*|^2; 0 when every Gram matrix is met.

    `grams` and `target` come from `grams`, (B, C, C) or (1, C, C) a layer.
    """
    return _mean([_relative(grams[name], target[name]) for name in STYLE_LAYERS])


def grams(features: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The Gram matrix of each style layer, one a picture: name -> (B, C, C)."""
    return {name: gram(features[name]) for name in STYLE_LAYERS}


def palette(moments: Mapping[str, Moments], target: Mapping[str, Moments]) -> Tensor:
    """A softer kin of `style`: mean relative error of channel means and deviations, 0 when all are met.

    `moments` and `target` come from `palettes`, two of (B, C) or (1, C) a layer.
    """
    pairs = [pair for name in STYLE_LAYERS for pair in zip(moments[name], target[name], strict=True)]
    return _mean([_relative(ours, theirs) for ours, theirs in pairs])


def palettes(features: Mapping[str, Tensor]) -> dict[str, Moments]:
    """Channel means and deviations of each style layer: name -> two of (B, C)."""
    return {name: moments(features[name]) for name in STYLE_LAYERS}


def temporal(
    current: Tensor,
    warped: Tensor,
    visible: Tensor,
    *,
    emphasis: Tensor | None = None,
    seen: Tensor | None = None,
) -> Tensor:
    """Flicker: mean squared change wherever the previous frame can still be seen; 0 when nothing is visible.

    `warped` is the previous output moved into this frame; `visible` is (B, H, W, 1) in {0, 1}.  `emphasis`, of
    the same shape, counts some places more; `seen` is the sum of `visible`, where devices share a batch.
    """
    seen = ops.sum(visible) if seen is None else seen
    weight = visible if emphasis is None else visible * emphasis
    return ops.sum(weight * ops.square(current - warped)) / ops.maximum(seen * current.shape[-1], 1.0)


def light_change(frame: Tensor, warped_frame: Tensor) -> Tensor:
    """By how much the scene itself grew brighter: (B, H, W, 1), to be taken off a temporal difference.

    `warped_frame` is the previous input moved into this one; a shadow that passes is not flicker.
    """
    return luminance(frame) - luminance(warped_frame)


def smoothness(stylized: Tensor) -> Tensor:
    """Total variation; 0 for a flat picture."""
    return total_variation(stylized)


def cycle(returned: Tensor, original: Tensor) -> Tensor:
    """Mean absolute error after there and back again; 0 when nothing was lost."""
    return ops.mean(ops.abs(returned - original))


def identity(untouched: Tensor, painting: Tensor) -> Tensor:
    """Mean absolute change to a picture that is a painting already; 0 when it is left as it is."""
    return ops.mean(ops.abs(untouched - painting))


def supervised(stylized: Tensor, target: Tensor) -> Tensor:
    """Mean absolute distance from what the artist painted of the same frame; 0 when it is met."""
    return ops.mean(ops.abs(stylized - target))


def stability(stylized: Tensor, again: Tensor) -> Tensor:
    """Mean squared difference between paintings of one frame under two sensor noises; 0 when noise is ignored."""
    return ops.mean(ops.square(stylized - again))


def border(framed: Tensor, inside: Tensor) -> Tensor:
    """Mean squared difference between a picture painted up to its border and the same place painted inside a larger
    one; 0 when nothing shows where the border is."""
    return ops.mean(ops.square(framed - inside))


def diversity(stylized: Tensor, other: Tensor) -> Tensor:
    """How alike two paintings of one frame are that were asked to differ: 1 for equal ones, 0 far apart.

    Compared in blocks of 4x4 pixels, so that other strokes count and other grain does not.
    """
    difference = ops.average_pool(stylized, 4, 4) - ops.average_pool(other, 4, 4)
    return ops.exp(-ops.mean(ops.square(difference)) / STROKE**2)


def generator_adversarial(fake: Tensor, form: str = "hinge") -> Tensor:
    """What the generator minimizes, given the discriminator's logits for its pictures."""
    if form == "nonsaturating":
        return ops.mean(ops.softplus(-fake))
    if form == "least_squares":
        return ops.mean(ops.square(fake - 1.0))
    if form in ("hinge", "wasserstein"):
        return -ops.mean(fake)
    raise _unknown_form(form)


def discriminator_adversarial(real: Tensor, fake: Tensor, form: str = "hinge") -> Tensor:
    """What the discriminator minimizes, given its logits for real and for generated pictures."""
    if form == "nonsaturating":
        return ops.mean(ops.softplus(-real)) + ops.mean(ops.softplus(fake))
    if form == "least_squares":
        return ops.mean(ops.square(real - 1.0)) + ops.mean(ops.square(fake))
    if form == "hinge":
        return ops.mean(ops.relu(1.0 - real)) + ops.mean(ops.relu(1.0 + fake))
    if form == "wasserstein":
        return ops.mean(fake) - ops.mean(real)
    raise _unknown_form(form)


def gradient_penalty(slopes: Tensor) -> Tensor:
    """Wasserstein: mean (|slope| - 1)^2 over pictures; 0 where the scores rise by 1 for each unit of distance.

    `slopes` is the gradient of a picture's mean score by its pixels, (B, H, W, C).
    """
    length = ops.sqrt(ops.sum(ops.square(slopes), axis=(1, 2, 3)) + 1e-12)
    return ops.mean(ops.square(length - 1.0))


def _relative(ours: Tensor, theirs: Tensor, whole: Whole = lambda mean: mean) -> Tensor:
    """Squared error in units of the target's own mean square.  Shapes may broadcast over the batch."""
    return ops.mean(ops.square(ours - theirs)) / (whole(ops.mean(ops.square(theirs))) + 1e-8)


def _mean(terms: list[Tensor]) -> Tensor:
    return sum(terms) / len(terms)


def _unknown_form(form: str) -> ValueError:
    return ValueError(f"Unknown adversarial form. Received: form={form!r}. Use one of {ADVERSARIAL_FORMS}.")
