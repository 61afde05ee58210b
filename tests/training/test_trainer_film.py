from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tests.training.trainers import floats, make_batch, make_trainer, tiny

CONFIG = tiny("film", "data.frames=3", "teacher.noise_channels=2", "loss.diversity=1", "loss.stability=1")


@pytest.fixture(scope="module")
def batch():
    return {name: tf.constant(array) for name, array in make_batch(CONFIG).items()}


@pytest.fixture(scope="module")
def trainer():
    return make_trainer(CONFIG)


def test_the_teacher_starts_with_nothing_and_is_then_handed_its_last_picture_moved_by_the_flow(
    trainer, batch
):
    from keras_vst.ops import warp

    walk = trainer.walk(batch)
    first, second, third = walk.given

    assert float(tf.reduce_max(tf.abs(first["warped"]))) == float(tf.reduce_max(first["visible"])) == 0
    for given, earlier, index in ((second, 0, 0), (third, 1, 1)):
        np.testing.assert_allclose(
            given["warped"], warp(walk.stylized[earlier], walk.batch["flow"][:, index]), atol=1e-6
        )
        np.testing.assert_array_equal(given["visible"], walk.batch["visible"][:, index])


def test_noise_is_one_map_a_clip_and_every_other_step_there_is_none(trainer, batch):
    seen = []
    for step in (0, 1, 2):
        trainer.generator_optimizer.iterations.assign(step)
        maps = [np.array(given["noise"]) for given in trainer.walk(batch).given]
        assert all(np.array_equal(one, maps[0]) for one in maps)
        seen.append(np.abs(maps[0]).max())
    trainer.generator_optimizer.iterations.assign(0)

    assert seen[0] == seen[2] == 0
    assert seen[1] > 0.5


def test_a_clip_is_unrolled_so_that_the_last_frame_answers_for_the_first(trainer, batch):
    first = tf.Variable(batch["clip"][:, :1])
    with tf.GradientTape() as tape:
        clip = tf.concat([first, batch["clip"][:, 1:]], axis=1)
        last = tf.reduce_sum(trainer.walk({**batch, "clip": clip}).stylized[-1])

    assert float(tf.reduce_max(tf.abs(tape.gradient(last, first)))) > 0


def test_a_step_trains_the_teacher_and_logs_diversity(batch):
    trainer = make_trainer(CONFIG)

    logs = floats(trainer.train_step(batch))

    assert 0 <= logs["diversity"] <= 1
    assert all(np.isfinite(term) for term in logs.values())
    assert trainer.averaged.name == "teacher"
