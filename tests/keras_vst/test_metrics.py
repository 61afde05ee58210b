import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from keras_vst import metrics
from keras_vst.losses import STYLE_LAYERS


@pytest.fixture(scope="module")
def frames():
    coarse = np.random.default_rng(4).random((2, 12, 14, 3), dtype=np.float32)
    return ops.convert_to_numpy(ops.image.resize(coarse, (96, 112), interpolation="bilinear"))


@pytest.fixture(scope="module")
def features():
    """Random convolutions in the place of VGG16, under its names."""
    inputs = keras.layers.Input((None, None, 3))
    outputs, last = {}, inputs
    for index, name in enumerate(STYLE_LAYERS):
        kernel = keras.initializers.RandomNormal(stddev=0.3, seed=index)
        convolution = keras.layers.Conv2D(5, 3, strides=2, activation="relu", kernel_initializer=kernel)
        last = outputs[name] = convolution(last)
    return keras.Model(inputs, outputs)


def gram_by_hand(features):
    flat = features.reshape(-1, features.shape[-1]).astype("float64")
    return flat.T @ flat / len(flat)


def negative(frames):
    return 1 - frames


def test_style_distance_is_the_relative_gram_error(frames, features):
    stylized, reference = frames[:1], frames[1:, :64]
    ours, theirs = ({n: np.asarray(f) for n, f in features(x).items()} for x in (stylized, reference))
    terms = []
    for name in STYLE_LAYERS:
        wanted = gram_by_hand(theirs[name][0])
        terms.append(((gram_by_hand(ours[name][0]) - wanted) ** 2).sum() / (wanted**2).sum())
    assert metrics.style_distance(stylized, reference, features) == pytest.approx(np.mean(terms), rel=1e-3)


def test_content_distance_is_the_relative_feature_error(frames, features):
    ours, theirs = (np.asarray(features(x)["relu3_3"]) for x in (negative(frames), frames))
    by_hand = ((ours - theirs) ** 2).sum() / (theirs**2).sum()
    assert metrics.content_distance(negative(frames), frames, features) == pytest.approx(by_hand, rel=1e-3)


def test_a_picture_is_at_no_distance_from_itself(frames, features):
    assert metrics.content_distance(frames, frames, features) == 0
    assert metrics.style_distance(frames, frames, features) == 0


def test_warp_error_is_the_rmse_where_the_earlier_frame_is_visible(frames):
    earlier = frames[:1]
    current = np.roll(earlier, (3, -2), axis=(1, 2)) + np.float32(0)
    current[:, 40:50] = np.clip(current[:, 40:50] + 0.2, 0, 1)
    flow = np.broadcast_to(np.float32([2, -3]), (1, 96, 112, 2))  # (dx, dy): what is here was 2 right, 3 up
    visible = np.zeros((1, 96, 112, 1), np.float32)
    visible[:, 10:80, 10:80] = 1
    difference = (current - np.roll(earlier, (3, -2), axis=(1, 2)))[:, 10:80, 10:80]
    by_hand = np.sqrt((difference.astype("float64") ** 2).mean())
    assert by_hand > 0.01
    assert metrics.warp_error(current, earlier, flow, visible) == pytest.approx(by_hand, rel=1e-4)


class Pan:
    """A clip that moves right by two pixels a frame, with the flow that goes with it."""

    clip = np.stack(
        [np.roll(np.tile(np.random.default_rng(6).random((20, 40, 1)), 3), 2 * t, 1) for t in range(6)]
    )
    clip = clip.astype(np.float32)

    def __init__(self):
        self.asked = []

    def flow(self, time, earlier):
        self.asked.append((time, earlier))
        visible = np.ones((20, 40, 1), np.float32)
        visible[:, : 2 * (time - earlier)] = 0
        return np.broadcast_to(np.float32([-2 * (time - earlier), 0]), (20, 40, 2)), visible


@pytest.mark.parametrize("step", [1, 5])
def test_a_clip_that_moves_as_its_flow_says_has_no_warp_error(step):
    pan = Pan()
    assert metrics.clip_warp_error(pan.clip, pan.flow, step) == pytest.approx(0, abs=1e-6)
    assert pan.asked == [(time, time - step) for time in range(step, 6)]


def test_clip_warp_error_is_the_root_of_the_mean_over_pairs():
    pan = Pan()
    flickering = 0.8 * pan.clip + np.float32([0, 0.1, 0, 0.2, 0.2, 0.2])[:, None, None, None]
    by_hand = np.sqrt(np.mean(np.square([0.1, 0.1, 0.2, 0, 0])))
    assert metrics.clip_warp_error(flickering, pan.flow) == pytest.approx(by_hand, rel=1e-4)


def test_a_pair_without_a_common_point_is_left_out():
    pan = Pan()
    flickering = 0.8 * pan.clip + np.float32([0, 0.1, 0.1, 0.1, 0.1, 0.1])[:, None, None, None]

    def cut_after_three(time, earlier):
        flow, visible = pan.flow(time, earlier)
        return flow, visible * (time < 3)

    assert metrics.clip_warp_error(flickering, cut_after_three) == pytest.approx(np.sqrt(0.01 / 2), rel=1e-4)
    with pytest.raises(ValueError, match="No pair of frames 3 apart"):
        metrics.clip_warp_error(flickering, cut_after_three, step=3)


@pytest.mark.parametrize("step", [0, 6])
def test_a_step_beyond_the_clip_is_refused(step):
    with pytest.raises(ValueError, match=rf"Received: step={step}, 6 frames. Use 1 to 5"):
        metrics.clip_warp_error(Pan.clip, Pan().flow, step)


@pytest.mark.parametrize(("gain", "expected"), [(1, 1), (0.5, 0.5), (0, 0)])
def test_noise_flicker_is_the_gain_on_noise(frames, gain, expected):
    grey = 0.3 + 0.4 * frames[:1]  # away from black and white, where noise is cut off
    assert metrics.noise_flicker(lambda x: x * gain, grey) == pytest.approx(expected, abs=1e-4)


def test_noise_flicker_of_a_running_mean_falls_as_theory_says(frames):
    memory = []

    def calm(frame):
        memory.append(frame if not memory else 0.8 * memory[-1] + 0.2 * frame)
        return memory[-1]

    ratio = metrics.noise_flicker(calm, 0.3 + 0.4 * frames[:1], count=200)
    assert ratio == pytest.approx(np.sqrt(0.2 / 1.8), rel=0.1)  # AR(1): variance (1 - a) / (1 + a)
    assert len(memory) == 200


def test_shifting_commutes_with_what_is_done_at_each_pixel(frames):
    assert metrics.shift_stability(negative, frames) == dict.fromkeys(range(1, 9), 0)


def test_blocks_of_four_show_up_at_every_shift_but_four_and_eight(frames):
    def mosaic(pictures):
        batch, height, width, _ = pictures.shape
        blocks = ops.reshape(pictures, (batch, height // 4, 4, width // 4, 4, 3))
        means = ops.mean(blocks, axis=(2, 4), keepdims=True)
        return ops.reshape(ops.broadcast_to(means, blocks.shape), pictures.shape)

    errors = metrics.shift_stability(mosaic, frames)
    assert [shift for shift, error in errors.items() if error < 1e-6] == [4, 8]
    assert min(errors[shift] for shift in (1, 2, 3, 5, 6, 7)) > 1e-3


def test_shift_stability_compares_the_same_pixels(frames):
    def tilt(pictures):  # darker to the right, wherever the window lies: off by `shift` columns' worth
        return pictures * 0.5 + ops.arange(pictures.shape[2], dtype="float32")[None, None, :, None] / 1000

    errors = metrics.shift_stability(tilt, frames, shifts=(2, 5))
    assert errors == pytest.approx({2: 0.002, 5: 0.005}, rel=1e-3)


def test_a_painter_of_borders_fails_crop_consistency(frames):
    def frame_it(pictures):
        ramp = ops.arange(pictures.shape[1], dtype="float32")[None, :, None, None]
        return ops.clip(pictures * ramp / 40, 0, 1)

    assert metrics.crop_consistency(negative, frames, cut=16, margin=8) == 0
    rows = np.arange(24, 72, dtype=np.float32)[None, :, None, None]  # 16 cut and 8 of margin off 96
    inside = frames[:, 24:72, 24:88]
    difference = np.clip(inside * rows / 40, 0, 1) - np.clip(inside * (rows - 16) / 40, 0, 1)
    by_hand = np.sqrt((difference**2).mean())
    assert metrics.crop_consistency(frame_it, frames, cut=16, margin=8) == pytest.approx(by_hand, rel=1e-4)


@pytest.mark.parametrize(
    ("measure", "message"),
    [
        (lambda x: metrics.crop_consistency(negative, x, cut=12), "multiple of 8.*Received: 12. Use 8"),
        (lambda x: metrics.crop_consistency(negative, x, cut=16, margin=32), "Nothing is left.*margin 32"),
        (lambda x: metrics.shift_stability(negative, x, margin=48), "Nothing is left.*margin 48"),
    ],
)
def test_a_frame_too_small_for_the_margin_is_refused(frames, measure, message):
    with pytest.raises(ValueError, match=message):
        measure(frames)


@pytest.mark.parametrize("other", [0.3, 0.9])
def test_structural_similarity_equals_that_of_tensorflow(frames, other):
    noise = np.random.default_rng(1).random(frames.shape, dtype=np.float32)
    blurred = (1 - other) * frames + other * noise
    luma = [(x @ np.float32([0.2126, 0.7152, 0.0722]))[..., None] for x in (frames, blurred)]
    expected = float(tf.reduce_mean(tf.image.ssim(*luma, max_val=1.0)))
    assert metrics.structural_similarity(frames, blurred) == pytest.approx(expected, abs=1e-4)


def test_structural_similarity_is_one_for_equal_frames_and_needs_a_window(frames):
    assert metrics.structural_similarity(frames, frames) == pytest.approx(1)
    with pytest.raises(ValueError, match="Received: frames of 10x112"):
        metrics.structural_similarity(frames[:, :10], frames[:, :10])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda x: (x * 255).astype(np.uint8), r"floats in \[0, 1\]. Received: uint8. Use `frames.to_float`"),
        (lambda x: x * 2 - 1, r"Received: values from -0.9.* to 0.9.*\(x \+ 1\) / 2"),
        (lambda x: x * 255, r"values from .* to 25\d"),
        (lambda x: np.where(x == x.max(), np.float32(np.nan), x), "values from nan to nan"),
        (lambda x: x[0], r"\(B, H, W, 3\). Received: shape \(96, 112, 3\)"),
        (lambda x: x[..., :1], r"Received: shape \(2, 96, 112, 1\)"),
    ],
)
def test_frames_in_another_form_are_refused(frames, spoil, message):
    with pytest.raises(ValueError, match=message):
        metrics.structural_similarity(spoil(frames), frames)


def test_rounding_beyond_the_range_is_let_pass(frames):
    assert metrics.structural_similarity(frames + np.float32(5e-4), frames) > 0.99


def test_what_a_network_returns_is_checked_too(frames):
    with pytest.raises(ValueError, match="values from"):
        metrics.shift_stability(lambda x: x * 2 - 1, frames)
