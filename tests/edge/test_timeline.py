import pytest

from edge import timeline
from edge.timeline import STAGES, Timeline


def test_medians_and_percentiles_are_in_milliseconds(monkeypatch):
    # Ten stages of 1, 2, ... 10 ms by a clock that is read twice for each.
    moments = iter([reading for k in range(1, 11) for reading in (float(k), k + k / 1000)])
    monkeypatch.setattr(timeline.time, "perf_counter", lambda: next(moments))
    line = Timeline()
    for _ in range(10):
        with line.stage("network"):
            pass
    assert line.milliseconds() == {"network": {"median": 5.5, "p95": 9.55}}


def test_stages_come_in_the_order_of_a_frame():
    line = Timeline()
    for name in reversed(STAGES):
        with line.stage(name):
            pass
    assert tuple(line.milliseconds()) == ("capture", "fit", "flow", "network", "unfit", "finish", "sink")


def test_clearing_forgets_everything():
    line = Timeline()
    with line.stage("fit"):
        pass
    line.clear()
    assert line.milliseconds() == {}


def test_an_unknown_stage_is_refused():
    with pytest.raises(KeyError, match="sharpen"), Timeline().stage("sharpen"):
        pass


def test_a_stage_that_fails_is_not_counted():
    line = Timeline()
    with pytest.raises(OSError, match="broken"), line.stage("sink"):
        raise OSError("broken")
    assert line.milliseconds() == {}
