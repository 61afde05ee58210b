import numpy as np
import pytest

from keras_vst import metrics
from keras_vst.frames import to_float
from tests.conftest import draw_picture
from tests.training.evaluation.networks import Grey, Negative, bordered, material, moving_clip
from tests.training.runs import tiny_vgg16
from training.evaluation.material import QUICK_PHOTOS
from training.evaluation.measures import (
    MEASURES,
    measure,
    num_looks,
    of_border,
    of_clip,
    of_precision,
    quick_score,
)
from training.evaluation.subjects import Blurred, Live, Painter, TwoColoured

IDENTITY = Live(lambda frame: frame, 0)


@pytest.fixture(scope="module")
def features():
    return tiny_vgg16()


@pytest.fixture(scope="module")
def shown():
    return material()


def unit(*pictures):
    return [to_float(picture)[None] for picture in pictures]


def test_painters_are_shown_the_same_and_a_row_holds_medians_and_colours_of_all_photos(shown, features):
    ticks, painting = [], draw_picture(9)
    painters = {"same": IDENTITY, "blur": Blurred(IDENTITY), "two": TwoColoured(painting)}
    found = measure(painters, shown, painting, features, ticks.append)
    assert set(found["same"]) == set(MEASURES) == set(found["blur"])
    assert ticks == ["same", "blur", "two"] * num_looks(shown)
    photos, (target,) = unit(*shown.photos), unit(painting)
    own = found["same"]
    assert own["palette"] == metrics.palette_distance(photos, target)
    assert (own["contrast"], own["contrast_2"]) == metrics.contrast(photos, target)
    hues = [metrics.hue_kept(photo, photo) for photo in photos]
    assert own["hue"] == pytest.approx(np.median(hues))
    *ours, theirs = (metrics.Texture(features(each)) for each in (*photos, target))
    textures, styles = zip(*((each.error(theirs), each.style_error(theirs)) for each in ours), strict=True)
    assert own["texture"] == pytest.approx(np.median(textures), rel=1e-3)
    assert own["style"] == pytest.approx(np.median(styles), rel=1e-3)
    assert own["content"] == 0 < found["blur"]["content"]
    assert own["steady"] == pytest.approx(own["warp"] / own["contrast"])
    assert found["blur"]["warp"] < own["warp"]
    assert found["two"]["contrast_2"] < 0.05


def test_a_grey_painter_is_steady_by_its_warp_error_alone(shown, features):
    found = measure({"grey": Grey()}, shown, draw_picture(9), features)["grey"]
    assert found["contrast"] == pytest.approx(0, abs=1e-9)
    assert found["warp"] == found["hue"] == 0
    noisy = Live(lambda frame: np.random.default_rng(0).integers(126, 131, frame.shape).astype(np.uint8))
    found = measure({"noisy": noisy}, shown, draw_picture(9), features)["noisy"]
    assert found["steady"] > 5 * found["warp"]


def test_without_a_painting_there_is_what_needs_none(shown, features):
    found = measure({"same": IDENTITY}, shown, None, features)["same"]
    assert list(found) == ["hue", "content", "warp", "warp_real", "border", "border_4"]


def test_what_stands_still_and_is_left_alone_differs_by_its_noise_alone():
    found = of_clip(IDENTITY, moving_clip(5, noise=4.0, shift=0.0))
    assert found == {"warp": pytest.approx(np.sqrt(2 * (4 / 255) ** 2), rel=0.08)}  # two frames, each its own


def test_exact_motion_takes_a_moving_camera_out_of_the_error():
    clip = moving_clip(6, noise=0.0, shift=6.0)
    first, second = (to_float(frame) for frame in clip.frames[:2])
    jump = np.sqrt(np.mean((second - first) ** 2))
    assert jump > 0.02
    assert of_clip(Negative(), clip)["warp"] < jump / 3


def test_a_painter_of_borders_is_found_out_and_the_outermost_pixels_by_themselves():
    wide = draw_picture(1, 48 + 128, 64 + 128)
    found = of_border(Live(bordered, margin=0), wide)
    assert found["border_4"] > 1.5 * found["border"] > 15
    assert of_border(Live(bordered, margin=8), wide) == {"border": 0, "border_4": 0}


class Rounded(Painter):
    def __call__(self, frame):
        return (np.round(frame / 17) * 17).astype(np.uint8)


def test_a_rounded_file_is_compared_in_decibels_and_in_flicker():
    clip = moving_clip(5, noise=2.0, shift=0.0)
    frames = np.stack(clip.frames) / 255
    rounded = np.round(frames * 15) / 15
    flicker = [np.sqrt(np.mean(np.diff(each, axis=0) ** 2)) for each in (frames, rounded)]
    found = of_precision(IDENTITY, Rounded(), clip)
    assert found["decibels"] == pytest.approx(-10 * np.log10(np.mean((frames - rounded) ** 2)), abs=0.01)
    assert found["flicker_ratio"] == pytest.approx(flicker[1] / flicker[0], rel=1e-3)


def test_a_quick_score_is_a_row_of_a_few_photos_in_the_size_of_the_score_card(features):
    painting, sizes = draw_picture(9), []

    def paint(frame):
        sizes.append(frame.shape[:2])
        return 255 - frame

    photos = [draw_picture(seed, 80, 120) for seed in range(6)]
    found = quick_score(paint, painting, photos, features)
    assert set(found) == set(MEASURES) - {"warp_real"}
    assert sizes[:QUICK_PHOTOS] == [(344 + 16, 512 + 16)] * QUICK_PHOTOS
    assert sizes[QUICK_PHOTOS:].count((360 + 16, 640 + 16)) == 12 + 1
    assert sizes[-1] == (488 + 16, 768 + 16)
    assert found["border"] == 0
