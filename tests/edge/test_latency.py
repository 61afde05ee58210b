import itertools

import numpy as np
import pytest

from edge.latency import SETTLING, WINDOW, LatencyController, ladder

SIZES = ladder((360, 640), 8)
TARGET = 1 / 30


class SlowMachine:
    """Takes so long for a frame as its area and a fixed part ask for, by no clock at all."""

    def __init__(self, seconds_at_full: float, fixed: float = 0.002, noise: float = 0.0):
        self.seconds_at_full, self.fixed = seconds_at_full, fixed
        self._noise, self._rng = noise, np.random.default_rng(0)

    def seconds(self, size: tuple[int, int]) -> float:
        area = size[0] * size[1] / (SIZES[0][0] * SIZES[0][1])
        return (self.fixed + self.seconds_at_full * area) * float(
            1 + self._noise * self._rng.standard_normal()
        )


def run(controller: LatencyController, machine: SlowMachine, frames: int) -> list[tuple[int, int]]:
    sizes = []
    for _ in range(frames):
        sizes.append(controller.size)
        controller.observe(machine.seconds(controller.size))
    return sizes


def changes(sizes) -> int:
    return sum(one != other for one, other in itertools.pairwise(sizes))


def test_a_fast_machine_keeps_the_largest_size():
    said: list[str] = []
    assert set(run(LatencyController(TARGET, SIZES, said.append), SlowMachine(0.02), 500)) == {SIZES[0]}
    assert said == []


@pytest.mark.parametrize("slow", [0.04, 0.1, 0.25])
def test_a_slow_machine_holds_the_target_after_two_steps_and_stays(slow):
    said: list[str] = []
    machine = SlowMachine(slow)
    sizes = run(LatencyController(TARGET, SIZES, said.append), machine, 3000)
    settled = sizes[3 * (WINDOW + SETTLING) :]
    assert set(settled) == {sizes[-1]}
    assert machine.seconds(sizes[-1]) <= TARGET
    # And no smaller than needed: two steps up would be over the target.
    assert machine.seconds(SIZES[SIZES.index(sizes[-1]) - 2]) > 0.8 * TARGET
    assert len(said) == changes(sizes) <= 2
    assert said[0].startswith(
        f"{machine.seconds(SIZES[0]) * 1e3:.0f} ms a frame at 656x376 is over 33 ms; working at"
    )


def test_a_machine_that_is_free_again_goes_back_up_and_says_so():
    said: list[str] = []
    controller = LatencyController(TARGET, SIZES, said.append)
    low = run(controller, SlowMachine(0.08), 200)[-1]
    sizes = run(controller, SlowMachine(0.015), 2000)
    assert (low, sizes[-1]) != (SIZES[0], low)
    assert sizes[-1] == SIZES[0]
    assert all(SIZES.index(one) >= SIZES.index(other) for one, other in itertools.pairwise(sizes))
    assert "is well under 33 ms; working at" in said[-1]


def test_noise_makes_no_oscillation():
    sizes = run(LatencyController(TARGET, SIZES, print), SlowMachine(0.05, noise=0.25), 9000)
    late = sizes[1000:]
    assert changes(late) <= 6, f"{changes(late)} changes in five minutes"


def test_an_attempt_that_failed_is_not_repeated_soon():
    """A machine whose larger sizes cost more than their area: every rise is a relapse."""

    class Cliff(SlowMachine):
        def seconds(self, size):
            return 0.02 if size == SIZES[1] else 0.05 if size == SIZES[0] else 0.01

    controller = LatencyController(TARGET, SIZES[:2], print)
    sizes = run(controller, Cliff(0), 4000)
    rises = [i for i in range(1, len(sizes)) if sizes[i - 1] == SIZES[1] and sizes[i] == SIZES[0]]
    gaps = np.diff(rises)
    assert len(rises) >= 3
    assert all(later > 1.5 * earlier for earlier, later in itertools.pairwise(gaps))


def test_single_slow_frames_change_nothing():
    controller = LatencyController(TARGET, SIZES, print)
    for index in range(400):
        assert controller.observe(1.0 if index % 7 == 0 else 0.02) == SIZES[0]


def test_a_file_of_one_size_says_once_that_it_cannot_hold_the_target():
    said: list[str] = []
    controller = LatencyController(TARGET, ladder((360, 640), 8, fixed=(256, 448)), said.append)
    for _ in range(200):
        assert controller.observe(0.1) == (256, 448)
    assert said == [
        "100 ms a frame at 448x256, the smallest size, is over 33 ms; this machine cannot hold it."
    ]


@pytest.mark.parametrize("frame", [(360, 640), (1080, 1920), (1920, 1080), (90, 160), (7, 5)])
def test_a_ladder_falls_in_even_steps_of_multiples_of_8_and_keeps_the_shape(frame):
    sizes = ladder(frame, 8)
    areas = [height * width for height, width in sizes]
    assert all(side % 8 == 0 for size in sizes for side in size)
    assert areas == sorted(areas, reverse=True)
    assert len(set(sizes)) == len(sizes)
    for height, width in sizes:
        if min(frame) > 300:
            assert (width - 16) / (height - 16) == pytest.approx(frame[1] / frame[0], rel=0.12)
    assert min(sizes[0]) >= min(frame) + 16
    assert min(sizes[-1]) >= min(64, min(frame))


def test_a_ladder_may_begin_lower_and_a_fixed_file_has_none():
    sizes = ladder((1080, 1920), 8, largest=(288, 496))
    assert sizes[0] == max(sizes) == (288, 496)
    assert ladder((1080, 1920), 8, fixed=(256, 448)) == [(256, 448)]
