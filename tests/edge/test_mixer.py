import threading
import time

from edge.mixer import Mixer
from keras_vst.errors import UserError
from tests.edge.live_fakes import FakeNetwork


class Bench:
    """Opens mixes only when it is let; a network's share is that of its first style."""

    def __init__(self):
        self.asked: list[tuple] = []
        self.go = threading.Semaphore(1)  # the first is opened at once

    def open(self, shares, size):
        self.asked.append((shares, size))
        assert self.go.acquire(timeout=5)
        if shares[0] == 0.25:
            raise UserError("there is no network file wave.tflite; check the name.")
        return FakeNetwork(shares[0])


def wait_for(mixer: Mixer, share: float, shares: tuple[float, float], size=None) -> None:
    deadline = time.monotonic() + 5
    while mixer.network(shares, size).share != share:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_the_picture_never_waits_for_a_mix_and_only_the_newest_wish_is_made():
    bench = Bench()
    mixer = Mixer(bench.open, (1.0, 0.0))
    start = time.perf_counter()
    for step in range(1, 11):  # a slider that moves while the first wish is still in work
        assert mixer.network((1 - step / 10, step / 10), (376, 656)).share == 1.0
    assert time.perf_counter() - start < 0.5
    bench.go.release()
    bench.go.release()
    wait_for(mixer, 0.0, (0.0, 1.0), (376, 656))
    assert len(bench.asked) <= 3  # the first, the one in work, the newest
    assert (bench.asked[0], bench.asked[-1][0]) == (((1.0, 0.0), None), (0.0, 1.0))
    assert bench.asked[1][1] == (376, 656)


def test_at_rest_nothing_is_made_and_no_thread_is_left():
    bench = Bench()
    mixer = Mixer(bench.open, (1.0, 0.0))
    bench.go.release()
    wait_for(mixer, 0.5, (0.5, 0.5))
    deadline = time.monotonic() + 5
    while any(thread.name == "mixer" for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        mixer.network((0.5, 0.5), None)
        time.sleep(0.001)
    assert len(bench.asked) == 2


def test_a_mix_that_cannot_be_made_is_told_and_the_picture_goes_on(capsys):
    bench = Bench()
    mixer = Mixer(bench.open, (1.0, 0.0))
    bench.go.release()
    deadline = time.monotonic() + 5
    while not (told := capsys.readouterr().err):
        assert mixer.network((0.25, 0.75), None).share == 1.0
        assert time.monotonic() < deadline
        time.sleep(0.001)
    assert told == "vst: there is no network file wave.tflite; check the name.\n"
    bench.go.release()
    wait_for(mixer, 0.0, (0.0, 1.0))
