from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.harness import sixteen_bits
from tests.training.trainers import floats, make_batch, make_trainer, tiny
from training import precision

CPUINFO = "processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: fpu sse4_2 {} avx2\n\nprocessor\t: 1\n"


@pytest.fixture(autouse=True)
def _float32_afterwards():
    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(precision.tf.config, "list_physical_devices", lambda kind: [])


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize(
    ("setting", "policy"), [(True, "mixed_bfloat16"), (False, "float32"), ("auto", "float32")]
)
def test_networks_train_in_sixteen_bits_when_asked_to_and_of_themselves_only_on_a_gpu(setting, policy):
    assert precision.use(setting) == policy
    assert keras.config.dtype_policy().name == policy


@pytest.mark.parametrize(("capability", "policy"), [((7, 5), "float32"), ((8, 0), "mixed_bfloat16")])
def test_a_gpu_has_sixteen_bits_from_ampere_on(capability, policy, monkeypatch):
    config = precision.tf.config
    monkeypatch.setattr(config, "list_physical_devices", lambda kind: ["GPU:0"])
    details = {"compute_capability": capability}
    monkeypatch.setattr(config.experimental, "get_device_details", lambda device: details)

    assert precision.use("auto") == policy
    assert precision.of_features("auto") == ("bfloat16" if policy == "mixed_bfloat16" else "float32")


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize(
    ("flags", "found"), [("avx512_bf16", True), ("amx_bf16", True), ("avx512f avx512_bf16x", False)]
)
def test_a_processor_tells_by_its_flags(flags, found, tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(CPUINFO.format(flags))

    assert precision._cpu_has_bfloat16(cpuinfo) is found


@pytest.mark.usefixtures("no_gpu")
def test_a_processor_that_tells_nothing_has_none(tmp_path):
    (tmp_path / "arm").write_text("processor\t: 0\nFeatures\t: fp asimd bf16\n")

    assert not precision._cpu_has_bfloat16(tmp_path / "arm")
    assert not precision._cpu_has_bfloat16(tmp_path / "absent")


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize("has", [True, False])
def test_vgg16_follows_the_processor_unless_it_is_told(has, monkeypatch):
    monkeypatch.setattr(precision, "_cpu_has_bfloat16", lambda: has)

    assert precision.of_features("auto") == ("bfloat16" if has else "float32")
    assert precision.of_features(True) == "bfloat16"
    assert precision.of_features(False) == "float32"


@pytest.mark.parametrize("recipe", ["painting", "collection", "film", "keyframes"])
def test_in_sixteen_bits_weights_memory_sums_and_terms_stay_in_float32(recipe):
    config = tiny(recipe)
    batch = make_batch(config)
    with sixteen_bits():
        trainer = make_trainer(config)
        rough = trainer.train_step(batch)

    kept = [variable for variable in trainer.variables if "int" not in str(variable.dtype)]
    assert {str(variable.dtype) for variable in kept} == {"float32"}
    assert any("memory" in variable.path for variable in kept)
    assert {term.dtype.name for term in rough.values()} == {"float32"}
    exact = floats(make_trainer(config).train_step(batch))
    assert floats(rough) == pytest.approx(exact, rel=0.05, abs=0.02)
    assert np.isfinite([*floats(rough).values()]).all()
