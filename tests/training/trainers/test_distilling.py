"""The step from a teacher: as it paints, as steadily, and with a look through VGG16 now and then."""

from __future__ import annotations

import numpy as np
import pytest

from tests.training.toys import floats, make_batch, make_trainer, moved, tiny, weights_of
from training.trainers.base import tensors

CONFIG = tiny("distil")


def test_what_is_painted_as_the_teacher_does_costs_nothing():
    trainer, batch = make_trainer(CONFIG), make_batch(CONFIG)
    painted = trainer.paint_clip(tensors(batch))
    batch["taught"] = np.stack([np.array(frame) for frame in painted], axis=1)

    logs = floats(trainer.train_step(batch))

    assert logs["taught"] == pytest.approx(0, abs=1e-6)
    assert logs["steadier"] == 0
    for name in ("content", "style", "palette"):
        assert logs[name] == pytest.approx(0, abs=1e-4), name


def test_the_distance_is_of_pixels_and_of_means_of_four_inside_the_margin():
    trainer, batch = make_trainer(CONFIG), tensors(make_batch(CONFIG))
    inner = slice(CONFIG.data.margin, -CONFIG.data.margin)
    found = []
    for time, frame in enumerate(trainer.paint_clip(batch)):
        apart = (np.array(frame) - np.array(batch["taught"])[:, time])[:, inner, inner]
        means = apart.reshape(len(apart), 4, 4, 4, 4, 3).mean(axis=(2, 4))
        found.append(np.abs(apart).mean() + np.abs(means).mean())

    assert floats(make_trainer(CONFIG).train_step(batch))["taught"] == pytest.approx(np.mean(found), rel=1e-3)


def test_only_more_change_than_the_teachers_costs():
    batch = make_batch(CONFIG)
    batch["flow"], batch["visible"] = np.zeros_like(batch["flow"]), np.ones_like(batch["visible"])
    still = {name: np.repeat(batch[name][:, :1], CONFIG.data.frames, axis=1) for name in ("clip", "taught")}

    steady = floats(make_trainer(CONFIG).train_step({**batch, "clip": still["clip"]}))
    restless = floats(make_trainer(CONFIG).train_step({**batch, "taught": still["taught"]}))

    assert steady["steadier"] == 0
    assert restless["steadier"] > 0.01


def test_a_step_that_does_not_look_through_vgg16_has_the_other_terms_and_moves_the_weights():
    trainer, batch = make_trainer(CONFIG), make_batch(CONFIG)
    before = weights_of(trainer.generator)
    trainer.looks = False

    logs = floats(trainer.train_step(batch))

    terms = {name for name in logs if not name.startswith("weighted_")}
    assert terms == {"objective", "border", "taught", "steadier"}
    assert logs["objective"] == pytest.approx(sum(logs[f"weighted_{name}"] for name in terms - {"objective"}))
    assert moved(trainer.generator, before)


def test_pictures_of_other_frames_are_refused():
    batch = make_batch(CONFIG)
    batch["taught"] = batch["taught"][:, :1]

    with pytest.raises(ValueError, match="Make both from one clip"):
        make_trainer(CONFIG).train_step(batch)
