from __future__ import annotations

from keras_vst.config import RunConfig, with_overrides
from tests.training.toys import tiny
from training.stages import Stage, frame_pairs, pairs_of, stage, stages

GROWING = with_overrides(
    RunConfig(),
    [
        "schedule.steps=100",
        "schedule.judged_sizes=64,128,192",
        "schedule.stage_shares=0.5,0.25,0.25",
        "schedule.clips_from=0.6",
        "data.margin=32",
    ],
)


def test_a_run_without_stages_is_one_stage():
    config = with_overrides(RunConfig(), ["schedule.steps=10"])

    assert stages(config) == [Stage(judged=256, margin=24, real_clips=False, first=0, end=10)]


def test_stages_change_where_the_size_grows_and_where_clips_begin():
    seen = [(one.first, one.end, one.judged, one.real_clips) for one in stages(GROWING)]

    assert seen == [
        (0, 50, 64, False),
        (50, 60, 128, False),
        (60, 75, 128, True),
        (75, 100, 192, True),
    ]


def test_each_step_belongs_to_the_stage_that_covers_it():
    for one in stages(GROWING):
        for step in (one.first, one.end - 1):
            assert stage(GROWING, step) == one


def test_a_step_beyond_the_end_belongs_to_the_last_stage():
    assert stage(GROWING, 100) == stage(GROWING, 10**6) == stages(GROWING)[-1]


def test_stages_cover_the_run_without_a_gap_however_short_it_is():
    for steps in range(1, 12):
        config = with_overrides(GROWING, [f"schedule.steps={steps}"])
        found = stages(config)
        assert [one.first for one in found] == [0, *(one.end for one in found[:-1])]
        assert found[-1].end == steps
        assert all(one.first < one.end for one in found)


def test_pairs_are_neighbours_and_for_a_discriminator_of_motion_the_way_back_as_well():
    assert frame_pairs(2) == [(1, 0)]
    assert frame_pairs(4) == [(1, 0), (2, 1), (3, 2)]
    assert pairs_of(tiny("painting", "data.frames=3")) == [(1, 0), (2, 1)]
    assert pairs_of(tiny("clip")) == [(1, 0), (2, 1), (1, 2)]
