"""A pruned student is the masked one, group by group, and no other."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from keras_vst.config import SIZES, StudentConfig
from keras_vst.models import count_macs
from keras_vst.models.pruning import choose, groups, importance, pruned, student_macs
from keras_vst.models.student import build_student

CONFIG = StudentConfig(channels=(8, 12, 16), num_blocks=2)


@pytest.fixture
def student():
    """With norms that are not those of birth, as after training."""
    keras.utils.set_random_seed(0)
    network, rng = build_student(CONFIG), np.random.default_rng(0)
    for layer in network.layers:
        if layer.name.endswith("_norm"):
            gamma, beta, mean = (rng.normal(size=weight.shape) for weight in layer.get_weights()[:3])
            layer.set_weights([1 + 0.3 * gamma, 0.3 * beta, 0.1 * mean, np.full_like(mean, 1.2)])
    return network


def masked(student, group, kept):
    """A copy in which the channels of a group that go are zeros wherever they are made."""
    network = build_student(CONFIG)
    network.set_weights(student.get_weights())
    gone = np.setdiff1d(np.arange(CONFIG.channels[group.level]), kept)
    for name in group.producers:
        wide = name.endswith("_widen")
        silent = (
            np.concatenate([at * CONFIG.channels[group.level] + gone for at in range(4)]) if wide else gone
        )
        for layer in [name] + ([] if wide else [f"{name}_norm"]):
            weights = network.get_layer(layer).get_weights()
            for array in weights if wide or layer.endswith("_norm") else weights[:1]:
                array[..., silent] = 0
            network.get_layer(layer).set_weights(weights)
    return network


def all_of(level=None, count=0, seed=0):
    """What stays of every group: everything, but of one level `count` channels at random."""
    rng = np.random.default_rng(seed)
    return {
        name: np.sort(rng.permutation(CONFIG.channels[group.level])[:count])
        if group.level == level
        else np.arange(CONFIG.channels[group.level])
        for name, group in groups(CONFIG).items()
    }


def painted(network, frames):
    return np.asarray(network({"frame": frames}, training=False)["stylized"])


@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_pruned_network_paints_as_the_masked_one_in_every_group(student, level):
    """Groups of one level are pruned at once, each of other channels; the mask is laid group by group."""
    frames = np.random.default_rng(1).random((1, 32, 40, 3), np.float32)
    kept, expected = all_of(level, 5, seed=level), student
    touched = [name for name, group in groups(CONFIG).items() if group.level == level]
    assert len(touched) >= 2
    for name in touched:
        before, expected = expected, masked(expected, groups(CONFIG)[name], kept[name])
        assert np.abs(painted(expected, frames) - painted(before, frames)).max() > 1e-3, name
    channels = tuple(5 if at == level else width for at, width in enumerate(CONFIG.channels))

    found = pruned(student, StudentConfig(channels=channels, num_blocks=2), kept)

    np.testing.assert_allclose(painted(found, frames), painted(expected, frames), atol=2e-6)


def test_a_network_that_keeps_everything_is_the_same(student):
    found = pruned(student, CONFIG, all_of())

    for ours, theirs in zip(found.get_weights(), student.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_channel_that_is_not_made_or_not_read_is_the_least_important(student):
    group = groups(CONFIG)["smooth_4"]
    gamma, *others = student.get_layer("smooth_4_norm").get_weights()
    gamma[7] = 0
    student.get_layer("smooth_4_norm").set_weights([gamma, *others])
    kernel, bias = student.get_layer("up_2_widen").get_weights()
    kernel[:, :, 3] = 0
    student.get_layer("up_2_widen").set_weights([kernel, bias])

    shares = importance(student, group)

    assert shares.sum() == pytest.approx(1)
    assert set(np.flatnonzero(shares == 0)) == {3, 7}


def test_channels_go_until_the_goal_is_met_and_those_that_matter_stay(student):
    goal = 0.4 * student_macs(CONFIG)
    gamma, *others = student.get_layer("mix_2_norm").get_weights()
    student.get_layer("mix_2_norm").set_weights([np.where(np.arange(8) % 2, gamma, 0), *others])

    config, kept = choose(student, CONFIG, goal)

    assert 0.15 * student_macs(CONFIG) < student_macs(config) <= goal
    assert {name: len(each) for name, each in kept.items()} == {
        name: config.channels[group.level] for name, group in groups(CONFIG).items()
    }
    if config.channels[0] == 4:
        assert kept["mix_2"].tolist() == [1, 3, 5, 7]


@pytest.mark.parametrize("config", [CONFIG, *SIZES.values()])
def test_the_arithmetic_is_that_of_the_network(config):
    assert student_macs(config) == count_macs(build_student(config), {"frame": (1, 368, 640, 3)})
