import numpy as np
import pytest

from keras_vst.frames import to_float
from tests.conftest import draw_picture
from tests.training.evaluation.networks import Ghost, Plain, flat_clip, moving_clip
from tests.training.runs import tiny_vgg16
from training.evaluation.material import fitted
from training.evaluation.measures import Remembering, of_clip, of_cut, of_photo, of_precision
from training.evaluation.painters import Identity, Smoothed, Student

STYLE = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")


@pytest.fixture(scope="module")
def features():
    return tiny_vgg16()


@pytest.fixture(scope="module")
def photo():
    return to_float(fitted(draw_picture(3, 160, 160), 208))[None]


def gram(features):
    flat = np.asarray(features, np.float64).reshape(-1, features.shape[-1])
    return flat.T @ flat / len(flat)


def relative(ours, theirs):
    return np.mean((np.asarray(ours, np.float64) - theirs) ** 2) / np.mean(
        np.asarray(theirs, np.float64) ** 2
    )


def test_leaving_a_photo_alone_costs_nothing_but_style(features, photo):
    painting = to_float(draw_picture(9))[None]
    found = of_photo(Identity(), photo, painting, features)
    ours, theirs = features(photo), features(painting)
    by_hand = np.mean([relative(gram(ours[name]), gram(theirs[name])) for name in STYLE])
    assert found.pop("style") == pytest.approx(by_hand, rel=1e-3)
    assert found.pop("ssim") == pytest.approx(1, abs=1e-5)
    assert found.pop("noise_flicker") == pytest.approx(1, abs=1e-6)
    assert set(found) == {"content", "crop_consistency", "shift_1", "shift_4"}
    assert max(found.values()) == 0


def test_a_network_that_ignores_the_photo_is_steady_and_shows_nothing_of_it(features, photo):
    found = of_photo(Student(Plain(), 2), photo, None, features)
    flat = features(np.full_like(photo, 0.5))["relu3_3"]
    assert found["content"] == pytest.approx(relative(flat, np.asarray(features(photo)["relu3_3"])), rel=1e-3)
    assert found["ssim"] < 0.7
    assert found["noise_flicker"] == found["shift_1"] == found["crop_consistency"] == 0
    assert "style" not in found


def test_what_stands_still_and_is_left_alone_differs_by_its_noise_alone():
    found = of_clip(Identity(), moving_clip(5, noise=4.0, shift=0.0))
    by_hand = np.sqrt(2 * (4 / 255) ** 2)  # of two frames, each with its own
    assert found["warp"] == pytest.approx(by_hand, rel=0.08)
    assert found["warp_10"] == pytest.approx(by_hand, rel=0.08)


def test_exact_motion_takes_a_moving_camera_out_of_the_error():
    clip = moving_clip(6, noise=0.0, shift=6.0)
    frames = [to_float(frame) for frame in clip.frames]
    jump = np.sqrt(np.mean((frames[1] - frames[0]) ** 2))
    assert jump > 0.02
    assert of_clip(Identity(), clip)["warp"] < jump / 3


def test_estimated_motion_has_columns_of_its_own_and_a_short_clip_no_long_term():
    clip = moving_clip(5, noise=2.0, count=4)
    assert set(of_clip(Identity(), type(clip)(clip.frames, clip.flow, exact=False))) == {"warp_real"}


def test_a_memory_shows_through_a_cut_unless_it_is_dropped_there():
    before, after = flat_clip(51), flat_clip(204)
    found = of_cut(Student(Ghost()), before, after)
    assert found["ghost"] == pytest.approx(0.5 * 51 / 255, abs=1e-5)
    assert found["ghost_reset"] == 0


def test_a_cut_that_is_not_seen_leaves_the_ghost_where_it_is():
    before, after = flat_clip(51), flat_clip(60)
    found = of_cut(Student(Ghost()), before, after)
    assert found["ghost_reset"] == found["ghost"] > 0.05


def test_a_running_mean_has_a_ghost_and_no_memory_none():
    assert of_cut(Smoothed(Identity()), flat_clip(0), flat_clip(255))["ghost"] == pytest.approx(0.6, abs=1e-5)
    assert of_cut(Identity(), flat_clip(0), flat_clip(255)) == {"ghost": 0, "ghost_reset": 0}


class Rounded(Identity):
    def __call__(self, frames):
        return np.round(np.asarray(frames, np.float32) * 15) / 15


def test_a_rounded_file_is_compared_in_decibels_and_in_flicker():
    clip = moving_clip(5, noise=2.0, shift=0.0)
    frames = np.stack([to_float(frame) for frame in clip.frames]).astype(np.float64)
    rounded = np.round(frames * 15) / 15
    flicker = [np.sqrt(np.mean(np.diff(each, axis=0) ** 2)) for each in (frames, rounded)]
    found = of_precision(Identity(), Rounded(), clip)
    assert found["decibels"] == pytest.approx(-10 * np.log10(np.mean((frames - rounded) ** 2)), abs=0.01)
    assert found["flicker_ratio"] == pytest.approx(flicker[1] / flicker[0], rel=1e-3)


def test_features_are_computed_once_a_picture_and_the_oldest_forgotten():
    asked = []

    def features(frames):
        asked.append(float(np.mean(frames)))
        return {"relu3_3": frames}

    remembering = Remembering(features, most=2)
    for level in (0.0, 0.5, 0.0, 1.0, 0.0, 0.5):
        remembering(np.full((1, 2, 2, 3), level, np.float32))
    assert asked == [0.0, 0.5, 1.0, 0.5]
