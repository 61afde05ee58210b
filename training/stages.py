"""The parts of a run: how large a square losses see, whether real clips are mixed in, which frames are compared.

Data, trainers and loop ask the same pure functions, so that a resumed run finds itself where it was.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from keras_vst.config import RunConfig


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
    done = itertools.accumulate(schedule.stage_shares)
    ends = [round(share * steps) for share in done]
    clips_at = round(schedule.clips_from * steps)
    borders = sorted({0, steps, *ends[:-1], min(clips_at, steps)})
    found = []
    for first, end in itertools.pairwise(borders):
        judged = next(size for size, until in zip(schedule.judged_sizes, ends, strict=True) if first < until)
        found.append(Stage(judged, config.data.margin, clips_at <= first, first, end))
    return found


def stage(config: RunConfig, step: int) -> Stage:
    """The stage of the batch number `step`, counted from 0; beyond the end, the last one."""
    found = stages(config)
    return next((one for one in found if step < one.end), found[-1])


def largest_crop(config: RunConfig) -> int:
    """The side of the largest square that the network sees in this run."""
    return max(each.crop for each in stages(config))


def frame_pairs(num_frames: int) -> list[tuple[int, int]]:
    """The pairs (later, earlier) that temporal losses compare: neighbours."""
    return [(time, time - 1) for time in range(1, num_frames)]


def pairs_of(config: RunConfig) -> list[tuple[int, int]]:
    """The pairs for which a batch holds `flow` and `visible`: (a, b) says where each pixel of a was in b.

    A discriminator of motion wants the last frame moved back onto the one before it: one more pair.
    """
    pairs = frame_pairs(config.data.frames)
    return [*pairs, (config.data.frames - 2, config.data.frames - 1)] if _judges_motion(config) else pairs


def painting_frames(config: RunConfig) -> int:
    """How many frames of a painting a discriminator is shown: 3 where it judges motion."""
    return 3 if _judges_motion(config) else 1


def _judges_motion(config: RunConfig) -> bool:
    return config.loss.weights.get("adversarial_motion", 0.0) > 0
