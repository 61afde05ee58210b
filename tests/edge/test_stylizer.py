import numpy as np
import pytest

from edge.stylizer import Stylizer
from edge.timeline import Timeline
from keras_vst.errors import UserError
from keras_vst.runners.verify import open_runner
from tests.conftest import draw_picture

RNG = np.random.default_rng(1)
HALF = [0.25, 0.25]


def random_frame(height: int = 48, width: int = 64) -> np.ndarray:
    return RNG.integers(0, 256, (height, width, 3), np.uint8)


def states(stylizer: Stylizer, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each coming frame is painted with a memory; filled as the frames come."""
    remembered: list[bool] = []
    run = stylizer.runner.run_pixels

    def spy(frame, style, state=None):
        remembered.append(state is not None)
        return run(frame, style, state)

    monkeypatch.setattr(stylizer.runner, "run_pixels", spy)
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


def test_after_a_cut_no_ghost_of_the_old_scene_is_left(ghost):
    """By the second frame at the latest the picture is that of a fresh start, to less than one level."""
    old, new = draw_picture(3, 64, 96) // 2, 128 + draw_picture(4, 64, 96) // 2
    cut, fresh = Stylizer(ghost, margin=8), Stylizer(ghost, margin=8)
    for _ in range(6):
        cut.stylize(old, [1.0])
    for frame in (new, new[:, ::-1], new):
        ours = cut.stylize(np.ascontiguousarray(frame), [1.0]).astype(int)
        theirs = fresh.stylize(np.ascontiguousarray(frame), [1.0])
        assert np.abs(ours - theirs).max() < 1


def test_without_the_cut_the_memory_would_be_seen(ghost):
    old, new = draw_picture(3, 64, 96) // 2, 128 + draw_picture(4, 64, 96) // 2
    held, fresh = Stylizer(ghost, margin=8), Stylizer(ghost, margin=8)
    held._cuts.threshold = 2.0
    held.stylize(old, [1.0])
    difference = held.stylize(new, [1.0]).astype(int) - fresh.stylize(new, [1.0])
    assert np.abs(difference).max() > 5


def test_nothing_flashes_when_the_size_changes(ghost):
    """The memory comes along: a still picture keeps its light, where a restart would darken it."""
    still = draw_picture(5, 120, 160)
    stylizer = Stylizer(ghost, size=(120, 160), margin=8)
    for _ in range(30):
        settled = stylizer.stylize(still, [1.0]).astype(float)
    levels = []
    for size in ((96, 128), (144, 184), (80, 112)):
        stylizer.resize(size)
        levels.append(float(stylizer.stylize(still, [1.0]).mean() - settled.mean()))
        assert stylizer.fitted == size
    assert np.abs(levels).max() < 0.02 * settled.mean()
    stylizer.reset()
    assert stylizer.stylize(still, [1.0]).mean() < 0.7 * settled.mean()


def test_large_frames_are_painted_small_and_native_paints_every_pixel(negative):
    frame = draw_picture(6, 720, 1280)
    small, native = Stylizer(negative), Stylizer(negative, native=True)
    painted = small.stylize(frame, [1.0, 0.0])
    assert small.fitted == (288, 496)
    assert painted.shape == frame.shape
    np.testing.assert_array_equal(native.stylize(frame, [1.0, 0.0]), 255 - frame)
    assert native.fitted == (736, 1296)
    # The negative of the frame, edges and all, from a seventh of its pixels.
    assert np.abs(painted.astype(int) - (255 - frame)).mean() < 1.5


def test_at_a_smaller_size_the_frame_shines_through_with_all_its_pixels(negative):
    frame = random_frame(120, 160)
    stylizer = Stylizer(negative, size=(64, 80))
    np.testing.assert_array_equal(stylizer.stylize(frame, [0.0, 0.0]), frame)
    full = stylizer.stylize(frame, [0.5, 0.5]).astype(float)
    part = Stylizer(negative, size=(64, 80)).stylize(frame, [0.1, 0.15])
    assert np.abs(part - (0.75 * frame + 0.25 * full)).max() <= 1


def test_a_stream_that_changes_its_size_starts_anew(ghost, monkeypatch):
    stylizer = Stylizer(ghost, size=(64, 96), margin=8)
    remembered = states(stylizer, monkeypatch)
    for size in ((64, 96), (64, 96), (96, 64)):
        stylizer.stylize(np.full((*size, 3), 90, np.uint8), [1.0])
    assert remembered == [False, True, False]


def test_an_unknown_size_is_refused_while_it_runs(fixed):
    with pytest.raises(UserError, match="works at 96x64 only"):
        Stylizer(fixed).resize((32, 32))
