"""The simulation against what queueing theory knows, and against what must be."""

from __future__ import annotations

from math import factorial

import numpy as np
import pytest

from benchmarks.scale import (
    DAY,
    FPS,
    MINUTE,
    PIECE,
    Times,
    core_seconds,
    day_of_videos,
    most_viewers,
    turnarounds,
    waits,
    watch,
)


def erlang_wait(rate: float, service: float, cores: int) -> float:
    """The mean wait of M/M/c (Erlang, 1917)."""
    load = rate * service
    full = load**cores / factorial(cores) / (1 - load / cores)
    queued = full / (sum(load**k / factorial(k) for k in range(cores)) + full)
    return queued * service / (cores - load)


@pytest.mark.parametrize(("cores", "busy"), [(1, 0.5), (1, 0.8), (4, 0.8), (16, 0.9)])
def test_waiting_is_that_of_erlangs_formula(cores, busy):
    rng, jobs = np.random.default_rng(1), 300_000
    arrivals = np.cumsum(rng.exponential(1 / (busy * cores), jobs))
    mean = waits(arrivals, rng.exponential(1.0, jobs), cores).mean()
    assert mean == pytest.approx(erlang_wait(busy * cores, 1.0, cores), rel=0.06)


def test_waiting_for_even_work_is_half_of_that_for_uneven():
    """M/D/1 by the formula of Pollaczek and Khinchine."""
    rng, jobs = np.random.default_rng(2), 300_000
    arrivals = np.cumsum(rng.exponential(1 / 0.8, jobs))
    mean = waits(arrivals, np.ones(jobs), 1).mean()
    assert mean == pytest.approx(erlang_wait(0.8, 1.0, 1) / 2, rel=0.05)


def test_viewers_below_what_a_machine_can_do_see_all_and_beyond_it_their_share_and_never_old_frames():
    rng, service, cores = np.random.default_rng(3), 0.01, 4
    shown, latency = watch(8, cores, service, rng)  # half of the sixteen that four cores can paint
    assert shown > 0.999
    assert service * 0.9 < latency < 2 * service
    shown, latency = watch(32, cores, service, rng)
    assert shown == pytest.approx(0.5, abs=0.02)
    assert (
        latency < 0.1
    )  # a newer frame replaces the one that waits, so none is older than a round of all viewers
    assert most_viewers(cores, service) in (14, 15, 16)


def test_a_day_of_videos_is_as_long_as_was_asked_for_and_busiest_at_noon():
    arrivals, lengths = day_of_videos(200_000, np.random.default_rng(4))
    assert lengths.sum() / MINUTE == pytest.approx(200_000, rel=0.03)
    assert (np.diff(arrivals) >= 0).all()
    noon = ((arrivals > 0.45 * DAY) & (arrivals < 0.55 * DAY)).mean()
    assert noon == pytest.approx(0.2, abs=0.01)  # twice the mean


def test_a_video_is_ready_with_its_last_piece():
    times = Times(piece=1.0)
    piece = PIECE * FPS * times.video + 1.0
    lengths = np.array([3 * PIECE])
    assert turnarounds(np.array([5.0]), lengths, 3, times) == pytest.approx([piece])
    assert turnarounds(np.array([5.0]), lengths, 1, times) == pytest.approx([3 * piece])
    assert core_seconds(times) == pytest.approx(3 * piece)
