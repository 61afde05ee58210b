from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from keras_vst.ops import warp
from tests.training.toys import floats, make_batch, make_trainer, tiny

CONFIG = tiny("film", "data.frames=3", "teacher.noise_channels=2", "loss.diversity=1")


@pytest.fixture(scope="module")
def batch():
    return {name: tf.constant(array) for name, array in make_batch(CONFIG).items()}


@pytest.fixture(scope="module")
def trainer():
    return make_trainer(CONFIG)


def given_to(trainer, batch):
    """What the teacher is handed at each frame of the clips, and what it makes of them."""
    seen, paint = [], trainer._painted

    def look(given, training=True):
        seen.append(given)
        return paint(given, training)

    trainer._painted = look
    stylized = trainer.paint_clip(batch)
    trainer._painted = paint
    return seen, stylized


def test_the_teacher_starts_with_nothing_and_is_then_handed_its_last_picture_moved_by_the_flow(
    trainer, batch
):
    (first, second, third), stylized = given_to(trainer, batch)

    assert float(tf.reduce_max(tf.abs(first["warped"]))) == float(tf.reduce_max(first["visible"])) == 0
    for given, earlier in ((second, 0), (third, 1)):
        moved = warp(stylized[earlier], batch["flow"][:, earlier])
        np.testing.assert_allclose(given["warped"], moved, atol=1e-6)
        np.testing.assert_array_equal(given["visible"], batch["visible"][:, earlier])
        np.testing.assert_array_equal(given["frame"], batch["clip"][:, earlier + 1])


def test_noise_is_one_map_a_clip_and_every_other_step_there_is_none(trainer, batch):
    seen = []
    for step in (0, 1, 2):
        trainer.generator_optimizer.iterations.assign(step)
        maps = [np.array(given["noise"]) for given in given_to(trainer, batch)[0]]
        assert all(np.array_equal(one, maps[0]) for one in maps)
        seen.append(np.abs(maps[0]).max())
    trainer.generator_optimizer.iterations.assign(0)

    assert seen[0] == seen[2] == 0
    assert seen[1] > 0.5


def test_a_clip_is_unrolled_so_that_the_last_frame_answers_for_the_first(trainer, batch):
    first = tf.Variable(batch["clip"][:, :1])
    with tf.GradientTape() as tape:
        clip = tf.concat([first, batch["clip"][:, 1:]], axis=1)
        last = tf.reduce_sum(trainer.paint_clip({**batch, "clip": clip})[-1])

    assert float(tf.reduce_max(tf.abs(tape.gradient(last, first)))) > 0


def test_half_the_clips_are_judged_where_they_begin_and_half_where_they_have_a_past(trainer, batch):
    stylized, inner = trainer.paint_clip(batch), slice(8, -8)

    shown, original = trainer.judged(batch, stylized)

    np.testing.assert_array_equal(shown[0], stylized[0][0, inner, inner])
    np.testing.assert_array_equal(shown[1], stylized[-1][1, inner, inner])
    np.testing.assert_array_equal(original[1], batch["clip"][1, -1, inner, inner])


def test_a_step_trains_the_teacher_and_logs_diversity(batch):
    trainer = make_trainer(CONFIG)

    logs = floats(trainer.train_step(batch))

    assert 0 <= logs["diversity"] <= 1
    assert all(np.isfinite(term) for term in logs.values())
    assert trainer.averaged.name == "teacher"
