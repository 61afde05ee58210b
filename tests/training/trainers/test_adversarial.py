from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from keras_vst.config import DiscriminatorConfig
from keras_vst.config.overrides import with_overrides
from keras_vst.models.discriminator import build_discriminator
from tests.harness import random_array
from tests.training.toys import features, floats, make_batch, make_trainer, moved, tiny, weights_of
from training.backend import minimize
from training.loop import build_trainer
from training.terms import TERMS
from training.trainers import adversarial as critics
from training.trainers import perceptual
from training.trainers.perceptual import tensors

CONFIG = tiny("collection", "loss.adversarial_from=0", "loss.adversarial_full=0.01", "data.batch=4")
REAL = {"frames": ops.convert_to_tensor(np.full((2, 16, 16, 3), 0.9, np.float32))}
FAKE = {"frames": ops.convert_to_tensor(random_array((2, 16, 16, 3)))}
PATCHES = tiny("keyframes")
PLAIN = tiny("keyframes", "loss.style=0", "loss.adversarial=0")


@pytest.fixture(scope="module")
def batch():
    return {name: tf.constant(array) for name, array in make_batch(CONFIG).items()}


@pytest.fixture(scope="module")
def trainer():
    return make_trainer(CONFIG)


def test_generators_and_discriminators_each_move_their_own_weights_only(trainer, batch):
    networks, painters = trainer.networks, {"generator", "reverse"}
    before = {name: weights_of(network) for name, network in networks.items()}

    _, painted = trainer.train_generators(batch)
    between = {name: weights_of(network) for name, network in networks.items()}
    assert {name for name, network in networks.items() if moved(network, before[name])} == painters

    trainer.train_discriminators(batch, painted.fakes)
    changed = {name for name, network in networks.items() if moved(network, between[name])}
    assert changed == set(networks) - painters


def test_each_term_reaches_the_networks_that_it_should_and_no_others(trainer, batch):
    terms = [name for name, term in TERMS.items() if "perceptual" in term.kinds] + ["identity"]
    judged = {name: {"generator", name} for name in ("adversarial", "adversarial_motion")}
    wanted = {
        **{name: {"generator"} for name in terms},
        **judged,
        "adversarial_reverse": {"reverse", "adversarial_reverse"},
        "cycle": {"generator", "reverse"},
    }
    with tf.GradientTape(persistent=True) as tape:
        found = trainer.terms(trainer.painted(batch))
    variables = {name: network.trainable_variables for name, network in trainer.networks.items()}

    assert set(found) == set(wanted)
    for term, value in found.items():
        gradients = tape.gradient(value, variables)
        reached = {
            name
            for name, slopes in gradients.items()
            if any(one is not None and float(tf.reduce_max(tf.abs(one))) > 0 for one in slopes)
        }
        assert reached == wanted[term], term


def test_the_running_statistics_are_those_of_frames_whatever_else_is_painted(batch):
    weights = make_trainer(CONFIG).generator.get_weights()

    def followed(*settings):
        trainer = make_trainer(with_overrides(CONFIG, list(settings)))
        trainer.generator.set_weights(weights)
        trainer.terms(trainer.painted(batch))
        norms = [layer for layer in trainer.generator.layers if layer.name.endswith("_norm")]
        return [np.asarray(norm.moving_mean) for norm in norms]

    found, wanted = followed(), followed("loss.identity=0", "loss.cycle=0", "loss.adversarial_reverse=0")
    assert wanted
    assert np.abs(wanted[0]).max() > 0
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_the_generator_feels_the_adversarial_terms_later_and_is_then_held_harder(monkeypatch):
    config = tiny("clip", "schedule.steps=10", "loss.adversarial_from=0.2", "loss.adversarial_full=0.6")
    monkeypatch.setattr(perceptual, "TEMPORAL_ENTERS", (0.0, 0.0))
    trainer, loss = make_trainer(config), config.loss.weights
    seen = []
    for step in (0, 2, 4, 6):
        trainer.generator_optimizer.iterations.assign(step)
        weights = trainer.term_weights()
        seen.append([float(weights["adversarial"]), float(weights["temporal"])])

    np.testing.assert_allclose(
        seen,
        [
            [0, loss["temporal"]],
            [0, loss["temporal"]],
            [loss["adversarial"] / 2, 1.25 * loss["temporal"]],
            [loss["adversarial"], 1.5 * loss["temporal"]],
        ],
        rtol=1e-5,
    )


def test_scores_are_the_logits_of_each_discriminator_for_real_and_fake(trainer, batch):
    scores = trainer.scores(batch)

    assert set(scores) == {f"{name}_{side}" for name in trainer.discriminators for side in ("real", "fake")}
    assert all(len(row.shape) == 1 for row in scores.values())


def test_a_checkpoint_brings_back_every_network_and_both_optimizers(tmp_path):
    light = [f"loss.{term}=0" for term in ("content", "style", "temporal", "adversarial_motion")]
    config = tiny("collection", "data.frames=2", *light)
    batch, trainer, other = make_batch(config), make_trainer(config), make_trainer(config, seed=1)
    trainer.train_step(batch)
    trainer.save_weights(tmp_path / "trainer.weights.h5")
    other.load_weights(tmp_path / "trainer.weights.h5")

    ahead, again = floats(trainer.train_step(batch)), floats(other.train_step(batch))
    assert ahead == pytest.approx(again, rel=1e-4)
    assert other.step == 2


@pytest.mark.parametrize("frames", [1, 2])
def test_a_painting_of_another_shape_is_refused(trainer, batch, frames):
    with pytest.raises(
        ValueError, match=rf"needs 3 frame\(s\) of 16x16.*Received: \(4, {frames}, 16, 16, 3\)"
    ):
        trainer.train_step({**batch, "painting": batch["painting"][:, :frames]})


def discriminator():
    keras.utils.set_random_seed(0)
    return build_discriminator(DiscriminatorConfig(channels=(4, 8)))


def test_a_discriminator_learns_to_tell_noise_from_flat():
    network, optimizer = discriminator(), keras.optimizers.Adam(0.01)
    for _ in range(10):
        critics.norm_weights(network)
        value, means = minimize(
            lambda: critics.tell_apart(network, REAL, FAKE), network.trainable_variables, optimizer
        )

    assert np.isfinite(float(value))
    assert float(means["score_real"]) > float(means["score_fake"])


def test_norming_brings_the_largest_gain_of_a_layer_to_one():
    network = discriminator()
    kernel = network.get_layer("scale_0_conv_1_spectral").layer.kernel
    kernel.assign(kernel * 7)
    for _ in range(30):
        critics.norm_weights(network)

    matrix = np.array(kernel).reshape(-1, kernel.shape[-1])
    assert np.linalg.svd(matrix, compute_uv=False)[0] == pytest.approx(1.0, rel=0.02)


def test_judging_rewrites_no_weights():
    network = discriminator()
    before = [np.array(variable) for variable in network.variables]

    critics.tell_apart(network, REAL, FAKE)

    for old, variable in zip(before, network.variables, strict=True):
        np.testing.assert_array_equal(old, variable)


def test_without_style_and_discriminator_nothing_but_the_painted_patch_is_needed():
    logs = floats(build_trainer(PLAIN).train_step(make_batch(PLAIN)))

    assert set(logs) == {"objective", "supervised", "weighted_supervised"}


def test_the_supervised_term_is_the_distance_from_what_was_painted_inside_the_margin():
    trainer, batch = make_trainer(PLAIN), tensors(make_batch(PLAIN))
    inner = slice(PLAIN.data.margin, -PLAIN.data.margin)
    error = np.abs(np.array(trainer.paint(batch["frame"])) - np.array(batch["target"]))[:, inner, inner]

    logs = floats(make_trainer(PLAIN).train_step(batch))

    assert logs["supervised"] == pytest.approx(error.mean(), rel=1e-4)


def test_the_step_of_the_discriminator_moves_its_own_weights_only():
    trainer, batch = make_trainer(PATCHES), tensors(make_batch(PATCHES))
    before = {name: weights_of(network) for name, network in trainer.networks.items()}
    fakes = trainer.painted(batch).fakes

    trainer.train_discriminators(batch, fakes)

    assert moved(trainer.generator, before["generator"]) == []
    assert moved(trainer.discriminators["adversarial"], before["adversarial"]) != []


def test_a_clip_is_held_still_where_that_is_asked_for():
    config = tiny("keyframes", "loss.temporal=1", "data.frames=2")

    logs = floats(make_trainer(config).train_step(make_batch(config)))

    assert logs["temporal"] > 0


def test_scores_are_those_of_pairs():
    trainer = make_trainer(PATCHES)

    assert set(trainer.discriminators["adversarial"].input) == {"frames", "condition"}
    assert set(trainer.scores(make_batch(PATCHES))) == {"adversarial_real", "adversarial_fake"}
    assert build_trainer(PLAIN, features()).scores(make_batch(PLAIN)) == {}


def test_patches_that_do_not_match_are_refused():
    batch = make_batch(PLAIN)

    with pytest.raises(ValueError, match=r"alike in shape.*\(2, 32, 32, 3\) and \(2, 24, 32, 3\)"):
        build_trainer(PLAIN).train_step({**batch, "target": batch["target"][:, 4:-4]})


def test_a_discriminator_soon_tells_brushwork_of_a_few_levels_from_none():
    keras.utils.set_random_seed(3)
    rng = np.random.default_rng(3)
    discriminator = build_discriminator(DiscriminatorConfig(channels=(8, 16)))
    optimizer = keras.optimizers.Adam(4e-4, beta_1=0.5)
    hatching = 0.02 * np.sign(np.sin(np.arange(32) * np.pi / 2 + 0.1))[None, :, None, None]  # 5 levels

    @tf.function
    def step(plain, hatched):
        critics.norm_weights(discriminator)
        told = lambda: critics.tell_apart(discriminator, {"frames": hatched}, {"frames": plain})  # noqa: E731
        return minimize(told, discriminator.trainable_variables, optimizer)[0]

    objectives = []
    for _ in range(100):
        plain = np.repeat(rng.random((4, 1, 1, 3), dtype=np.float32), 32, 1).repeat(32, 2) * 0.8 + 0.1
        hatched = plain[rng.permutation(4)] + hatching.astype(np.float32)
        objectives.append(float(step(tf.constant(plain), tf.constant(hatched))))
    assert np.mean(objectives[-20:]) < 1.3  # 2 is that of one who knows nothing
