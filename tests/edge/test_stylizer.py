import numpy as np
import pytest

from edge.stylizer import Stylizer
from edge.timeline import Timeline
from keras_vst.errors import UserError
from keras_vst.networks import open_network
from tests.conftest import draw_picture

RNG = np.random.default_rng(1)


def random_frame(height: int = 48, width: int = 64) -> np.ndarray:
    return RNG.integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("size", [(48, 64), (45, 61), (1, 1), (360, 9)])
def test_the_painting_turns_every_level_into_its_negative(negative, size):
    frame = random_frame(*size)
    np.testing.assert_array_equal(Stylizer(negative).stylize(frame), 255 - frame)


def test_strength_0_leaves_the_frame_bit_for_bit(negative):
    frame = random_frame(37, 53)
    np.testing.assert_array_equal(Stylizer(negative).stylize(frame, 0.0), frame)


def test_half_the_strength_gives_grey(negative):
    stylized = Stylizer(open_network(negative), margin=0).stylize(random_frame(), 0.5)
    assert np.abs(stylized.astype(int) - 127.5).max() <= 0.5


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_a_strength_beyond_its_range_is_refused(negative, strength):
    with pytest.raises(ValueError, match="`strength` must be from 0 to 1"):
        Stylizer(negative).stylize(random_frame(), strength)


def test_every_frame_stands_alone(negative):
    """Whatever came before, of whatever size, a frame is painted the same."""
    used, frame = Stylizer(negative), random_frame()
    for size in ((48, 64), (64, 48), (48, 64)):
        used.stylize(random_frame(*size))
    np.testing.assert_array_equal(used.stylize(frame), Stylizer(negative).stylize(frame))


def test_the_working_size_may_change_from_frame_to_frame(negative):
    stylizer, frame = Stylizer(negative, size=(120, 160)), draw_picture(5, 120, 160)
    for size in ((96, 128), (144, 184)):
        stylizer.resize(size)
        assert stylizer.stylize(frame).shape == frame.shape
        assert stylizer.fitted == size


def test_the_network_may_work_at_a_smaller_size(negative):
    frame = np.repeat(np.repeat(random_frame(15, 20), 8, axis=0), 8, axis=1)
    stylizer = Stylizer(negative, size=(64, 80), margin=16)
    stylized = stylizer.stylize(frame)
    assert stylized.shape == frame.shape
    # 120x160 shrinks to 32x43 inside the margins: what remains is the picture without its detail.
    assert abs(float(stylized.mean()) - float((255 - frame).mean())) < 4


def test_a_fixed_network_takes_frames_of_any_size(fixed):
    stylizer = Stylizer(fixed)
    assert stylizer.size == (64, 96)
    stylized = stylizer.stylize(np.full((100, 100, 3), 200, np.uint8))
    np.testing.assert_array_equal(stylized, np.full((100, 100, 3), 55, np.uint8))


def test_a_fixed_network_works_at_no_other_size(fixed):
    assert Stylizer(fixed, size=(64, 96)).size == (64, 96)
    with pytest.raises(UserError, match="works at 96x64 only, not at 128x128"):
        Stylizer(fixed, size=(128, 128))


def test_a_size_inside_the_margin_is_refused(negative):
    with pytest.raises(UserError, match="40x16 leaves nothing inside a margin of 8"):
        Stylizer(negative, size=(16, 40))


def test_every_stage_is_measured_once_a_frame(negative):
    timeline = Timeline()
    Stylizer(negative, timeline=timeline).stylize(random_frame())
    assert list(timeline.milliseconds()) == ["fit", "network", "unfit"]


def test_large_frames_are_painted_small_and_native_paints_every_pixel(negative):
    frame = draw_picture(6, 720, 1280)
    small, native = Stylizer(negative), Stylizer(negative, native=True)
    painted = small.stylize(frame)
    assert small.fitted == (288, 496)
    assert painted.shape == frame.shape
    np.testing.assert_array_equal(native.stylize(frame), 255 - frame)
    assert native.fitted == (736, 1296)
    # The negative of the frame, edges and all, from a seventh of its pixels.
    assert np.abs(painted.astype(int) - (255 - frame)).mean() < 1.5


def test_at_a_smaller_size_the_frame_shines_through_with_all_its_pixels(negative):
    frame = random_frame(120, 160)
    stylizer = Stylizer(negative, size=(64, 80))
    np.testing.assert_array_equal(stylizer.stylize(frame, 0.0), frame)
    full = stylizer.stylize(frame).astype(float)
    part = Stylizer(negative, size=(64, 80)).stylize(frame, 0.25)
    assert np.abs(part - (0.75 * frame + 0.25 * full)).max() <= 1


def test_an_unknown_size_is_refused_while_it_runs(fixed):
    with pytest.raises(UserError, match="works at 96x64 only"):
        Stylizer(fixed).resize((32, 32))
