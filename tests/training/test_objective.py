from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from keras_vst import losses
from tests.harness import random_array
from tests.training.trainers import features
from training.objective import CONTRAST_RANGE, Judge, StyleMemory, style_references


def picture(seed):
    return random_array((1, 32, 32, 3), seed)


@pytest.fixture(scope="module")
def judge():
    return Judge(features(), style_references(features(), [[picture(0)], [picture(1), picture(2)]]))


def test_references_hold_a_row_a_style_and_average_the_pictures_of_one(judge):
    grams = [losses.grams(features()(picture(seed))) for seed in range(3)]

    for name in losses.STYLE_LAYERS:
        rows = np.array(judge.references.grams[name])
        np.testing.assert_allclose(rows[0], grams[0][name][0], rtol=1e-5)
        np.testing.assert_allclose(rows[1], (grams[1][name][0] + grams[2][name][0]) / 2, rtol=1e-5)


def test_a_picture_in_its_own_style_is_at_zero(judge):
    style = np.float32([[1, 0]])

    terms = judge.terms(picture(0), picture(0), style, ("content", "style", "palette"))

    assert all(float(term) < 1e-6 for term in terms.values())
    other = judge.terms(picture(0), picture(0), np.float32([[0, 1]]), ("style",))
    assert float(other["style"]) > 1e-4


def test_a_batch_is_judged_as_a_whole(judge):
    """Two pictures of which neither has the style's Gram matrix may have it together."""
    style, both = np.float32([[0, 1]] * 2), np.concatenate([picture(1), picture(2)])

    assert float(judge.terms(both, both, style, ("style",))["style"]) < 1e-6
    alone = judge.terms(picture(1), picture(1), style, ("style",))
    assert float(alone["style"]) > 1e-5


def style_term(judge, shown, style, memory):
    return float(judge.terms(shown, shown, style, ("style",), memory)["style"])


def test_with_a_memory_pictures_shown_one_after_the_other_count_together(judge):
    """The second style is the mean of two pictures: each alone is off it, half of each is on it."""
    style, memory = np.float32([[0, 1]]), StyleMemory(judge.references, keep=0.5)

    first = style_term(judge, picture(1), style, memory)
    assert first == pytest.approx(style_term(judge, picture(1), style, None), rel=1e-5)
    assert style_term(judge, picture(2), style, memory) < 1e-6 < first


def test_each_style_has_a_memory_of_its_own(judge):
    memory = StyleMemory(judge.references, keep=0.9)
    style_term(judge, picture(1), np.float32([[0, 1]]), memory)

    assert style_term(judge, picture(0), np.float32([[1, 0]]), memory) < 1e-6


def test_the_gradient_of_what_is_remembered_is_that_of_the_batch_alone(judge):
    """As if all that was painted before had been painted along: not less of it the longer the memory."""
    style, shown = np.float32([[1, 0]]), tf.Variable(picture(3))

    def gradient(keep):
        memory = StyleMemory(judge.references, keep)
        for _ in range(2):
            with tf.GradientTape() as tape:
                term = judge.terms(shown, shown, style, ("style",), memory)["style"]
        return tape.gradient(term, shown).numpy()

    np.testing.assert_allclose(gradient(0.9), gradient(0.0), rtol=1e-3, atol=1e-8)
    assert np.abs(gradient(0.9)).max() > 0


def test_only_what_is_wanted_is_looked_at(judge):
    style = np.float32([[1, 0]])

    assert set(judge.terms(picture(0), picture(1), style, ("content", "temporal"))) == {"content"}
    assert judge.terms(picture(0), picture(1), style, ("temporal",)) == {}
    assert judge.nearness(picture(0), picture(1), ("temporal",)) == {}


def test_nearness_compares_with_the_painted_picture_itself(judge):
    wanted = ("content", "style", "palette")

    assert all(float(term) < 1e-6 for term in judge.nearness(picture(0), picture(0), wanted).values())
    assert all(float(term) > 1e-5 for term in judge.nearness(picture(0), picture(1), wanted).values())


def test_contrast_grows_with_the_energy_of_the_features_within_its_range():
    found = style_references(features(), [[0 * picture(0)], [picture(0)], [400 * picture(0)]]).contrast

    assert float(found[0]) == CONTRAST_RANGE[0]
    assert (np.diff(np.array(found)) >= 0).all()
    assert float(max(found)) <= CONTRAST_RANGE[1]
