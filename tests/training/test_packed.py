from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from keras_vst.errors import UserError
from tests.training.trainers import make_batch, make_trainer, tiny
from training import packed

CONFIG = tiny("keyframes", "loss.style=0", "loss.adversarial=0")


def test_batches_come_back_as_they_were_packed_and_in_order(tmp_path):
    batches = [make_batch(CONFIG, seed) for seed in range(3)]

    count = packed.pack(({"frame": tf.constant(one["frame"])} for one in batches), tmp_path)

    assert count == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"batch_00000{i}.npz" for i in range(3)]
    for batch, again in zip(batches, packed.unpack(tmp_path), strict=True):
        np.testing.assert_array_equal(batch["frame"], again["frame"])
    assert len(list(packed.unpack(tmp_path, start=2))) == 1


def test_training_takes_a_step_a_batch_and_reports_each(tmp_path):
    packed.pack([make_batch(CONFIG, seed) for seed in range(2)], tmp_path)
    trainer, rows = make_trainer(CONFIG), []

    last = packed.train(trainer, packed.unpack(tmp_path), lambda step, terms: rows.append((step, terms)))

    assert [step for step, _ in rows] == [1, 2]
    assert last == rows[-1][1]
    assert last["objective"] > 0


def test_an_empty_folder_is_named(tmp_path):
    with pytest.raises(UserError, match=r"holds no packed batches"):
        next(packed.unpack(tmp_path))
    with pytest.raises(UserError, match=r"no batches to train on"):
        packed.train(make_trainer(CONFIG), [])
