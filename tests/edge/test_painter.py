import time
from fractions import Fraction

import numpy as np

from edge.controls import Controls
from edge.latency import LatencyController
from edge.mixer import Mixer
from edge.painter import Painter
from edge.sizes import ladder
from edge.stylizer import Stylizer
from keras_vst.video import TimedFrame
from tests.conftest import draw_picture
from tests.edge.live_fakes import FakeNetwork, fake_painter, frame


def timed(pixels: np.ndarray, index: int) -> TimedFrame:
    return TimedFrame(pixels, Fraction(index, 25))


def test_a_frame_is_painted_and_keeps_its_time():
    painted = fake_painter().repaint(frame(3, level=10))
    assert painted.after.time == frame(3).time
    assert (painted.after.pixels == 245).all()
    assert (painted.before.pixels == 10).all()


def test_strength_lays_that_much_of_the_painting_over_the_frame():
    painted = fake_painter(strength=40).repaint(frame(0, level=100))
    assert (painted.after.pixels == round(0.6 * 100 + 0.4 * 155)).all()


def test_a_new_style_is_painted_with_as_soon_as_its_network_is_ready():
    sizes: list[tuple[int, int]] = []
    controls = Controls(["dark", "light"], [1.0, 0.0])
    mixer = Mixer(lambda shares, size: FakeNetwork(shares[0], sizes), controls.look(0.0).shares)
    painter = Painter("fake", Stylizer(FakeNetwork(), margin=8), controls, mixer)
    painter.repaint(frame(0))
    controls.apply({"style": "light"})
    levels = []
    for index in range(1, 30):
        levels.append(int(painter.repaint(frame(index, level=55)).after.pixels[0, 0, 0]))
        time.sleep(0.005)
    assert levels[-1] == 55  # all of the style that gives the frame back
    assert levels == sorted(levels, reverse=True)
    assert len(set(levels)) > 4  # on the way there, mixes


def test_a_frozen_picture_stays_while_time_goes_on():
    network = FakeNetwork()
    painter = fake_painter(network)
    first = painter.repaint(frame(0, level=10))
    painter.controls.apply({"freeze": True})
    held = [painter.repaint(frame(index, level=50 + index)) for index in (1, 2, 3)]
    painter.controls.apply({"freeze": False})
    later = painter.repaint(frame(4, level=99))
    assert (first.after.pixels == 245).all()
    # What is frozen is the first frame after the wish.
    assert [int(each.after.pixels[0, 0, 0]) for each in held] == [204, 204, 204]
    assert [each.after.time for each in held] == [frame(index).time for index in (1, 2, 3)]
    assert (later.after.pixels == 156).all()
    assert len(network.sizes) == 3


def test_split_screen_shows_the_frame_on_the_left():
    painter = fake_painter()
    painter.controls.apply({"split": True})
    pixels = painter.repaint(frame(0, level=10)).after.pixels
    assert (pixels[:, :20] == 10).all()
    assert (pixels[:, 28:] == 245).all()


def test_colours_and_detail_are_the_frames_when_asked_for():
    picture = 64 + draw_picture(1, 48, 64) // 2
    plain = fake_painter().repaint(timed(picture, 0)).after.pixels
    kept = fake_painter(keep_color=True, detail=50).repaint(timed(picture, 0)).after.pixels
    reds = [
        int(
            (one[..., 0].astype(int) - one[..., 1]).ravel()
            @ (picture[..., 0].astype(int) - picture[..., 1]).ravel()
        )
        for one in (plain, kept)
    ]
    assert reds[0] < 0 < reds[1]


def test_a_governor_that_sees_slow_frames_makes_the_network_work_smaller():
    network = FakeNetwork()
    painter = fake_painter(network)
    sizes = ladder((240, 320), 8)
    said: list[str] = []
    painter.governor = LatencyController(0.02, sizes, said.append)
    painter.latency = 0.05  # as a sink reports it, whatever this machine really takes
    for index in range(12):
        assert painter.repaint(timed(draw_picture(2, 240, 320), index)).after.pixels.shape == (240, 320, 3)
    assert network.sizes[0] == (256, 336)
    assert network.sizes[-1] == painter.governor.size
    assert network.sizes[-1][0] * network.sizes[-1][1] <= 0.9 * 0.02 / 0.05 * 256 * 336
    assert len(said) == 1
