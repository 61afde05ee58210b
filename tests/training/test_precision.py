from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.training.trainers import floats, make_batch, tiny
from training import precision
from training.trainer import build_trainer


@pytest.fixture(autouse=True)
def _float32_afterwards():
    yield
    keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize(
    ("setting", "policy"), [(True, "mixed_bfloat16"), (False, "float32"), ("auto", "float32")]
)
def test_sixteen_bits_are_used_when_asked_for_or_where_a_gpu_has_them(setting, policy, monkeypatch):
    monkeypatch.setattr(precision, "_has_bfloat16", lambda: False)

    assert precision.use(setting) == policy
    assert keras.config.dtype_policy().name == policy


def test_a_step_in_sixteen_bits_keeps_weights_and_terms_in_float32():
    precision.use(True)
    config = tiny("keyframes", "loss.style=0")
    trainer = build_trainer(config)

    logs = trainer.train_step(make_batch(config))

    assert {str(variable.dtype) for variable in trainer.generator.trainable_variables} == {"float32"}
    assert {term.dtype.name for term in logs.values()} == {"float32"}
    assert all(np.isfinite(term) for term in floats(logs).values())
