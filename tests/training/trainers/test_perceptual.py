from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tests.training.toys import floats, make_batch, make_trainer, moved, tiny, weights_of
from training.loop import build_trainer
from training.recipes import RECIPES
from training.terms import active
from training.trainers.perceptual import AVERAGE, tensors

CONFIG = tiny("painting", "data.frames=3", "loss.grid=0")
TAUGHT = tiny("distil")


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
    terms = active(config)
    assert {*terms, *(f"weighted_{term}" for term in terms), "objective"} <= set(logs)
    assert logs["objective"] == pytest.approx(sum(logs[f"weighted_{term}"] for term in terms), rel=1e-5)
    assert len(moved(trainer.generator, before)) == len(before)


def test_each_term_has_a_gradient_in_every_part_of_the_student(trainer, batch):
    variables = trainer.generator.trainable_variables
    with tf.GradientTape(persistent=True) as tape:
        terms = trainer.terms(trainer.painted(batch))

    assert set(terms) == set(active(CONFIG))
    for term, value in terms.items():
        gradients = zip(variables, tape.gradient(value, variables), strict=True)
        reached = {
            variable.path.split("/")[-2]
            for variable, gradient in gradients
            if gradient is not None and float(tf.reduce_max(tf.abs(gradient))) > 0
        }
        assert {"stem", "down_8", "up_4_widen", "smooth_4", "stem_norm", "paint", "mix_2"} <= reached, term


def test_a_grid_costs_where_the_frame_is_flat(batch):
    trainer = make_trainer(tiny("painting", "data.frames=3", "loss.grid=1"))
    flat = {**batch, "clip": 0.5 + 0.02 * batch["clip"]}

    def grid(batch):
        return float(trainer.terms(trainer.painted(batch))["grid"])

    assert grid(flat) < 1e-9, "at birth there is none"
    kernel = trainer.generator.get_layer("paint").kernel
    kernel.assign(kernel + tf.random.stateless_normal(kernel.shape, (0, 1)))
    assert grid(batch) < 1e-9 < 1e-3 < grid(flat)


def test_the_border_is_compared_with_the_inside_of_the_whole_frame_which_does_not_learn(batch):
    trainer, inner = make_trainer(CONFIG), slice(8, -8)
    frames = batch["clip"].numpy()[:, 0]
    alone = np.pad(frames[:, inner, inner], [(0, 0), (8, 8), (8, 8), (0, 0)], mode="edge")
    whole = trainer.paint_clip(batch)

    painted = trainer.generator({"frame": alone}, training=True)["stylized"].numpy()
    error = painted[:, inner, inner] - whole[0].numpy()[:, inner, inner]
    with tf.GradientTape() as tape:
        tape.watch(whole[0])
        found = trainer.border(batch, whole)
    assert float(found) == pytest.approx(np.square(error).mean(), rel=1e-3)
    assert tape.gradient(found, whole[0]) is None


def test_with_norms_held_a_step_learns_in_the_state_in_which_the_network_will_run(batch):
    trainer = make_trainer(CONFIG)
    trainer.train_step(batch)
    trainer.norms_held = True
    before = weights_of(trainer.generator)
    statistics = [np.array(variable) for variable in trainer.generator.non_trainable_variables]
    running = trainer.paint_clip(batch, training=False)
    np.testing.assert_array_equal(running[0], trainer.paint_clip(batch)[0])

    trainer.train_step(batch)

    for variable, old in zip(trainer.generator.non_trainable_variables, statistics, strict=True):
        np.testing.assert_array_equal(variable, old)
    changed = moved(trainer.generator, before)
    assert len(changed) == len(before)
    assert any(path.endswith("gamma") for path in changed)


def test_vgg16_is_never_trained_nor_saved(trainer):
    assert len(trainer.trainable_variables) == len(trainer.generator.trainable_variables)
    assert not any("conv1_1" in variable.path for variable in trainer.variables)


def test_the_running_mean_follows_the_student(batch):
    trainer = make_trainer(CONFIG)
    before = trainer.averaged.get_weights()
    trainer.train_step(batch)
    decay = min(AVERAGE, 2 / 11)

    now = zip(before, trainer.generator.get_weights(), trainer.averaged.get_weights(), strict=True)
    for old, student, averaged in now:
        np.testing.assert_allclose(averaged, decay * old + (1 - decay) * student, atol=1e-6)


def test_temporal_weights_are_ramped_from_zero_to_full():
    config = tiny("painting", "schedule.steps=100")
    trainer, full = make_trainer(config), config.loss.weights["temporal"]
    seen = []
    for step in (0, 6, 21, 36, 100):
        trainer.generator_optimizer.iterations.assign(step)
        weights = trainer.term_weights()
        seen.append(float(weights["temporal"]))
        assert float(weights["content"]) == pytest.approx(config.loss.weights["content"])

    np.testing.assert_allclose(seen, [0, 0, full / 2, full, full], atol=1e-5)


def test_a_checkpoint_brings_back_every_variable_and_the_run_goes_on_alike(tmp_path, batch):
    trainer, other = make_trainer(CONFIG), make_trainer(CONFIG, seed=1)
    trainer.train_step(batch)
    trainer.save_weights(tmp_path / "trainer.weights.h5")
    other.load_weights(tmp_path / "trainer.weights.h5")

    assert other.step == 1
    kept = list(
        zip(
            *([*each.variables, *each.generator_optimizer.variables] for each in (trainer, other)),
            strict=True,
        )
    )
    assert any("memory/moments" in variable.path for variable, _ in kept)
    for one, two in kept:
        np.testing.assert_array_equal(one, two, err_msg=one.path)
    rest = make_batch(CONFIG, seed=5)
    assert floats(trainer.train_step(rest)) == pytest.approx(floats(other.train_step(rest)), rel=1e-4)


def test_without_vgg16_a_content_term_says_what_is_missing():
    with pytest.raises(ValueError, match=r"loss\.content needs VGG16.*features=None"):
        build_trainer(tiny("painting"))


def test_what_is_painted_as_the_teacher_does_costs_nothing():
    trainer, batch = make_trainer(TAUGHT), make_batch(TAUGHT)
    painted = trainer.paint_clip(tensors(batch))
    batch["taught"] = np.stack([np.array(frame) for frame in painted], axis=1)

    logs = floats(trainer.train_step(batch))

    assert logs["taught"] == pytest.approx(0, abs=1e-6)
    assert logs["steadier"] == 0
    for name in ("content", "style", "palette"):
        assert logs[name] == pytest.approx(0, abs=1e-4), name


def test_the_distance_is_of_pixels_and_of_means_of_four_inside_the_margin():
    trainer, batch = make_trainer(TAUGHT), tensors(make_batch(TAUGHT))
    inner = slice(TAUGHT.data.margin, -TAUGHT.data.margin)
    found = []
    for time, frame in enumerate(trainer.paint_clip(batch)):
        apart = (np.array(frame) - np.array(batch["taught"])[:, time])[:, inner, inner]
        means = apart.reshape(len(apart), 4, 4, 4, 4, 3).mean(axis=(2, 4))
        found.append(np.abs(apart).mean() + np.abs(means).mean())

    assert floats(make_trainer(TAUGHT).train_step(batch))["taught"] == pytest.approx(np.mean(found), rel=1e-3)


def test_only_more_change_than_the_teachers_costs():
    batch = make_batch(TAUGHT)
    batch["flow"], batch["visible"] = np.zeros_like(batch["flow"]), np.ones_like(batch["visible"])
    still = {name: np.repeat(batch[name][:, :1], TAUGHT.data.frames, axis=1) for name in ("clip", "taught")}

    steady = floats(make_trainer(TAUGHT).train_step({**batch, "clip": still["clip"]}))
    restless = floats(make_trainer(TAUGHT).train_step({**batch, "taught": still["taught"]}))

    assert steady["steadier"] == 0
    assert restless["steadier"] > 0.01


def test_a_step_that_does_not_look_through_vgg16_has_the_other_terms_and_moves_the_weights():
    trainer, batch = make_trainer(TAUGHT), make_batch(TAUGHT)
    before = weights_of(trainer.generator)
    trainer.looks = False

    logs = floats(trainer.train_step(batch))

    terms = {name for name in logs if not name.startswith("weighted_")}
    assert terms == {"objective", "border", "taught", "steadier"}
    assert logs["objective"] == pytest.approx(sum(logs[f"weighted_{name}"] for name in terms - {"objective"}))
    assert moved(trainer.generator, before)


def test_pictures_of_other_frames_are_refused():
    batch = make_batch(TAUGHT)
    batch["taught"] = batch["taught"][:, :1]

    with pytest.raises(ValueError, match="Make both from one clip"):
        make_trainer(TAUGHT).train_step(batch)
