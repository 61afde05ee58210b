import cv2
import numpy as np
import pytest

from keras_vst import metrics
from tests.conftest import draw_picture

LEVELS = np.float32(255)


def picture(seed, height=96, width=112):
    return draw_picture(seed, height, width)[None] / LEVELS


def features(frames):
    """Channels that one can compute by hand, under the names of VGG16's layers."""
    rows = frames[:, 1:] - frames[:, :-1]
    return {
        "relu1_2": frames,
        "relu2_2": frames[:, ::2, ::2] ** 2,
        "relu3_3": np.concatenate([rows, frames[:, 1:]], axis=3),
        "relu4_3": 1 - frames[..., :2],
    }


def flat(layer):
    return layer.reshape(-1, layer.shape[-1]).astype("float64")


def relative(ours, theirs):
    return ((ours - theirs) ** 2).sum() / (theirs**2).sum()


def texture(frames):
    return metrics.Texture(features(frames))


def layers(*pictures):
    return zip(*(map(flat, features(each).values()) for each in pictures), strict=True)


def test_style_distance_is_the_relative_error_of_raw_gram_matrices():
    ours, theirs = picture(1), picture(2, 64)
    terms = [relative(a.T @ a / len(a), b.T @ b / len(b)) for a, b in layers(ours, theirs)]
    assert texture(ours).style_error(texture(theirs)) == pytest.approx(np.mean(terms), rel=1e-4)


def test_texture_distance_is_that_of_means_and_of_covariances():
    ours, theirs = picture(1), picture(2, 64)
    terms = [
        relative(np.cov(a.T, bias=True), np.cov(b.T, bias=True)) + relative(a.mean(0), b.mean(0))
        for a, b in layers(ours, theirs)
    ]
    assert texture(ours).error(texture(theirs)) == pytest.approx(np.mean(terms), rel=1e-4)


def test_a_flat_picture_of_the_right_colour_has_no_texture_whatever_its_gram_matrix_says():
    painting = 0.8 + 0.1 * picture(1)
    mean = np.full_like(painting, painting.mean(axis=(0, 1, 2)))
    ours, theirs = (metrics.Texture(dict.fromkeys(metrics.STYLE_LAYERS, each)) for each in (mean, painting))
    assert ours.style_error(theirs) < 0.01
    assert ours.error(theirs) > 0.99


def test_content_distance_is_the_relative_feature_error():
    ours, theirs = (features(each)["relu3_3"] for each in (1 - picture(1), picture(1)))
    found = metrics.content_error(features(1 - picture(1)), features(picture(1)))
    assert found == pytest.approx(relative(ours, theirs), rel=1e-4)


def test_a_picture_is_at_no_distance_from_itself():
    same = features(picture(1))
    assert metrics.content_error(same, same) == 0
    assert texture(picture(1)).style_error(texture(picture(1))) == 0
    assert texture(picture(1)).error(texture(picture(1))) == 0


def blocks(colours, times=4):
    """A picture of blocks of flat colour: (rows, columns, 3) -> (1, 4 rows, 4 columns, 3)."""
    return np.repeat(np.repeat(np.float32(colours), times, 0), times, 1)[None]


def gaussian_blocks(seed, scale=1.0):
    """Colours with deviations .16, .08 and .04 times `scale` along three known axes."""
    rng = np.random.default_rng(seed)
    turned = np.linalg.qr(np.array([[1.0, 1, 1], [1, -1, 0], [1, 1, -2]]).T)[0]
    drawn = np.clip(rng.standard_normal((120, 160, 3)), -3, 3) * [0.16, 0.08, 0.04]
    return blocks(0.5 + scale * drawn @ turned.T)


def test_half_as_vivid_a_copy_is_half_as_far_as_grey_in_a_known_number():
    painting = gaussian_blocks(0)
    # White in its own colour space; the mean |q| of a normal distribution's quantiles is sqrt(2 / pi).
    white = np.array([0.16, 0.08, 0.04]) ** 2
    shrunk = np.sqrt(white / (white + metrics.FAINT))  # the least axes count a little less
    by_hand = np.sqrt(2 / np.pi) * np.sqrt((shrunk**2).mean())
    grey = np.full_like(painting, 0.5)
    assert metrics.palette_distance([grey], painting) == pytest.approx(by_hand, rel=0.05)
    faint = gaussian_blocks(0, 0.5)
    assert metrics.palette_distance([faint], painting) == pytest.approx(by_hand / 2, rel=0.05)
    assert metrics.contrast([faint], painting) == pytest.approx((0.5, 0.5), rel=1e-3)
    assert metrics.contrast([grey], painting) == pytest.approx((0, 0), abs=1e-6)


def test_a_two_coloured_copy_is_told_from_the_painting():
    painting = gaussian_blocks(0)
    long = np.linalg.qr(np.ones((3, 1)))[0][:, 0]
    ramp = 0.5 + ((painting - 0.5) @ long)[..., None] * long
    assert metrics.palette_distance([ramp.astype(np.float32)], painting) > 0.3
    assert metrics.contrast([ramp.astype(np.float32)], painting) == pytest.approx((1, 0), abs=1e-2)


def test_colours_are_counted_over_all_pictures_together():
    painting = gaussian_blocks(0)
    halves = painting[:, :240], painting[:, 240:, :320], painting[:, 240:, 320:]
    assert metrics.palette_distance(halves, painting) == pytest.approx(0, abs=1e-9)
    dark, light = blocks(np.full((8, 8, 3), 0.25)), blocks(np.full((8, 8, 3), 0.75))
    both = metrics.contrast([dark, light], painting)
    assert metrics.contrast([dark], painting) == pytest.approx((0, 0), abs=1e-6)
    assert both[0] == pytest.approx(0.25 * np.sqrt(3) / 0.16, rel=0.03)


def test_a_ramp_over_light_keeps_no_hue_whatever_its_colours():
    photo = picture(3)
    light = cv2.cvtColor(cv2.resize(photo[0], (14, 12), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2LAB)[
        ..., 0
    ]
    duotone = np.stack([0.2 + light / 200, 0.6 - light / 400, 0.9 - light / 130], axis=-1)
    assert metrics.hue_kept(blocks(duotone, 8), photo) < 0.03


def test_the_photo_itself_keeps_its_hue_and_a_mixture_of_both_some_of_it():
    photo, other = picture(3), picture(4)
    lab = cv2.cvtColor(cv2.resize(photo[0], (14, 12), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2LAB)
    lab = lab.reshape(-1, 3).astype("float64")
    powers = np.vander(lab[:, 0] / 100, 4)
    left = lab[:, 1:] - powers @ np.linalg.pinv(powers) @ lab[:, 1:]
    by_hand = (left**2).sum() / ((lab[:, 1:] - lab[:, 1:].mean(0)) ** 2).sum()
    whole = metrics.hue_kept(photo, photo)
    assert whole == pytest.approx(by_hand, rel=1e-4)
    assert whole > 0.5
    assert metrics.hue_kept(other, photo) < metrics.hue_kept((photo + other) / 2, photo) < whole


def test_warp_error_is_the_rmse_where_the_earlier_frame_is_visible():
    earlier = picture(1)
    current = np.roll(earlier, (3, -2), axis=(1, 2)).copy()
    current[:, 40:50] = np.clip(current[:, 40:50] + 0.2, 0, 1)
    flow = np.broadcast_to(np.float32([2, -3]), (1, 96, 112, 2))  # (dx, dy): what is here was 2 right, 3 up
    visible = np.zeros((1, 96, 112, 1), np.float32)
    visible[:, 10:80, 10:80] = 1
    difference = (current - np.roll(earlier, (3, -2), axis=(1, 2)))[:, 10:80, 10:80]
    by_hand = np.sqrt((difference.astype("float64") ** 2).mean())
    assert by_hand > 0.01
    assert metrics.warp_error(current, earlier, flow, visible) == pytest.approx(by_hand, rel=1e-4)
    assert metrics.warp_error(current, earlier, flow, 0 * visible) == 0


PAN = np.stack(
    [np.roll(np.tile(np.random.default_rng(6).random((20, 40, 1)), 3), 2 * time, 1) for time in range(6)]
).astype(np.float32)


def pan_flow(time, earlier):
    """Two pixels to the right a frame."""
    visible = np.ones((20, 40, 1), np.float32)
    visible[:, : 2 * (time - earlier)] = 0
    return np.broadcast_to(np.float32([-2 * (time - earlier), 0]), (20, 40, 2)), visible


def test_clip_warp_error_is_the_root_of_the_mean_over_pairs():
    flickering = 0.8 * PAN + np.float32([0, 0.1, 0, 0.2, 0.2, 0.2])[:, None, None, None]
    by_hand = np.sqrt(np.mean(np.square([0.1, 0.1, 0.2, 0, 0])))
    assert metrics.clip_warp_error(flickering, pan_flow) == pytest.approx(by_hand, rel=1e-4)


def test_a_pair_without_a_common_point_is_left_out():
    flickering = 0.8 * PAN + np.float32([0, 0.1, 0.1, 0.1, 0.1, 0.1])[:, None, None, None]

    def cut_after(last):
        return lambda time, earlier: (pan_flow(time, earlier)[0], pan_flow(time, earlier)[1] * (time < last))

    assert metrics.clip_warp_error(flickering, cut_after(3)) == pytest.approx(np.sqrt(0.01 / 2), rel=1e-4)
    with pytest.raises(ValueError, match=r"No frame shows a point .* Received: 6 frames"):
        metrics.clip_warp_error(flickering, cut_after(0))


@pytest.mark.parametrize(("contrast", "expected"), [(0.5, 0.04), (0.0, 20.0), (2.0, 0.01)])
def test_steadiness_is_counted_in_units_of_contrast(contrast, expected):
    assert metrics.steady(0.02, contrast) == pytest.approx(expected)


def test_the_border_is_counted_against_the_inside():
    inside = np.full((1, 80, 96, 3), 0.5, np.float32)
    alone = inside + np.float32(0.02)
    alone[:, 16:-16, 16:-16] = 0.51
    wanted = 0.02 / np.sqrt(0.01**2 + 1e-5)
    assert metrics.border_ratio(alone, inside) == pytest.approx(wanted, rel=1e-3)
    alone[:, 4:-4, 4:-4] = 0.51
    assert metrics.border_ratio(alone, inside, width=4) == pytest.approx(wanted, rel=1e-3)
    alone[:] = 0.7
    assert metrics.border_ratio(alone, inside, width=4) == pytest.approx(1, abs=1e-3)
    with pytest.raises(ValueError, match=r"Nothing is left inside the border. Received: .*border 16"):
        metrics.border_ratio(alone[:, :32], inside[:, :32])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda x: (x * 255).astype(np.uint8), r"floats in \[0, 1\]. Received: uint8. Use `frames.to_float`"),
        (lambda x: x * 2 - 1, r"Received: values from -0.9.* to 0.9.*\(x \+ 1\) / 2"),
        (lambda x: x * 255, r"values from .* to 25\d"),
        (lambda x: np.where(x == x.max(), np.float32(np.nan), x), "values from nan to nan"),
        (lambda x: x[0], r"\(B, H, W, 3\). Received: shape \(96, 112, 3\)"),
        (lambda x: x[..., :1], r"Received: shape \(1, 96, 112, 1\)"),
    ],
)
def test_frames_in_another_form_are_refused(spoil, message):
    frames = np.clip(picture(1), 0.01, 0.99)
    with pytest.raises(ValueError, match=message):
        metrics.palette_distance([frames], spoil(frames))
