"""Which network of a style is taken: told, or found by painting for half a second."""

from __future__ import annotations

import argparse
import itertools

import numpy as np
import pytest

from edge import keeping_up
from edge.cli import main
from edge.keeping_up import SETTLING, WINDOW, LatencyController, choose, ladder
from edge.live_painter import open_live_painter
from edge.style_choice import in_size
from keras_vst import zoo
from keras_vst.config import SIZES
from keras_vst.errors import UserError
from tests.keras_vst.networks.networks import write_style


def write_sized(root, name, network, size_class, gmacs):
    """A style that says it is of a size, whatever paints it."""
    told = {"size": "640x368", "value": gmacs}
    return write_style(root, name, network, architecture=SIZES[size_class].architecture, gmacs=told)


@pytest.fixture
def root(tmp_path, same, monkeypatch):
    """A zoo of `sea`, in three sizes, and `land`, in one."""
    folder = tmp_path / "zoo"
    for name in ("sea", "land"):
        write_sized(folder, name, same, "base", 0.9)
    for size_class, gmacs in (("small", 0.25), ("large", 2.5)):
        made = write_sized(tmp_path / size_class, "sea", same, size_class, gmacs)
        made.rename(folder / "sea" / size_class)
    monkeypatch.setattr(zoo, "ROOT", folder)
    monkeypatch.setenv("KERAS_VST_ZOO", str(tmp_path / "own"))
    return folder


def asked(size_class="auto", **others):
    options = {"size": None, "fps": None, "runtime": None, "threads": 1, "model": None, "quality": "live"}
    return argparse.Namespace(size_class=size_class, **(options | others))


@pytest.mark.parametrize(
    ("milliseconds", "fps", "chosen"),
    [(20, None, "base"), (40, None, "small"), (400, None, "small"), (20, 60, "small"), (40, 10, "base")],
)
def test_base_is_taken_unless_it_cannot_keep_up(root, monkeypatch, capsys, milliseconds, fps, chosen):
    monkeypatch.setattr(keeping_up, "seconds_a_frame", lambda style, size, options: milliseconds / 1000)

    assert choose([zoo.find_style("sea")], asked(fps=fps)) == chosen
    told = capsys.readouterr().err
    assert f"auto: {chosen}" in told
    assert f"{milliseconds:.1f} ms" in told
    assert told.count("\n") == 1


def test_the_time_is_that_of_real_frames(root, monkeypatch):
    monkeypatch.setattr(keeping_up, "SECONDS", 0.05)

    assert 0 < keeping_up.seconds_a_frame(zoo.find_style("sea"), (40, 64), asked()) < 1


def test_a_style_of_one_size_is_not_measured(root, monkeypatch, capsys):
    monkeypatch.setattr(keeping_up, "seconds_a_frame", None)

    assert choose([zoo.find_style("sea"), zoo.find_style("land")], asked()) == "base"
    assert capsys.readouterr().err == ""


def test_styles_are_exchanged_for_their_networks_of_the_named_size(root):
    ((small, share),) = in_size([(zoo.find_style("sea"), 0.5)], asked("small"))

    assert (small.name, small.gmacs, share) == ("sea", 0.25, 0.5)
    assert small.path == root / "sea" / "small" / "sea.tflite"
    assert in_size([(zoo.find_style("sea"), 1.0)], asked("base"))[0][0].path == root / "sea" / "sea.tflite"


def test_a_size_that_a_style_does_not_have_is_refused_in_one_line(root):
    with pytest.raises(UserError, match="land has no network of size large, only base"):
        in_size([(zoo.find_style("land"), 1.0)], asked("large"))


def test_a_size_beside_a_file_of_ones_own_is_refused(root, capsys):
    file = root / "sea" / "sea.tflite"

    assert main(["bench", "--model", str(file), "--size-class", "small"]) == 2
    assert "--size-class small chooses among" in capsys.readouterr().err


def test_folders_of_other_sizes_are_no_styles_of_their_own(root):
    assert [style.name for style in zoo.styles()] == ["land", "sea"]
    assert list(zoo.sizes(zoo.find_style("sea"))) == ["small", "base", "large"] == list(SIZES)


def test_live_offers_what_has_a_network_of_the_size_that_keeps_up(root, monkeypatch):
    told = {"strength": 1.0, "keep_color": False, "detail": 0.0, "native": False}

    def offered(style, seconds):
        monkeypatch.setattr(keeping_up, "seconds_a_frame", lambda *_: seconds)
        options = asked("auto", style=style, **told)
        return open_live_painter(options).controls.names, options.size_class

    assert offered("sea", 0.01) == (("land", "sea"), "base")
    assert offered("sea", 0.1) == (("sea",), "small")
    assert offered("land", 0.1) == (("land", "sea"), "base")


LADDER = ladder((360, 640), 8)
TARGET = 1 / 30


class SlowMachine:
    """Takes so long for a frame as its area and a fixed part ask for, by no clock at all."""

    def __init__(self, seconds_at_full: float, fixed: float = 0.002, noise: float = 0.0):
        self.seconds_at_full, self.fixed = seconds_at_full, fixed
        self._noise, self._rng = noise, np.random.default_rng(0)

    def seconds(self, size: tuple[int, int]) -> float:
        area = size[0] * size[1] / (LADDER[0][0] * LADDER[0][1])
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
    assert set(run(LatencyController(TARGET, LADDER, said.append), SlowMachine(0.02), 500)) == {LADDER[0]}
    assert said == []


@pytest.mark.parametrize("slow", [0.04, 0.1, 0.25])
def test_a_slow_machine_holds_the_target_after_two_steps_and_stays(slow):
    said: list[str] = []
    machine = SlowMachine(slow)
    sizes = run(LatencyController(TARGET, LADDER, said.append), machine, 3000)
    settled = sizes[3 * (WINDOW + SETTLING) :]
    assert set(settled) == {sizes[-1]}
    assert machine.seconds(sizes[-1]) <= TARGET
    # And no smaller than needed: two steps up would be over the target.
    assert machine.seconds(LADDER[LADDER.index(sizes[-1]) - 2]) > 0.8 * TARGET
    assert len(said) == changes(sizes) <= 2
    assert said[0].startswith(
        f"{machine.seconds(LADDER[0]) * 1e3:.0f} ms a frame at 656x376 is over 33 ms; working at"
    )


def test_a_machine_that_is_free_again_goes_back_up_and_says_so():
    said: list[str] = []
    controller = LatencyController(TARGET, LADDER, said.append)
    low = run(controller, SlowMachine(0.08), 200)[-1]
    sizes = run(controller, SlowMachine(0.015), 2000)
    assert (low, sizes[-1]) != (LADDER[0], low)
    assert sizes[-1] == LADDER[0]
    assert all(LADDER.index(one) >= LADDER.index(other) for one, other in itertools.pairwise(sizes))
    assert "is well under 33 ms; working at" in said[-1]


def test_noise_makes_no_oscillation():
    sizes = run(LatencyController(TARGET, LADDER, print), SlowMachine(0.05, noise=0.25), 9000)
    late = sizes[1000:]
    assert changes(late) <= 6, f"{changes(late)} changes in five minutes"


def test_an_attempt_that_failed_is_not_repeated_soon():
    """A machine whose larger sizes cost more than their area: every rise is a relapse."""

    class Cliff(SlowMachine):
        def seconds(self, size):
            return 0.02 if size == LADDER[1] else 0.05 if size == LADDER[0] else 0.01

    controller = LatencyController(TARGET, LADDER[:2], print)
    sizes = run(controller, Cliff(0), 4000)
    rises = [i for i in range(1, len(sizes)) if sizes[i - 1] == LADDER[1] and sizes[i] == LADDER[0]]
    gaps = np.diff(rises)
    assert len(rises) >= 3
    assert all(later > 1.5 * earlier for earlier, later in itertools.pairwise(gaps))


def test_single_slow_frames_change_nothing():
    controller = LatencyController(TARGET, LADDER, print)
    for index in range(400):
        assert controller.observe(1.0 if index % 7 == 0 else 0.02) == LADDER[0]


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
