"""How far a stylized picture is from what we want.  Every loss is a pure function and a scalar.

Frames: float32 in [0, 1], (B, H, W, 3).  Features: dicts of layer name -> (B, h, w, C) from
`features.load_vgg16`.  Content and style are scale-free: 1 means "as wrong as leaving it out".
"""

from __future__ import annotations

from collections.abc import Mapping

from keras import ops

from keras_vst.ops import Tensor, gram, luminance, moments, total_variation

CONTENT_LAYERS = ("relu3_3",)
STYLE_LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
ADVERSARIAL_FORMS = ("nonsaturating", "least_squares", "hinge", "wasserstein")


def content(stylized: Mapping[str, Tensor], original: Mapping[str, Tensor]) -> Tensor:
    """What the picture shows: |phi(stylized) - phi(original)|^2 / |phi(original)|^2; 0 for equal pictures."""
    return _mean([_relative(stylized[name], original[name]) for name in CONTENT_LAYERS])


def style(grams: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> Tensor:
    """Texture and palette: mean over layers of |G - G*|^2 / |G*|^2; 0 when every Gram matrix is met.

    `grams` and `target` come from `grams`, (B, C, C) or (1, C, C) a layer.
    """
    return _mean([_relative(grams[name], target[name]) for name in STYLE_LAYERS])


def grams(features: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The Gram matrix of each style layer, one a picture: name -> (B, C, C)."""
    return {name: gram(features[name]) for name in STYLE_LAYERS}


def palette(stylized: Mapping[str, Tensor], reference: Mapping[str, Tensor]) -> Tensor:
    """A softer kin of `style`: channel means and deviations only, relative to the reference's."""
    terms: list[Tensor] = []
    for name in STYLE_LAYERS:
        pairs = zip(moments(stylized[name]), moments(reference[name]), strict=True)
        terms += [_relative(ours, theirs) for ours, theirs in pairs]
    return _mean(terms)


def temporal(current: Tensor, warped: Tensor, visible: Tensor) -> Tensor:
    """Flicker: mean squared change wherever the previous frame can still be seen.

    `warped` is the previous output moved into this frame; `visible` is (B, H, W, 1) in {0, 1}.
    0 when nothing is visible.
    """
    seen = ops.sum(visible) * current.shape[-1]
    return ops.sum(visible * ops.square(current - warped)) / ops.maximum(seen, 1.0)


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


def _relative(ours: Tensor, theirs: Tensor) -> Tensor:
    """Squared error in units of the target's own mean square.  Shapes may broadcast over the batch."""
    return ops.mean(ops.square(ours - theirs)) / (ops.mean(ops.square(theirs)) + 1e-8)


def _mean(terms: list[Tensor]) -> Tensor:
    return sum(terms) / len(terms)


def _unknown_form(form: str) -> ValueError:
    return ValueError(f"Unknown adversarial form. Received: form={form!r}. Use one of {ADVERSARIAL_FORMS}.")
