import numpy as np
import pytest
from keras import ops

from keras_vst.errors import UserError
from keras_vst.models.teacher import SMALLEST_SIDE, TeacherConfig, build_teacher, first_inputs
from tests.harness import answer, check_model, sixteen_bits

SMALL = {"channels": (4, 4, 6, 8), "num_blocks": 1}


def draw_inputs(config, batch=2):
    rng = np.random.default_rng(3)

    def inputs(height, width):
        arrays = {
            "frame": rng.random((batch, height, width, 3), dtype=np.float32),
            "warped": rng.random((batch, height, width, 3), dtype=np.float32),
            "visible": (rng.random((batch, height, width, 1)) > 0.3).astype(np.float32),
        }
        if config.noise_channels:
            arrays["noise"] = rng.standard_normal((batch, height, width, config.noise_channels), np.float32)
        return arrays

    return inputs


@pytest.fixture(scope="module")
def config():
    return TeacherConfig(**SMALL, noise_channels=2)


@pytest.fixture(scope="module")
def model(config):
    return build_teacher(config)


@pytest.fixture
def inputs(config):
    return draw_inputs(config)(32, 32)


def stylize(model, inputs, **changes):
    return answer(model, {**inputs, **changes})["stylized"]


@pytest.mark.parametrize("noise_channels", [0, 1])
def test_the_teacher_is_a_sound_network(noise_channels):
    config = TeacherConfig(**SMALL, noise_channels=noise_channels)
    check_model(build_teacher(config), draw_inputs(config), lambda h, w: {"stylized": (2, h, w, 3)})


def test_the_smallest_frame_is_painted(model, config):
    painted = stylize(model, draw_inputs(config)(SMALLEST_SIDE, SMALLEST_SIDE))
    assert painted.shape == (2, SMALLEST_SIDE, SMALLEST_SIDE, 3)
    assert np.isfinite(painted).all()


def test_what_is_not_visible_does_not_count(model, inputs):
    elsewhere = np.where(inputs["visible"] > 0, inputs["warped"], 1 - inputs["warped"])
    np.testing.assert_array_equal(stylize(model, inputs), stylize(model, inputs, warped=elsewhere))
    assert np.abs(stylize(model, inputs) - stylize(model, inputs, warped=1 - inputs["warped"])).max() > 1e-4


def test_the_start_of_a_clip_has_no_memory_and_no_noise(model, config, inputs):
    first = first_inputs(inputs["frame"], config)
    shapes = {name: tuple(array.shape) for name, array in first.items()}
    assert shapes == {name: array.shape for name, array in inputs.items()}
    assert all(float(ops.max(ops.abs(first[name]))) == 0 for name in ("warped", "visible", "noise"))
    still = {name: np.zeros_like(inputs[name]) for name in ("warped", "visible", "noise")}
    np.testing.assert_array_equal(answer(model, first)["stylized"], stylize(model, inputs, **still))


def test_under_mixed_precision_each_norm_still_sums_in_float32(config, inputs):
    with sixteen_bits():
        model = build_teacher(config)

    norms = [layer for layer in model.layers if layer.name.endswith("_norm")]
    assert len(norms) >= 7
    assert {layer.compute_dtype for layer in norms} == {"float32"}
    assert model.get_layer("stem").compute_dtype == "bfloat16"
    assert stylize(model, inputs).dtype == np.float32


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"channels": (8, 8, 8)}, r"four.*Received: \(8, 8, 8\)"),
        ({"channels": (8, 8, 8, 0)}, "four"),
        ({"num_blocks": -1}, "`num_blocks` must be a number, at least 0"),
        ({"noise_channels": -1}, "`noise_channels` must be a number, at least 0"),
    ],
)
def test_a_wrong_setting_is_refused_with_what_to_do(wrong, message):
    with pytest.raises(UserError, match=message):
        TeacherConfig(**wrong)
