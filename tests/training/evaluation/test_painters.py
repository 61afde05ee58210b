import cv2
import numpy as np

from keras_vst.frames import to_float
from tests.conftest import draw_picture
from tests.training.evaluation.networks import FilmNetwork, Negative, bordered, moving_clip
from training.evaluation.material import Clip, real_clip
from training.evaluation.painters import BLUR, Blurred, Film, Identity, Live, TwoColoured


def test_the_margin_keeps_what_a_network_does_at_its_border_out_of_the_picture():
    frame = draw_picture(0, 20, 30)
    np.testing.assert_array_equal(Live(bordered, margin=8)(frame), frame)
    assert Live(bordered, margin=0)(frame)[0].max() == 0


def test_a_network_is_given_sides_that_are_multiples_of_eight():
    sizes = []

    def paint(frame):
        sizes.append(frame.shape)
        return 255 - frame

    frame = draw_picture(0, 21, 30)
    np.testing.assert_array_equal(Live(paint, margin=8)(frame), 255 - frame)
    assert sizes == [(40, 48, 3)]


def test_each_frame_of_a_clip_is_painted_by_itself():
    clip = moving_clip(1, noise=2.0)
    for frame, painted in zip(clip.frames, Negative().clip(clip), strict=True):
        np.testing.assert_array_equal(painted, 255 - frame)


def test_a_film_network_is_shown_its_last_painting_moved_by_the_clips_own_motion():
    """It was once scored with empty flow and visibility, so with its first frame over and over."""
    network, clip = FilmNetwork(), moving_clip(6, noise=0.0, shift=6.0)
    flow, visible = clip.flow(1, 0)
    assert np.abs(flow).max() > 1
    painted = Film(network, margin=8).clip(clip)
    assert not any(values.any() for values in network.given[0].values())
    seen = network.given[1]["visible"][0]
    np.testing.assert_array_equal(seen[8:56, 8:72], visible)
    assert seen.sum() == visible.sum() > 1000
    rows, columns = np.mgrid[0:48, 0:64].astype(np.float32)
    moved = cv2.remap(to_float(painted[0]), columns + flow[..., 0], rows + flow[..., 1], cv2.INTER_LINEAR)
    inside = visible[..., 0] > 0
    error = np.abs(network.given[1]["warped"][0, 8:56, 8:72] - moved)[inside]
    assert error.max() < 0.01
    assert np.abs(to_float(painted[1]) - moved)[inside].max() < 0.01


def test_a_film_network_follows_the_estimated_motion_of_a_real_clip(short_clip):
    network, clip = FilmNetwork(), real_clip(short_clip, (48, 64), 4)
    Film(network, margin=8).clip(clip)
    for time in (1, 2, 3):
        np.testing.assert_array_equal(
            network.given[time]["visible"][0, 8:56, 8:72], clip.flow(time, time - 1)[1]
        )
    assert network.given[1]["visible"].any()


def test_a_film_network_paints_a_picture_as_the_first_of_a_clip_in_strokes_that_are_always_the_same():
    network, frame = FilmNetwork(noise_channels=2), draw_picture(0, 48, 64)
    first = Film(network)(frame)
    np.testing.assert_array_equal(first, Film(network).clip(Clip([frame], None, exact=True))[0])
    np.testing.assert_allclose(to_float(first), 0.5 * to_float(frame), atol=1 / 255)
    np.testing.assert_array_equal(network.given[0]["noise"], network.given[1]["noise"])
    assert network.given[0]["noise"].shape == (1, 64, 80, 2)
    assert network.given[0]["noise"].std() > 0.5


def test_leaving_a_frame_alone_leaves_it_alone():
    frame = draw_picture(0)
    np.testing.assert_array_equal(Identity()(frame), frame)


def test_blur_is_a_gaussian_over_what_is_painted():
    clip = moving_clip(1, noise=2.0)
    wanted = [cv2.GaussianBlur(255 - frame, (0, 0), BLUR) for frame in clip.frames]
    np.testing.assert_array_equal(np.stack(Blurred(Negative()).clip(clip)), wanted)
    np.testing.assert_array_equal(Blurred(Negative())(clip.frames[0]), wanted[0])


def test_a_two_coloured_photo_lies_on_the_paintings_long_axis_and_keeps_its_light():
    ramp = np.linspace(0, 1, 256)[:, None] * [120, 100, 20] + [60, 40, 90]
    painting = np.tile(ramp.astype(np.uint8)[None], (8, 1, 1))
    photo = draw_picture(3)
    drawn = TwoColoured(painting)(photo).reshape(-1, 3).astype(float)
    left = drawn - painting.reshape(-1, 3).mean(axis=0)
    axis = np.array([120, 100, 20]) / np.linalg.norm([120, 100, 20])
    free = (drawn.min(axis=1) > 0) & (drawn.max(axis=1) < 255)
    assert np.abs(left - np.outer(left @ axis, axis))[free].max() < 2
    light = photo.reshape(-1, 3) @ [0.2126, 0.7152, 0.0722]
    assert np.corrcoef(light, left @ axis)[0, 1] > 0.99
