from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from keras_vst.config import RECIPES
from tests.training.trainers import TINY, features, floats, make_batch, make_trainer, moved, tiny, weights_of
from training.trainer import build_trainer

EVERY_TERM = [
    "data.frames=3",
    "loss.palette=1",
    "loss.temporal_features=1",
    "loss.smoothness=1",
    "loss.stability=1",
    "loss.border=1",
    "loss.temporal_flat=2",
]
CONFIG = tiny("painting", *EVERY_TERM)


@pytest.fixture(scope="module")
def trainer():
    return make_trainer(CONFIG)


@pytest.fixture(scope="module")
def batch():
    return {name: tf.constant(array) for name, array in make_batch(CONFIG).items()}


@pytest.mark.parametrize("name", [name for name in RECIPES if name != "smoke"])
def test_every_recipe_takes_a_step_and_logs_each_term_raw_and_weighted(name):
    config = tiny(name)
    trainer = make_trainer(config)
    before = weights_of(trainer.generator)

    logs = floats(trainer.train_step(make_batch(config)))

    assert trainer.step == 1
    assert all(np.isfinite(term) for term in logs.values())
    assert trainer.networks["generator"] is trainer.generator
    assert {*config.terms, *(f"weighted_{term}" for term in config.terms), "objective"} <= set(logs)
    assert logs["objective"] == pytest.approx(
        sum(logs[f"weighted_{term}"] for term in config.terms), rel=1e-5
    )
    assert len(moved(trainer.generator, before)) == len(before)


def test_a_term_without_weight_is_neither_computed_nor_logged():
    config = tiny("painting", "loss.style=0", "loss.long_term=0", "loss.border=0")

    logs = make_trainer(config).train_step(make_batch(config))

    assert set(logs) == {"objective", "content", "temporal", "weighted_content", "weighted_temporal"}


def test_each_term_has_a_gradient_in_every_part_of_the_student(trainer, batch):
    variables = trainer.generator.trainable_variables
    with tf.GradientTape(persistent=True) as tape:
        terms = trainer.terms(batch, trainer.walk(batch))

    assert set(terms) == set(CONFIG.terms)
    for term, value in terms.items():
        gradients = zip(variables, tape.gradient(value, variables), strict=True)
        reached = {
            variable.path.split("/")[-2]
            for variable, gradient in gradients
            if gradient is not None and float(tf.reduce_max(tf.abs(gradient))) > 0
        }
        assert {"stem", "down_8", "up_4_widen", "smooth_4", "stem_norm"} <= reached, term
        assert term == "temporal_features" or {"paint", "mix_2"} <= reached, term


def test_steps_lower_the_objective_on_one_batch(batch):
    config = tiny("painting", "data.frames=3", "schedule.steps=1000", "loss.temporal_full=0.0001")
    trainer = make_trainer(config)
    step = tf.function(trainer.train_step)
    first = float(step(batch)["objective"])
    for _ in range(25):
        last = float(step(batch)["objective"])

    assert last < 0.8 * first


def test_the_border_is_compared_with_the_inside_of_the_whole_frame_over_two_frames(batch):
    trainer, margin, channels = make_trainer(CONFIG), CONFIG.data.margin, CONFIG.student.state_channels
    walk = trainer.walk(batch)
    clip, style = walk.batch["clip"].numpy(), walk.batch["style"].numpy()
    alone = np.pad(
        clip[:, :, margin:-margin, margin:-margin], [(0, 0), (0, 0), (8, 8), (8, 8), (0, 0)], mode="edge"
    )
    state, errors = np.zeros((len(clip), alone.shape[2] // 4, alone.shape[3] // 4, channels), np.float32), []
    for time in (0, 1):
        given = {"frame": alone[:, time], "style": style, "state": state}
        outputs = {name: tensor.numpy() for name, tensor in trainer.generator(given, training=True).items()}
        whole, state = walk.stylized[time].numpy(), outputs["state"]
        errors.append(outputs["stylized"][:, 8:-8, 8:-8] - whole[:, margin:-margin, margin:-margin])

    assert float(trainer.border(walk)) == pytest.approx(np.square(errors).mean(), rel=1e-3)


def test_vgg16_is_never_trained_nor_saved(trainer):
    assert len(trainer.trainable_variables) == len(trainer.generator.trainable_variables)
    assert not any("conv1_1" in variable.path for variable in trainer.variables)


def test_the_running_mean_follows_the_student(batch):
    trainer = make_trainer(CONFIG)
    before = trainer.averaged.get_weights()
    trainer.train_step(batch)
    decay = min(CONFIG.schedule.average, 2 / 11)

    now = zip(before, trainer.generator.get_weights(), trainer.averaged.get_weights(), strict=True)
    for old, student, averaged in now:
        np.testing.assert_allclose(averaged, decay * old + (1 - decay) * student, atol=1e-6)


def test_temporal_weights_are_ramped_from_zero_to_full():
    config = tiny("painting", "schedule.steps=10", "loss.temporal_from=0.2", "loss.temporal_full=0.6")
    trainer, full = make_trainer(config), config.loss.temporal
    seen = []
    for step in (0, 2, 4, 6, 10):
        trainer.generator_optimizer.iterations.assign(step)
        weights = trainer.term_weights()
        seen.append(float(weights["temporal"]))
        assert float(weights["content"]) == config.loss.content

    np.testing.assert_allclose(seen, [0, 0, full / 2, full, full])


def test_a_style_of_more_contrast_is_held_harder():
    config = tiny("painting", "student.num_styles=2", "loss.temporal_by_contrast=true")
    trainer = make_trainer(config)
    trainer.generator_optimizer.iterations.assign(config.schedule.steps)
    contrast = np.array(trainer._judge.references.contrast)

    for index in range(2):
        style = np.eye(2, dtype=np.float32)[[index]]
        weights = trainer.term_weights(style)
        assert float(weights["temporal"]) == pytest.approx(config.loss.temporal * contrast[index], rel=1e-5)
        assert float(weights["style"]) == config.loss.style


def test_each_style_can_have_a_weight_of_its_own():
    config = tiny("painting", "student.num_styles=2", "loss.style_each=0.5,2")
    trainer = make_trainer(config)
    found = [float(trainer.term_weights(np.eye(2, dtype=np.float32)[[index]])["style"]) for index in range(2)]
    assert found == pytest.approx([0.5 * config.loss.style, 2 * config.loss.style])


def test_a_checkpoint_brings_back_weights_optimizer_and_step(tmp_path, batch):
    trainer, other = make_trainer(CONFIG), make_trainer(CONFIG, seed=1)
    trainer.train_step(batch)
    trainer.save_weights(tmp_path / "trainer.weights.h5")
    other.load_weights(tmp_path / "trainer.weights.h5")

    assert other.step == 1
    ahead, again = floats(trainer.train_step(batch)), floats(other.train_step(batch))
    assert ahead == pytest.approx(again, rel=1e-5)
    for one, two in zip(trainer.averaged.get_weights(), other.averaged.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)


def test_what_is_remembered_of_styles_is_in_the_checkpoint(tmp_path, batch):
    config = tiny("painting", *EVERY_TERM, "loss.style_memory=0.75")
    trainer, other = make_trainer(config), make_trainer(config, seed=1)
    forgetful = make_trainer(tiny("painting", *EVERY_TERM, "loss.style_memory=0"))
    for each in (trainer, forgetful):
        each.train_step(batch)
    trainer.save_weights(tmp_path / "trainer.weights.h5")
    other.load_weights(tmp_path / "trainer.weights.h5")

    rest = make_batch(config, seed=5)
    ahead, again, forgot = (floats(each.train_step(rest))["style"] for each in (trainer, other, forgetful))
    assert ahead == pytest.approx(again, rel=1e-5)
    assert ahead != pytest.approx(forgot, rel=1e-3)


def test_half_the_clips_are_only_begun(trainer, batch):
    walk = trainer.walk(batch)

    assert walk.begun.shape[0] == 1
    assert [frame.shape[0] for frame in walk.stylized] == [1, 1, 1]
    np.testing.assert_array_equal(walk.batch["clip"], batch["clip"][1:])


def test_without_references_a_style_term_says_what_is_missing():
    trainer = build_trainer(tiny("painting"), features())

    with pytest.raises(ValueError, match=r"references=None\. Make them with `style_references`"):
        trainer.train_step(make_batch(tiny("painting")))


def test_without_vgg16_a_content_term_says_what_is_missing():
    with pytest.raises(ValueError, match=r"loss\.content needs VGG16.*features=None"):
        build_trainer(tiny("painting"))


@pytest.mark.slow
def test_one_clip_can_be_learned_by_heart():
    config = tiny("painting", "data.frames=3", "schedule.steps=400", "student.channels=8,8,16", *TINY[1:2])
    trainer, batch = make_trainer(config), make_batch(config)
    step = tf.function(trainer.train_step)
    tensors = {name: tf.constant(array) for name, array in batch.items()}
    first = floats(step(tensors))
    for _ in range(399):
        last = floats(step(tensors))

    assert last["style"] < 0.35 * first["style"]
    assert last["temporal"] < first["temporal"]
