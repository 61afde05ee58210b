from __future__ import annotations

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_vst import losses
from keras_vst.config.overrides import with_overrides
from keras_vst.ops import moments
from tests.harness import random_array
from tests.training.toys import features, tiny
from training.objective import (
    COLOURS,
    LOOKS,
    PAST,
    Memory,
    NearnessLoss,
    PerceptualLoss,
    TwoScales,
    style_references,
)
from training.terms import TERMS, Painted

CONFIG = tiny("painting")
PHOTO_COLOURS = 0.2 + 0.5 * random_array((400, 3), 7)


def picture(seed):
    """Of a few colours, unlike from seed to seed, so that palettes and textures differ."""
    tint = np.random.default_rng(seed).uniform(0.3, 1, 3)
    return np.float32(random_array((1, 32, 32, 3), seed) * tint)


@pytest.fixture(scope="module")
def references():
    return style_references(features(), [picture(0)], PHOTO_COLOURS)


def memory_of(references, *settings):
    return Memory(with_overrides(CONFIG, list(settings)), references, keras.Variable(0, dtype="int64"))


@pytest.fixture
def memory(references):
    return memory_of(references)


def test_fine_layers_look_at_a_crop_and_deep_ones_at_all_of_it_at_half_size():
    near, whole = picture(1)[:, :16, :16], picture(2)
    halved = whole.reshape(1, 16, 2, 16, 2, 3).mean(axis=(2, 4))
    seen = {"near": features()(near), "far": features()(halved)}

    looks = TwoScales(features())(near, whole)

    assert len(looks) == len(LOOKS)
    for look, (scale, layer, _) in zip(looks, LOOKS, strict=True):
        np.testing.assert_allclose(look, seen[scale][layer], atol=1e-4)


def test_colours_are_whitened_by_the_painting(references):
    np.testing.assert_allclose(references.colours.mean(axis=0), 0, atol=1e-4)
    spread = np.cov(references.colours.T)
    np.testing.assert_allclose(spread, np.diag(np.diag(spread)), atol=1e-3)
    assert (np.diag(spread) < 1).all()  # the noise floor takes something off
    assert (np.diag(spread) > 0.3).all()


def test_recoloured_photos_have_the_mean_and_covariance_of_the_painting(references):
    cells = picture(0).reshape(8, 4, 8, 4, 3).mean(axis=(1, 3)).reshape(-1, 3)

    recoloured = (PHOTO_COLOURS - references.photo_mean) @ references.recolour + references.mean

    np.testing.assert_allclose(recoloured.mean(axis=0), cells.mean(axis=0), atol=1e-4)
    np.testing.assert_allclose(np.cov(recoloured.T), np.cov(cells.T), atol=1e-4)


def found(perceptual, memory, names, **pictures):
    """Each term as the table computes it."""
    trainer = SimpleNamespace(perceptual=perceptual, memory=memory, config=CONFIG)
    painted = Painted(trainer, {}, [], **{name: tf.constant(one) for name, one in pictures.items()})
    return {name: float(TERMS[name].function(painted)) for name in names}


def test_each_term_falls_towards_the_painting(references):
    def terms(shown):
        memory, names = memory_of(references, "loss.memory=0"), ("content", "style", "palette", "field")
        return found(PerceptualLoss(features(), references), memory, names, shown=shown, original=picture(0))

    own, foreign = terms(picture(0)), terms(picture(3))
    assert own["content"] < 1e-6 < 0.1 < foreign["content"]
    assert own["style"] < 0.5 * foreign["style"]  # a crop is not the whole picture
    assert own["palette"] < 0.5 * foreign["palette"]


def test_nearness_compares_with_the_painted_picture_itself(references, memory):
    def terms(seed):
        pictures = {"shown": picture(1), "original": picture(1), "target": picture(seed)}
        return found(
            NearnessLoss(features(), references), memory, ("content", "style", "palette"), **pictures
        )

    assert all(term < 1e-6 for term in terms(1).values())
    assert all(term > 1e-3 for term in terms(2).values())


def test_without_references_a_style_term_says_what_is_missing():
    with pytest.raises(ValueError, match=r"references=None\. Make them with `style_references`"):
        found(
            PerceptualLoss(features(), None),
            memory_of(None),
            ("palette",),
            shown=picture(0),
            original=picture(0),
        )


# memory


def statistics(seed):
    return [tuple(map(np.float32, moments(random_array((1, 8, 8, size), seed)))) for size in (4, 6, 6, 8, 8)]


def test_pictures_of_which_none_has_the_texture_may_have_it_together(references):
    """Shown one after the other, half of each is what the style asks for."""
    looks = [TwoScales(features())(picture(seed)[:, :16, :16], picture(seed)) for seed in (1, 2)]
    both = [
        [np.array(part) for part in moments(tf.concat(pair, axis=0))] for pair in zip(*looks, strict=True)
    ]
    memory = memory_of(references, "loss.memory=0.5")

    def off(found):
        return sum(float(losses.style(*pair)) for pair in zip(found, both, strict=True))

    first = off(memory.moments([moments(look) for look in looks[0]]))
    memory.step.assign(1)
    together = off(memory.moments([moments(look) for look in looks[1]]))
    assert together < 1e-5 < 1e-2 < first


def test_the_gradient_of_what_is_remembered_is_that_of_the_batch_alone(references):
    """As if all that was painted before had been painted along: not less of it the longer the memory."""
    now = [tf.constant(part) for pair in statistics(1) for part in pair]

    def gradient(keep):
        memory = memory_of(references, f"loss.memory={keep}")
        memory.step.assign(1)
        with tf.GradientTape() as tape:
            tape.watch(now)
            seen = memory.moments(list(zip(now[::2], now[1::2], strict=True)))
            value = sum(tf.reduce_sum(part * 3) for pair in seen for part in pair)
        return tape.gradient(value, now)

    for ours, theirs in zip(gradient(0.9), gradient(0), strict=True):
        np.testing.assert_allclose(ours, theirs)
        np.testing.assert_allclose(ours, np.full(ours.shape, 3))


def test_colours_of_the_last_few_batches_are_kept_and_the_oldest_makes_room(references):
    memory = memory_of(references)
    for step in range(PAST + 1):
        memory.step.assign(step)
        rows = memory.colours(tf.fill((8, 3), float(step)))

    assert rows.shape == ((PAST + 1) * COLOURS, 3)
    assert set(np.unique(rows)) == set(range(PAST + 1))  # with step 0, which only now is let go
    memory.step.assign(PAST + 1)
    assert 0.0 not in np.unique(memory.colours(tf.fill((8, 3), 99.0)))


def test_each_colour_of_a_batch_is_drawn_as_often_as_the_others_and_alone_has_a_gradient(references):
    memory, colours = memory_of(references), tf.constant(np.arange(24, dtype=np.float32).reshape(8, 3))
    with tf.GradientTape() as tape:
        tape.watch(colours)
        rows = memory.colours(colours)
        value = tf.reduce_sum(rows)

    assert np.unique(rows[:COLOURS, 0], return_counts=True)[1].tolist() == [COLOURS // 8] * 8
    np.testing.assert_allclose(
        tf.convert_to_tensor(tape.gradient(value, colours)), np.full((8, 3), COLOURS // 8)
    )


def test_slices_have_length_one_and_are_others_at_each_step(memory):
    first = np.array(memory.directions())
    memory.step.assign(1)

    np.testing.assert_allclose(np.linalg.norm(first, axis=0), 1, rtol=1e-5)
    assert np.abs(first - memory.directions()).max() > 0.1
