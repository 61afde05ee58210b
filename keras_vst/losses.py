"""How far a stylized picture is from what we want.  Every loss is a pure function and a scalar.

Frames: float32 in [0, 1], (B, H, W, 3).  Features: (B, h, w, C) from `features.load_vgg16`, in float32.  Raw Gram
matrices cannot see colour (most of one is only the mean), raw features tie the picture to the photo's contrast, and
absolute change pays for faint pictures: hence centred, normed and relative terms.
"""

from __future__ import annotations

from keras import ops

from keras_vst.ops import Tensor, oklab

Moments = tuple[Tensor, Tensor]  # mean (C,) and second moment (C, C) of features over all pixels of a batch

RANKS = 256  # at which two distributions of colours are compared
QUIET = 1e-2  # share of the mean deviation below which a channel counts as silent
FAINT = 1e-3  # variance of a picture that shows nothing
STROKE = 0.05  # how far apart two paintings of the same frame are when their strokes are plainly others


def palette(colours: Tensor, target: Tensor, directions: Tensor) -> Tensor:
    """Sliced Wasserstein distance of two sets of colours, (N, 3) and (M, 3); 0 when each is as often as there.

    Both are in the painting's whitened colour space, where every shade of it counts alike; `directions` (3, D) are
    the slices, of length 1.
    """
    ours, theirs = (_ranked(ops.matmul(each, directions)) for each in (colours, target))
    return ops.mean(ops.abs(ours - theirs))


def field(stylized: Tensor, recoloured: Tensor) -> Tensor:
    """Hue where the recoloured photo has it: 10 times the mean distance of OKLab a, b of 8x8 means; 0 when all agree.

    A palette alone can be met by a ramp over the light: with this, different things get different colours.
    """
    ours, theirs = (oklab(ops.average_pool(each, 8, 8))[..., 1:] for each in (stylized, recoloured))
    return 10.0 * ops.mean(ops.abs(ours - theirs))


def style(found: Moments, target: Moments) -> Tensor:
    """Texture of one layer: mean and centred covariance of its features; 0 when both are met.

    Too little and too much energy cost alike (the divisor is the mean of both), so a faint picture is no way out.
    """
    (mean, square), (target_mean, target_square) = found, target
    ours, theirs = square - _outer(mean), target_square - _outer(target_mean)
    of_means = ops.sum(ops.square(mean - target_mean)) / (ops.sum(ops.square(target_mean)) + 1e-8)
    energy = 0.5 * (ops.stop_gradient(ops.sum(ops.square(ours))) + ops.sum(ops.square(theirs)))
    return 0.5 * of_means + 1.5 * ops.sum(ops.square(ours - theirs)) / (energy + 1e-8)


def content(stylized: Tensor, original: Tensor) -> Tensor:
    """What the picture shows: features with each channel normed over the picture; 0 for equal forms, 1 for unrelated.

    Forms are kept; contrast and colour are free.
    """
    return ops.mean(ops.square(_normed(stylized) - _normed(original))) / 2.0


def temporal(
    current: Tensor,
    warped: Tensor,
    visible: Tensor,
    variance: Tensor,
    *,
    emphasis: Tensor | None = None,
    seen: Tensor | None = None,
) -> Tensor:
    """Flicker: mean squared change wherever the previous frame can still be seen, in units of the picture's variance.

    `warped` is the previous output moved into this frame; `visible` is (B, H, W, 1) in {0, 1}; 0 when nothing is.
    Against `variance` (a scalar) low contrast earns nothing.  `emphasis`, of the shape of `visible`, counts some
    places more; `seen` is the sum of `visible`, where devices share a batch.
    """
    seen = ops.sum(visible) if seen is None else seen
    weight = visible if emphasis is None else visible * emphasis
    change = ops.sum(weight * ops.square(current - warped)) / ops.maximum(seen * current.shape[-1], 1.0)
    return change / (variance + FAINT)


def grid(stylized: Tensor, flat: Tensor, variance: Tensor, *, seen: Tensor | None = None) -> Tensor:
    """Mean squared pattern of two pixels where the frame is flat, in units of the picture's variance; 0 for none.

    `flat` is (B, H, W, 1), 1 where the frame shows nothing; `seen` is its sum, where devices share a batch.
    """
    blocks = ops.average_pool(stylized, 2, 2)
    smooth = ops.repeat(ops.repeat(blocks, 2, axis=1), 2, axis=2)
    seen = ops.sum(flat) if seen is None else seen
    pattern = ops.sum(flat * ops.square(stylized - smooth)) / ops.maximum(seen * stylized.shape[-1], 1.0)
    return pattern / (ops.stop_gradient(variance) + FAINT)


def apart(ours: Tensor, theirs: Tensor) -> Tensor:
    """Mean absolute difference of two pictures; 0 when they are the same."""
    return ops.mean(ops.abs(ours - theirs))


def edges(ours: Tensor, theirs: Tensor) -> Tensor:
    """Mean absolute difference of the steps from pixel to pixel, across and down; 0 when they are the same.

    What is fine weighs little in `apart`, and is what looks sharp.
    """
    across, down = (apart(ops.diff(ours, axis=axis), ops.diff(theirs, axis=axis)) for axis in (2, 1))
    return across + down


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


def generator_adversarial(fake: Tensor) -> Tensor:
    """What the generator minimizes (hinge), given the discriminator's logits for its pictures."""
    return -ops.mean(fake)


def discriminator_adversarial(real: Tensor, fake: Tensor) -> Tensor:
    """What the discriminator minimizes (hinge), given its logits for real and for generated pictures."""
    return ops.mean(ops.relu(1.0 - real)) + ops.mean(ops.relu(1.0 + fake))


def _ranked(values: Tensor) -> Tensor:
    """The values of each column in order, at RANKS places from the least to the greatest: (N, D) -> (RANKS, D)."""
    places = ops.cast(ops.linspace(0.0, float(values.shape[0] - 1), RANKS), "int32")
    return ops.take(ops.sort(values, axis=0), places, axis=0)


def _outer(mean: Tensor) -> Tensor:
    return mean[:, None] * mean[None, :]


def _normed(features: Tensor) -> Tensor:
    """Each channel of each picture with mean 0 and deviation 1; those that hardly fire stay small."""
    mean = ops.mean(features, axis=(1, 2), keepdims=True)
    deviation = ops.sqrt(ops.mean(ops.square(features - mean), axis=(1, 2), keepdims=True) + 1e-8)
    usual = ops.stop_gradient(ops.mean(deviation, axis=-1, keepdims=True))
    return (features - mean) / (deviation + QUIET * usual)
