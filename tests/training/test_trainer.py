from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from keras_vst import losses
from keras_vst.config import RECIPES, with_overrides
from keras_vst.features import build_vgg16
from training.data import Photos, dataset
from training.trainer import TERMS, StyleTrainer

SMOKE = RECIPES["smoke"]


def make_trainer(config=SMOKE) -> StyleTrainer:
    tf.keras.utils.set_random_seed(0)
    features = build_vgg16()
    features.trainable = False
    rng = np.random.default_rng(0)
    pictures = [rng.random((1, 64, 64, 3)).astype("float32") for _ in range(config.student.num_styles)]
    grams = [losses.grams(features(picture)) for picture in pictures]
    stacked = {name: tf.concat([gram[name] for gram in grams], axis=0) for name in losses.STYLE_LAYERS}
    return StyleTrainer(config, features, stacked)


@pytest.fixture(scope="module")
def batch(photos):
    return next(iter(dataset(Photos(photos, 96), with_overrides(SMOKE, ["data.frames=3"]))))


@pytest.fixture(scope="module")
def trainer():
    return make_trainer(with_overrides(SMOKE, ["data.frames=3"]))


def gradients_of(trainer: StyleTrainer, batch, term: str):
    with tf.GradientTape() as tape:
        value = trainer.terms(batch, trainer.walk(batch["clip"], batch["style"]))[term]
    return tape.gradient(value, trainer.student.trainable_variables)


def test_a_step_logs_every_term_and_a_finite_objective(trainer, batch):
    logs = trainer.train_step(batch)

    assert set(logs) == {"objective", *TERMS}
    assert all(np.isfinite(float(value)) for value in logs.values())


@pytest.mark.parametrize("term", TERMS)
def test_each_term_has_a_gradient_in_every_part_of_the_student(trainer, batch, term):
    gradients = gradients_of(trainer, batch, term)

    moved = {
        variable.path.split("/")[-2]
        for variable, gradient in zip(trainer.student.trainable_variables, gradients, strict=True)
        if gradient is not None and float(tf.reduce_max(tf.abs(gradient))) > 0
    }
    assert {"stem", "down_8", "block_0_a", "smooth_2", "paint", "remember", "stem_style"} <= moved


def test_steps_lower_the_objective_on_one_batch(batch):
    trainer = make_trainer(
        with_overrides(SMOKE, ["data.frames=3", "schedule.steps=1000", "loss.temporal_full=0.0001"])
    )
    step = tf.function(trainer.train_step)
    first = float(step(batch)["objective"])
    for _ in range(25):
        last = float(step(batch)["objective"])

    assert last < 0.8 * first


def test_vgg16_is_never_trained_nor_saved(trainer):
    names = [variable.path for variable in trainer.trainable_variables]
    assert len(names) == len(trainer.student.trainable_variables)
    assert not any("conv1_1" in variable.path for variable in trainer.variables)


def test_the_running_mean_follows_the_student(batch):
    trainer = make_trainer(with_overrides(SMOKE, ["data.frames=3"]))
    before = trainer.averaged.get_weights()
    trainer.train_step(batch)
    decay = min(SMOKE.schedule.average, 2 / 11)

    now = zip(before, trainer.student.get_weights(), trainer.averaged.get_weights(), strict=True)
    for old, student, averaged in now:
        np.testing.assert_allclose(averaged, decay * old + (1 - decay) * student, atol=1e-6)


def test_temporal_weights_are_ramped_from_zero_to_full(batch):
    config = with_overrides(SMOKE, ["schedule.steps=10", "loss.temporal_from=0.2", "loss.temporal_full=0.6"])
    trainer = make_trainer(config)
    seen = []
    for step in (0, 2, 4, 6, 10):
        trainer.student_optimizer.iterations.assign(step)
        weights = trainer.term_weights()
        seen.append(float(weights["temporal"]))
        assert float(weights["content"]) == config.loss.content

    np.testing.assert_allclose(
        seen, [0, 0, config.loss.temporal / 2, config.loss.temporal, config.loss.temporal]
    )


def test_a_still_clip_painted_the_same_way_does_not_flicker(trainer, batch):
    still = {**batch, "clip": tf.repeat(batch["clip"][:, :1], 3, axis=1)}
    still["flow"], still["visible"] = tf.zeros_like(batch["flow"]), tf.ones_like(batch["visible"])
    still["light"] = tf.ones_like(batch["light"])
    terms = trainer.terms(still, [still["clip"][:, 0]] * 3)

    assert float(terms["temporal"]) == 0
    assert float(terms["long_term"]) == 0
    assert float(terms["content"]) < 1e-9


def test_a_scene_that_grows_brighter_may_be_painted_brighter(trainer, batch):
    frame = tf.fill(batch["clip"][:, 0].shape, 0.4)
    stylized = [frame, frame * 1.1, frame * 1.2]
    still = {**batch, "clip": tf.stack(stylized, axis=1), "light": tf.constant([[1.0, 1.1, 1.2]] * 2)}
    still["flow"], still["visible"] = tf.zeros_like(batch["flow"]), tf.ones_like(batch["visible"])

    assert float(trainer.terms(still, stylized)["temporal"]) < 1e-9
    dark = {**still, "light": tf.ones((2, 3))}
    assert float(trainer.terms(dark, stylized)["temporal"]) > 1e-4
