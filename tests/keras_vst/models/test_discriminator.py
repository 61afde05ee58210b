import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_vst.errors import UserError
from keras_vst.models.discriminator import DiscriminatorConfig, build_discriminator
from tests.keras_vst.models.checks import answer, check_model

SMALL = {"channels": (6, 8)}


def draw_inputs(config, batch=2):
    rng = np.random.default_rng(1)

    def inputs(height, width):
        arrays = {"frames": rng.random((batch, height, width, 3 * config.num_frames), dtype=np.float32)}
        if config.condition_channels:
            arrays["condition"] = rng.random(
                (batch, height, width, config.condition_channels), dtype=np.float32
            )
        return arrays

    return inputs


@pytest.mark.parametrize(
    "config",
    [
        DiscriminatorConfig(**SMALL),
        DiscriminatorConfig(**SMALL, num_frames=3, num_scales=3),
        DiscriminatorConfig(**SMALL, condition_channels=3),
    ],
    ids=["picture", "motion", "conditioned"],
)
def test_every_variant_scores_patches_at_each_scale(config, tmp_path):
    def shapes(height, width):
        def patches(side, scale):
            return -(-(side >> scale) // 4)  # two halvings, each rounding up

        scales = range(config.num_scales)
        return {f"scores_{scale}": (2, patches(height, scale), patches(width, scale), 1) for scale in scales}

    check_model(build_discriminator(config), draw_inputs(config), shapes, tmp_path)


def test_every_weight_is_spectrally_normed():
    config = DiscriminatorConfig(**SMALL, condition_channels=3)
    model = build_discriminator(config)
    normed = [layer for layer in model.layers if isinstance(layer, keras.layers.SpectralNormalization)]
    assert sum(len(layer.trainable_weights) for layer in normed) == len(model.trainable_weights)
    inputs = draw_inputs(config)(16, 16)
    iterate = tf.function(lambda: model(inputs, training=True))
    for _ in range(60):
        iterate()
    for layer in normed:
        kernel = layer.kernel.numpy().reshape(-1, layer.kernel.shape[-1])
        assert np.linalg.svd(kernel, compute_uv=False)[0] == pytest.approx(1, abs=0.02)


def test_the_second_scale_sees_the_picture_at_half_size():
    config = DiscriminatorConfig(**SMALL)
    model = build_discriminator(config)
    frames = draw_inputs(config)(32, 32)["frames"]
    swapped = frames.reshape(2, 16, 2, 16, 2, 3)[:, :, ::-1].reshape(
        frames.shape
    )  # rows swapped in each pair
    ours, theirs = answer(model, {"frames": frames}), answer(model, {"frames": swapped})
    np.testing.assert_allclose(ours["scores_1"], theirs["scores_1"], atol=1e-5)
    assert np.abs(ours["scores_0"] - theirs["scores_0"]).max() > 1e-3


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"channels": ()}, "one positive number per halving"),
        ({"channels": (8, 0)}, "one positive number per halving"),
        ({"num_frames": 2}, r"1 for pictures or 3 for motion.*Received: 2"),
        ({"num_scales": 0}, "`num_scales` must be a number, at least 1"),
        ({"condition_channels": -3}, "`condition_channels` must be a number, at least 0"),
    ],
)
def test_a_wrong_setting_is_refused_with_what_to_do(wrong, message):
    with pytest.raises(UserError, match=message):
        DiscriminatorConfig(**wrong)
