"""Which part of a run a step belongs to: how large a square losses see, and whether real clips are mixed in.

Data, trainer and loop ask the same pure functions, so that a resumed run finds itself where it was.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from keras_vst.config.run import RunConfig


@dataclass(frozen=True)
class Stage:
    """Steps `first` to `end` - 1, whose batches are alike in shape and source."""

    judged: int  # side of the square that losses see
    margin: int
    real_clips: bool  # batches come from real clips, mixed with synthetic ones
    first: int
    end: int

    @property
    def crop(self) -> int:
        """Side of the square that the network sees."""
        return self.judged + 2 * self.margin


def stages(config: RunConfig) -> list[Stage]:
    """The stages of the run, in order; together they cover it."""
    schedule, steps = config.schedule, config.schedule.steps
    done: float = 0.0
    ends: list[int] = []
    for share in schedule.stage_shares:
        done += share
        ends.append(round(done * steps))
    clips_at = round(schedule.clips_from * steps)
    borders: list[int] = sorted({0, steps, *ends[:-1], min(clips_at, steps)})
    found = []
    for first, end in itertools.pairwise(borders):
        judged = next(size for size, until in zip(schedule.judged_sizes, ends, strict=True) if first < until)
        found.append(Stage(judged, config.data.margin, clips_at <= first, first, end))
    return found


def stage(config: RunConfig, step: int) -> Stage:
    """The stage of the batch number `step`, counted from 0; beyond the end, the last one."""
    found = stages(config)
    return next((one for one in found if step < one.end), found[-1])
