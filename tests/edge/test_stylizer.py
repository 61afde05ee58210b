import numpy as np
import pytest

from edge.stylizer import Stylizer
from edge.timeline import Timeline
from edge.verify import open_runner
from keras_vst.errors import UserError

RNG = np.random.default_rng(1)
HALF = [0.25, 0.25]


def random_frame(height: int = 48, width: int = 64) -> np.ndarray:
    return RNG.integers(0, 256, (height, width, 3), np.uint8)


def states(stylizer: Stylizer, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each coming frame is painted with a memory; filled as the frames come."""
    remembered: list[bool] = []
    run = stylizer.runner.run

    def spy(frame, style, state=None):
        remembered.append(state is not None)
        return run(frame, style, state)

    monkeypatch.setattr(stylizer.runner, "run", spy)
    return remembered


@pytest.mark.parametrize("size", [(48, 64), (45, 61), (1, 1), (360, 9)])
def test_full_weight_turns_every_level_into_its_negative(negative, size):
    frame = random_frame(*size)
    np.testing.assert_array_equal(Stylizer(negative).stylize(frame, [1.0, 0.0]), 255 - frame)


def test_no_weight_leaves_the_frame_bit_for_bit(negative):
    frame = random_frame(37, 53)
    np.testing.assert_array_equal(Stylizer(negative).stylize(frame, [0.0, 0.0]), frame)


def test_half_the_weight_gives_grey(negative):
    stylized = Stylizer(open_runner(negative), margin=0).stylize(random_frame(), HALF)
    np.testing.assert_array_equal(stylized, np.full((48, 64, 3), 128, np.uint8))


def test_the_network_may_work_at_a_smaller_size(negative):
    frame = np.repeat(np.repeat(random_frame(15, 20), 8, axis=0), 8, axis=1)
    stylizer = Stylizer(negative, size=(64, 80), margin=16)
    stylized = stylizer.stylize(frame, [1.0, 0.0])
    assert stylized.shape == frame.shape
    # 120x160 shrinks to 32x43 inside the margins: what remains is the picture without its detail.
    assert abs(float(stylized.mean()) - float((255 - frame).mean())) < 4


def test_a_fixed_network_takes_frames_of_any_size(fixed):
    stylizer = Stylizer(fixed)
    assert stylizer.size == (64, 96)
    stylized = stylizer.stylize(np.full((100, 100, 3), 200, np.uint8), [1.0])
    np.testing.assert_array_equal(stylized, np.full((100, 100, 3), 55, np.uint8))


def test_a_fixed_network_works_at_no_other_size(fixed):
    assert Stylizer(fixed, size=(64, 96)).size == (64, 96)
    with pytest.raises(UserError, match="works at 96x64 only, not at 128x128"):
        Stylizer(fixed, size=(128, 128))


def test_a_size_inside_the_margin_is_refused(negative):
    with pytest.raises(UserError, match="40x16 leaves nothing inside a margin of 8"):
        Stylizer(negative, size=(16, 40))


def test_the_memory_is_carried_and_dropped_by_reset(negative, monkeypatch):
    stylizer = Stylizer(negative)
    remembered = states(stylizer, monkeypatch)
    frame = random_frame()
    for _ in range(3):
        stylizer.stylize(frame, HALF)
    stylizer.reset()
    stylizer.stylize(frame, HALF)
    assert remembered == [False, True, True, False]


def test_the_memory_is_dropped_when_the_size_changes(negative, monkeypatch):
    stylizer = Stylizer(negative)
    remembered = states(stylizer, monkeypatch)
    for size in ((48, 64), (48, 64), (64, 48), (48, 64)):
        frame = np.full((*size, 3), 90, np.uint8)
        np.testing.assert_array_equal(stylizer.stylize(frame, [1.0, 0.0]), 255 - frame)
    assert remembered == [False, True, False, False]


def test_the_memory_is_dropped_at_a_cut(negative, monkeypatch):
    stylizer = Stylizer(negative)
    remembered = states(stylizer, monkeypatch)
    for level in (20, 24, 200, 204):
        stylizer.stylize(np.full((48, 64, 3), level, np.uint8), HALF)
    assert remembered == [False, True, False, True]


@pytest.mark.parametrize("weights", [[1.0], [1.0, 0.5], [-0.5, 0.5], [float("nan"), 0.0], 1.0])
def test_weights_that_are_no_shares_are_refused(negative, weights):
    with pytest.raises(ValueError, match="`weights` must be 2 numbers >= 0 with a sum of at most 1"):
        Stylizer(negative).stylize(random_frame(), weights)


def test_every_stage_is_measured_once_a_frame(negative):
    timeline = Timeline()
    Stylizer(negative, timeline=timeline).stylize(random_frame(), HALF)
    assert list(timeline.milliseconds()) == ["fit", "network", "unfit"]
