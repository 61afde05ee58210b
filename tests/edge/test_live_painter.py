import threading
import time
from fractions import Fraction

import numpy as np
import pytest

from edge.cli import build_parser
from edge.keeping_up import LatencyController, ladder
from edge.live_painter import LivePainter, Mixer, open_live_painter
from edge.style_choice import first_style
from keras_vst.errors import UserError
from keras_vst.video import TimedFrame
from tests.conftest import draw_picture
from tests.edge.live_fakes import FakeNetwork, fake_mixing_painter, fake_painter, frame
from tests.keras_vst.networks.networks import write_style


def level(painter: LivePainter, index: int, of: int) -> int:
    return int(painter.repaint(frame(index, level=of)).after.pixels[0, 0, 0])


def test_strength_is_that_of_the_controls():
    assert level(fake_painter(strength=40), 0, 100) == round(0.6 * 100 + 0.4 * 155)


def test_a_new_style_is_painted_with_as_soon_as_its_network_is_ready():
    painter = fake_mixing_painter([])
    level(painter, 0, 55)
    painter.controls.apply({"style": "light"})
    levels = []
    for index in range(1, 30):
        levels.append(level(painter, index, 55))
        time.sleep(0.005)
    assert levels[-1] == 55  # all of the style that gives the frame back
    assert levels == sorted(levels, reverse=True)
    assert len(set(levels)) > 4  # on the way there, mixes


def test_a_frozen_picture_stays_while_time_goes_on_and_sliders_still_work():
    network = FakeNetwork()
    painter = fake_painter(network)
    assert level(painter, 0, 10) == 245
    painter.controls.apply({"freeze": True})
    held = [painter.repaint(frame(index, level=50 + index)) for index in (1, 2, 3)]
    # What is frozen is the first frame after the wish.
    assert [int(each.after.pixels[0, 0, 0]) for each in held] == [204, 204, 204]
    assert [each.after.time for each in held] == [frame(index).time for index in (1, 2, 3)]
    painter.controls.apply({"strength": 0})
    assert level(painter, 4, 99) == 51
    painter.controls.apply({"freeze": False, "strength": 100})
    assert level(painter, 5, 99) == 156
    assert len(network.sizes) == 3


def test_split_screen_shows_the_frame_on_the_left():
    painter = fake_painter(split=True)
    pixels = painter.repaint(frame(0, level=10)).after.pixels
    assert (pixels[:, :20] == 10).all()
    assert (pixels[:, 28:] == 245).all()


def test_a_governor_that_sees_slow_frames_makes_the_network_work_smaller():
    network = FakeNetwork()
    painter = fake_painter(network)
    sizes, said = ladder((240, 320), 8), []
    painter.governor = LatencyController(0.02, sizes, said.append)
    painter.latency = 0.05  # as a sink reports it, whatever this machine really takes
    for index in range(12):
        timed = TimedFrame(draw_picture(2, 240, 320), Fraction(index, 25))
        assert painter.repaint(timed).after.pixels.shape == (240, 320, 3)
    assert network.sizes[0] == (256, 336)
    assert network.sizes[-1] == painter.governor.size
    assert np.prod(network.sizes[-1]) <= 0.9 * 0.02 / 0.05 * 256 * 336
    assert len(said) == 1


class Workshop:
    """Opens mixes only when it is let; a network's share is that of its first style."""

    def __init__(self):
        self.asked: list[tuple] = []
        self.go = threading.Semaphore(1)  # the first is opened at once

    def open(self, shares, size):
        self.asked.append((shares, size))
        assert self.go.acquire(timeout=5)
        if shares[0] == 0.25:
            raise UserError("there is no network file wave.tflite; check the name.")
        if shares[0] == 0.75:
            raise ZeroDivisionError("a defect")
        return FakeNetwork(shares[0])


def wait_for(mixer: Mixer, share: float, shares: tuple[float, float], size=None) -> None:
    deadline = time.monotonic() + 5
    while mixer.network(shares, size).share != share:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_the_picture_never_waits_for_a_mix_and_only_the_newest_wish_is_made():
    workshop = Workshop()
    mixer = Mixer(workshop.open, (1.0, 0.0))
    start = time.perf_counter()
    for step in range(1, 11):  # a slider that moves while the first wish is still in work
        assert mixer.network((1 - step / 10, step / 10), (376, 656)).share == 1.0
    assert time.perf_counter() - start < 0.5
    workshop.go.release(2)
    wait_for(mixer, 0.0, (0.0, 1.0), (376, 656))
    assert len(workshop.asked) <= 3  # the first, the one in work, the newest
    assert (workshop.asked[0], workshop.asked[-1][0]) == (((1.0, 0.0), None), (0.0, 1.0))
    assert workshop.asked[1][1] == (376, 656)
    deadline = time.monotonic() + 5
    while any(thread.name == "mixer" for thread in threading.enumerate()):  # at rest no thread is left
        assert time.monotonic() < deadline
        mixer.network((0.0, 1.0), None)
        time.sleep(0.001)
    assert len(workshop.asked) <= 3


@pytest.mark.parametrize(
    ("share", "message"),
    [
        (0.25, "vst: there is no network file wave.tflite; check the name.\n"),
        (0.75, "vst: unexpected ZeroDivisionError: a defect\n"),
    ],
)
def test_a_mix_that_cannot_be_made_is_told_and_the_picture_goes_on(capsys, share, message):
    workshop = Workshop()
    mixer = Mixer(workshop.open, (1.0, 0.0))
    workshop.go.release(2)
    deadline = time.monotonic() + 5
    while not (told := capsys.readouterr().err):
        assert mixer.network((share, 1 - share), None).share == 1.0
        assert time.monotonic() < deadline
        time.sleep(0.001)
    assert told == message
    wait_for(mixer, 0.0, (0.0, 1.0))


def test_styles_are_changed_between_and_those_of_other_architectures_are_not_mixed(bundled):
    arguments = ["live", "--style", "dark", "--threads", "1", "--strength", "0.5", "--keep-color"]
    painter = open_live_painter(build_parser(["live"]).parse_args(arguments), hud=True)
    status = painter.controls.status()
    assert (status["styles"], status["strength"]) == (["dark", "light", "plain"], 50)
    assert (status["keep_color"], status["hud"], painter.name) == (True, True, "dark")
    answer = painter.controls.apply({"second": "plain", "blend": 30})
    assert "dark and plain cannot be mixed: their architectures are linear and other" in answer["error"]
    assert painter.controls.apply({"second": "light", "blend": 30})["ok"]


def test_without_a_style_all_are_there_and_the_first_can_be_mixed(bundled, negative):
    write_style(bundled, "alone", negative, architecture="another")
    options = build_parser(["live"]).parse_args(["live", "--threads", "1"])
    options.style = first_style(options)
    painter = open_live_painter(options)
    assert painter.controls.status()["styles"] == ["alone", "dark", "light", "plain"]
    assert painter.name == "dark"
    assert painter.controls.apply({"mix": {"dark": 0.5, "light": 0.5}})["ok"]


def test_without_a_style_a_painting_comes_before_looks(bundled, negative):
    write_style(bundled, "chrome", negative, look="chrome")
    options = build_parser(["live"]).parse_args(["live"])
    assert first_style(options) == "dark"
