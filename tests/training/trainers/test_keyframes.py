from __future__ import annotations

import numpy as np
import pytest

from tests.training.toys import features, floats, make_batch, make_trainer, moved, tiny, weights_of
from training.trainers import build_trainer
from training.trainers.base import tensors

CONFIG = tiny("keyframes")
PLAIN = tiny("keyframes", "loss.style=0", "loss.adversarial=0")


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
    trainer, batch = make_trainer(CONFIG), tensors(make_batch(CONFIG))
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
    trainer = make_trainer(CONFIG)

    assert set(trainer.discriminators["adversarial"].input) == {"frames", "condition"}
    assert set(trainer.scores(make_batch(CONFIG))) == {"adversarial_real", "adversarial_fake"}
    assert build_trainer(PLAIN, features()).scores(make_batch(PLAIN)) == {}


def test_patches_that_do_not_match_are_refused():
    batch = make_batch(PLAIN)

    with pytest.raises(ValueError, match=r"alike in shape.*\(2, 32, 32, 3\) and \(2, 24, 32, 3\)"):
        build_trainer(PLAIN).train_step({**batch, "target": batch["target"][:, 4:-4]})
