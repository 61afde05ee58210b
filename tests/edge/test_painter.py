import numpy as np
import pytest

from edge.painter import Look, Painter
from keras_vst.errors import UserError
from keras_vst.networks import open_network
from keras_vst.video import TimedFrame
from tests.conftest import draw_picture
from tests.edge.live_fakes import FakeNetwork, frame

RNG = np.random.default_rng(1)


def random_frame(height: int = 48, width: int = 64) -> np.ndarray:
    return RNG.integers(0, 256, (height, width, 3), np.uint8)


def paint(painter: Painter, pixels: np.ndarray) -> np.ndarray:
    return painter.repaint(TimedFrame(pixels, frame(0).time)).after.pixels


@pytest.mark.parametrize("size", [(48, 64), (45, 61), (1, 1), (360, 9)])
def test_the_painting_turns_every_level_into_its_negative(negative, size):
    pixels = random_frame(*size)
    np.testing.assert_array_equal(paint(Painter(open_network(negative)), pixels), 255 - pixels)


def test_a_frame_keeps_its_time_and_every_stage_is_measured_once():
    painter = Painter(FakeNetwork())
    painted = painter.repaint(frame(3, level=10))
    assert painted.after.time == frame(3).time
    assert (painted.before.pixels == 10).all()
    assert list(painter.timeline.milliseconds()) == ["fit", "network", "unfit"]


@pytest.mark.parametrize("strength", [0.0, 0.25, 1.0])
def test_strength_lays_that_much_of_the_painting_over_every_pixel_of_the_frame(strength):
    pixels = random_frame(120, 160)
    full = paint(Painter(FakeNetwork(), size=(64, 80)), pixels).astype(float)
    part = paint(Painter(FakeNetwork(), size=(64, 80), look=Look(strength=strength)), pixels)
    assert np.abs(part - ((1 - strength) * pixels + strength * full)).max() <= (strength not in (0, 1))


def test_every_frame_stands_alone(negative):
    """Whatever came before, of whatever size, a frame is painted the same."""
    network, pixels = open_network(negative), random_frame()
    used = Painter(network)
    for size in ((48, 64), (64, 48), (48, 64)):
        paint(used, random_frame(*size))
    np.testing.assert_array_equal(paint(used, pixels), paint(Painter(network), pixels))


def test_the_working_size_may_change_from_frame_to_frame():
    painter, pixels = Painter(FakeNetwork(), size=(120, 160)), draw_picture(5, 120, 160)
    for size in ((96, 128), (144, 184)):
        painter.resize(size)
        assert paint(painter, pixels).shape == pixels.shape
        assert painter.fitted == size


def test_a_fixed_network_takes_frames_of_any_size_and_works_at_no_other(fixed):
    network = open_network(fixed)
    painter = Painter(network)
    assert painter.size == Painter(network, size=(64, 96)).size == (64, 96)
    assert (paint(painter, np.full((100, 100, 3), 200, np.uint8)) == 55).all()
    with pytest.raises(UserError, match="works at 96x64 only, not at 128x128"):
        painter.resize((128, 128))


def test_a_size_inside_the_margin_is_refused():
    with pytest.raises(UserError, match="40x16 leaves nothing inside a margin of 8"):
        Painter(FakeNetwork(), size=(16, 40))


def test_large_frames_are_painted_small_and_native_paints_every_pixel():
    pixels = draw_picture(6, 720, 1280)
    small, native = Painter(FakeNetwork()), Painter(FakeNetwork(), native=True)
    painted = paint(small, pixels)
    assert small.fitted == (288, 496)
    np.testing.assert_array_equal(paint(native, pixels), 255 - pixels)
    assert native.fitted == (736, 1296)
    # The negative of the frame, edges and all, from a seventh of its pixels.
    assert np.abs(painted.astype(int) - (255 - pixels)).mean() < 1.5
    assert small.size_for((540, 960)) is None


def test_colours_and_detail_are_the_frames_when_asked_for():
    pixels = 64 + draw_picture(1, 48, 64) // 2
    painter = Painter(FakeNetwork(), look=Look(keep_color=True, detail=0.5))
    reds = []
    for each in (pixels, 255 - pixels, paint(painter, pixels)):
        reds.append((each[..., 0].astype(int) - each[..., 1]).ravel())
    assert reds[1] @ reds[0] < 0 < reds[2] @ reds[0]
    assert "finish" in painter.timeline.milliseconds()


def test_the_overlay_says_what_paints_and_what_each_stage_takes():
    painter = Painter(FakeNetwork(), name="dark:0.6,light:0.4")
    paint(painter, random_frame())
    name, more, *stages = painter.hud_lines("fps 30")
    assert (name, more, [line.split()[0] for line in stages]) == (
        "dark:0.6,light:0.4", "fps 30", ["fit", "network", "unfit"],
    )  # fmt: skip
