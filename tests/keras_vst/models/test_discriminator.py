import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_vst.errors import UserError
from keras_vst.models.discriminator import DiscriminatorConfig, build_discriminator
from tests.harness import answer, check_model

SMALL = DiscriminatorConfig(channels=(6, 8))


def draw_inputs(num_frames=1, conditioned=False):
    rng = np.random.default_rng(1)

    def inputs(height, width):
        arrays = {"frames": rng.random((2, height, width, 3 * num_frames), dtype=np.float32)}
        return arrays | ({"condition": arrays["frames"][..., ::-1]} if conditioned else {})

    return inputs


@pytest.mark.parametrize(("num_frames", "conditioned"), [(1, False), (3, False), (1, True)])
def test_every_variant_scores_patches_at_each_scale(num_frames, conditioned):
    def shapes(height, width):
        def patches(side, scale):
            return -(-(side >> scale) // 4)  # two halvings, each rounding up

        return {f"scores_{scale}": (2, patches(height, scale), patches(width, scale), 1) for scale in (0, 1)}

    model = build_discriminator(SMALL, num_frames, conditioned)
    check_model(model, draw_inputs(num_frames, conditioned), shapes)


def test_every_weight_is_spectrally_normed():
    model = build_discriminator(SMALL, conditioned=True)
    normed = [layer for layer in model.layers if isinstance(layer, keras.layers.SpectralNormalization)]
    assert sum(len(layer.trainable_weights) for layer in normed) == len(model.trainable_weights)
    inputs = draw_inputs(conditioned=True)(16, 16)
    iterate = tf.function(lambda: model(inputs, training=True))
    for _ in range(60):
        iterate()
    for layer in normed:
        kernel = layer.kernel.numpy().reshape(-1, layer.kernel.shape[-1])
        assert np.linalg.svd(kernel, compute_uv=False)[0] == pytest.approx(1, abs=0.02)


def test_the_second_scale_sees_the_picture_at_half_size():
    model = build_discriminator(SMALL)
    frames = draw_inputs()(32, 32)["frames"]
    swapped = frames.reshape(2, 16, 2, 16, 2, 3)[:, :, ::-1].reshape(
        frames.shape
    )  # rows swapped in each pair
    ours, theirs = answer(model, {"frames": frames}), answer(model, {"frames": swapped})
    np.testing.assert_allclose(ours["scores_1"], theirs["scores_1"], atol=1e-5)
    assert np.abs(ours["scores_0"] - theirs["scores_0"]).max() > 1e-3


@pytest.mark.parametrize("channels", [(), (8, 0)])
def test_a_wrong_setting_is_refused_with_what_to_do(channels):
    with pytest.raises(UserError, match="one positive number per halving"):
        DiscriminatorConfig(channels=channels)
