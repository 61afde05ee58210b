import signal
import threading
import time

import pytest

from edge import threads as module
from edge.threads import STAGES, Handover, Pipeline, Timeline
from keras_vst.errors import UserError
from tests.edge.live_fakes import FakeSource, frame

COUNT = 40


def negative(item):
    return item.time, 255 - item.pixels


def run(source, *steps, deliver=None, **options):
    taken = []
    pipeline = Pipeline(
        source, steps or [negative], deliver or taken.append, interrupt=source.close, **options
    )
    start = time.monotonic()
    try:
        pipeline.run()
    finally:
        assert time.monotonic() - start < 2
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("vst-")]
    return pipeline, taken


def test_every_frame_comes_through_in_order_with_its_time():
    timeline, shared = Timeline(), frame(7).pixels
    steps = (negative, lambda item: (*item, shared))
    pipeline, taken = run(FakeSource(COUNT), *steps, timeline=timeline)
    assert [when for when, _, _ in taken] == [frame(index).time for index in range(COUNT)]
    assert [int(pixels[0, 0, 0]) for _, pixels, _ in taken] == [255 - index for index in range(COUNT)]
    assert all(handed is shared for _, _, handed in taken)  # no copies
    assert (pipeline.delivered, pipeline.dropped) == (COUNT, 0)
    assert list(timeline.milliseconds()) == ["capture", "sink"]
    assert pipeline.latency > 0


def test_every_stage_is_at_work_while_the_one_before_is_at_the_next_frame():
    meetings = [threading.Barrier(2, timeout=2) for _ in range(2)]  # break unless two stages work together

    def meet_next(meeting, item):
        if item.time:
            meeting.wait()
        return item

    def meet_last(meeting, item):
        if item.time != frame(COUNT - 1).time:
            meeting.wait()

    def second(item):
        meet_last(meetings[0], item)
        return meet_next(meetings[1], item)

    steps = (lambda item: meet_next(meetings[0], item), second)
    pipeline, _ = run(FakeSource(COUNT), *steps, deliver=lambda item: meet_last(meetings[1], item))
    assert pipeline.delivered == COUNT


def test_live_the_newest_frame_wins_and_the_others_are_counted():
    source, seen = FakeSource(COUNT, waits=True), []

    def work(item):
        seen.append(round(item.time * 25))
        if len(seen) == 1:
            # While this one is painted all the others arrive.
            deadline = time.monotonic() + 2
            while pipeline.dropped < COUNT - 2 and time.monotonic() < deadline:
                time.sleep(0.001)
        return item

    def deliver(item):
        if round(item.time * 25) == COUNT - 1:
            pipeline.stop()

    pipeline = Pipeline(source, [work], deliver, live=True, interrupt=source.close)
    pipeline.run()
    # The very first may itself have been overtaken before anybody looked.
    assert seen[-1] == COUNT - 1
    assert len(seen) <= 3
    assert pipeline.delivered + pipeline.dropped == COUNT


@pytest.mark.parametrize("stage", ["source", "network", "finish", "sink"])
@pytest.mark.parametrize("live", [True, False])
def test_a_failure_in_any_stage_ends_all_with_its_own_message(stage, live):
    def fail(item):
        raise RuntimeError(f"{stage} failed")

    def stay(item):
        return item

    # The source waits like a camera, so that only the failure can end it.
    error = RuntimeError("source failed") if stage == "source" else None
    source = FakeSource(3, waits=stage != "source", error=error)
    steps = [fail if stage == each else stay for each in ("network", "finish")]
    with pytest.raises(RuntimeError, match=f"{stage} failed"):
        run(source, *steps, deliver=fail if stage == "sink" else None, live=live)
    assert source.closed.is_set()


def test_ctrl_c_ends_all_threads_and_lets_the_source_go():
    source = FakeSource(3, waits=True)
    killer = threading.Timer(0.05, signal.raise_signal, [signal.SIGINT])

    def deliver(item):
        if item[0] == frame(2).time:
            killer.start()

    with pytest.raises(KeyboardInterrupt):
        run(source, deliver=deliver)
    assert source.closed.is_set()


def test_stopping_delivers_what_is_on_its_way_and_raises_nothing():
    source = FakeSource(5, waits=True, error=OSError("closed while waiting"))
    taken = []

    def deliver(item):
        taken.append(item)
        if len(taken) == 5:
            pipeline.stop()

    pipeline = Pipeline(source, [negative], deliver, interrupt=source.close)
    pipeline.run()
    assert len(taken) == 5


def test_a_thread_that_does_not_come_back_is_told(monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    release = threading.Event()

    def stuck():
        yield frame(0)
        release.wait(5)

    pipeline = Pipeline(stuck(), [negative], lambda item: pipeline.stop())
    with pytest.raises(UserError, match="the source does not come back"):
        pipeline.run()
    release.set()


@pytest.mark.parametrize("live", [True, False])
def test_ctrl_c_gets_past_a_sink_that_blocks(monkeypatch, live):
    """Live, the other stages go on meanwhile and frames are dropped; else they wait."""
    monkeypatch.setattr(module, "SINK_PATIENCE", 0.05)
    release, source = threading.Event(), FakeSource(COUNT, waits=True)
    pipeline = Pipeline(source, [negative], lambda item: release.wait(5), live=live, interrupt=source.close)
    threading.Timer(0.2, signal.raise_signal, [signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        pipeline.run()
    assert source.closed.is_set()
    assert (pipeline.dropped > COUNT - 5) is live
    release.set()


def test_a_window_gets_its_frames_in_the_calling_thread_and_is_asked_while_none_comes():
    source, callers, asked = FakeSource(2, waits=True), set(), []

    def idle():
        asked.append(threading.current_thread())
        pipeline.stop()

    def deliver(item):
        callers.add(threading.current_thread())

    pipeline = Pipeline(source, [negative], deliver, interrupt=source.close)
    pipeline.run(deliver_here=True, idle=idle)
    assert set(asked) == callers == {threading.current_thread()}
    assert (pipeline.delivered, source.closed.is_set()) == (2, True)


def test_what_waits_at_the_end_still_comes_unless_it_is_discarded():
    for discard, left in ((False, [1, 2, 3]), (True, [])):
        handover = Handover(3)
        assert [handover.put(item) for item in (1, 2, 3)] == [True] * 3
        handover.end(discard=discard)
        assert list(handover.take()) == left
        assert not handover.put(4)


def test_a_fast_giver_waits_for_a_slow_taker():
    handover, given, taken = Handover(1), [], []

    def give() -> None:
        for item in range(4):
            handover.put(item)
            given.append(item)
        handover.end()

    giver = threading.Thread(target=give)
    giver.start()
    for item in handover.take():
        taken.append(item)
        assert len(given) <= item + 2  # the one taken, the one that waits
    giver.join(1)
    assert (taken, handover.dropped) == ([0, 1, 2, 3], 0)


@pytest.mark.parametrize("full", [True, False])
def test_ending_lets_whoever_waits_go(full):
    handover = Handover(1)
    if full:
        handover.put(0)
    answers: list[object] = []
    waits = (lambda: answers.append(handover.put(1))) if full else (lambda: answers.extend(handover.take()))
    waiting = threading.Thread(target=waits)
    waiting.start()
    handover.end(discard=True)
    waiting.join(1)
    assert not waiting.is_alive()
    assert answers == ([False] if full else [])


def test_medians_and_percentiles_are_in_milliseconds(monkeypatch):
    # Ten stages of 1, 2, ... 10 ms by a clock that is read twice for each.
    moments = iter([reading for k in range(1, 11) for reading in (float(k), k + k / 1000)])
    monkeypatch.setattr(module.time, "perf_counter", lambda: next(moments))
    timeline = Timeline()
    for _ in range(10):
        with timeline.stage("network"):
            pass
    assert timeline.milliseconds() == {"network": {"median": 5.5, "p95": 9.55}}
    assert timeline.table() == "  network     5.50 ms, 95 % below 9.55 ms"
    timeline.clear()
    assert timeline.milliseconds() == {}


def test_stages_come_in_the_order_of_a_frame_and_one_that_fails_is_not_counted():
    timeline = Timeline()
    for name in reversed(STAGES[:-1]):
        with timeline.stage(name):
            pass
    with pytest.raises(OSError, match="broken"), timeline.stage("sink"):
        raise OSError("broken")
    assert tuple(timeline.milliseconds()) == STAGES[:-1]


def test_frames_that_are_dropped_never_hold_up_those_that_come():
    pipeline, _ = run(FakeSource(250), lambda item: item, live=True, deliver=lambda item: time.sleep(0.001))
    assert pipeline.delivered + pipeline.dropped == 250


@pytest.mark.parametrize("at_once", [1, 2, 5])
def test_no_more_frames_are_on_their_way_than_may_be(at_once):
    ways, most = [], []

    def start(item):
        ways.append(item)
        most.append(len(ways))
        return item

    run(FakeSource(COUNT), start, lambda item: item, deliver=ways.remove, at_once=at_once)
    assert len(most) == COUNT
    assert max(most) <= at_once
