import signal
import threading
import time

import numpy as np
import pytest

from edge.pipeline import Pipeline
from edge.timeline import Timeline
from keras_vst.errors import UserError
from tests.edge.live_fakes import FakeSource, frame

COUNT = 40


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("vst-")}


def negative(item):
    return item.time, 255 - item.pixels


def run(source, work=negative, deliver=None, **options):
    taken = []
    pipeline = Pipeline(source, work, deliver or taken.append, interrupt=source.close, **options)
    start = time.monotonic()
    try:
        pipeline.run()
    finally:
        assert time.monotonic() - start < 2
        assert threads() == set()
    return pipeline, taken


def test_every_frame_comes_through_in_order_with_its_time():
    timeline = Timeline()
    pipeline, taken = run(FakeSource(COUNT), timeline=timeline)
    assert [when for when, _ in taken] == [frame(index).time for index in range(COUNT)]
    assert [int(pixels[0, 0, 0]) for _, pixels in taken] == [255 - index for index in range(COUNT)]
    assert (pipeline.delivered, pipeline.dropped) == (COUNT, 0)
    assert list(timeline.milliseconds()) == ["capture", "sink"]
    assert pipeline.latency > 0


def test_three_stages_run_at_once():
    meeting = threading.Barrier(2, timeout=2)  # breaks unless network and sink are at work together

    def work(item):
        if item.time:
            meeting.wait()
        return item

    def deliver(item):
        if item.time != frame(COUNT - 1).time:
            meeting.wait()

    pipeline, _ = run(FakeSource(COUNT), work, deliver)
    assert pipeline.delivered == COUNT


def test_the_finish_is_made_while_the_network_is_at_the_next_frame():
    meeting = threading.Barrier(2, timeout=2)

    def work(item):
        if item.time:
            meeting.wait()
        return item

    def finish(item):
        if item.time != frame(COUNT - 1).time:
            meeting.wait()
        return item.time, item.pixels + 1

    pipeline, taken = run(FakeSource(COUNT), work, finish=finish)
    assert [(when, int(pixels[0, 0, 0])) for when, pixels in taken] == [
        (frame(index).time, index + 1) for index in range(COUNT)
    ]
    assert (pipeline.delivered, pipeline.dropped) == (COUNT, 0)


def test_live_the_newest_frame_wins_and_the_others_are_counted():
    source, seen = FakeSource(COUNT, waits=True), []
    gone = threading.Event()

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
            gone.set()

    pipeline = Pipeline(source, work, deliver, live=True, interrupt=source.close)
    pipeline.run()
    assert gone.is_set()
    # The very first may itself have been overtaken before anybody looked.
    assert seen[-1] == COUNT - 1
    assert len(seen) <= 3
    assert pipeline.delivered + pipeline.dropped == COUNT


@pytest.mark.parametrize("stage", ["source", "network", "finish", "sink"])
@pytest.mark.parametrize("live", [True, False])
def test_a_failure_in_any_stage_ends_all_with_its_own_message(stage, live):
    def fail(item):
        raise RuntimeError(f"{stage} failed")

    # The source waits like a camera, so that only the failure can end it.
    error = RuntimeError("source failed") if stage == "source" else None
    source = FakeSource(3, waits=stage != "source", error=error)
    work, deliver = fail if stage == "network" else negative, fail if stage == "sink" else None
    start = time.monotonic()
    with pytest.raises(RuntimeError, match=f"{stage} failed"):
        run(source, work, deliver, finish=fail if stage == "finish" else None, live=live)
    assert time.monotonic() - start < 1
    assert source.closed.is_set()


def test_ctrl_c_ends_all_threads_and_lets_the_source_go():
    source = FakeSource(3, waits=True)
    killer = threading.Timer(0.1, signal.raise_signal, [signal.SIGINT])

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

    pipeline = Pipeline(source, negative, deliver, interrupt=source.close)
    pipeline.run()
    assert len(taken) == 5
    assert threads() == set()


def test_a_window_gets_its_frames_in_the_calling_thread():
    names = set()
    source = FakeSource(3)
    pipeline = Pipeline(source, negative, lambda item: names.add(threading.current_thread()))
    pipeline.run(deliver_here=True)
    assert names == {threading.current_thread()}
    assert pipeline.delivered == 3


def test_a_thread_that_does_not_come_back_is_told(monkeypatch):
    monkeypatch.setattr("edge.pipeline.PATIENCE", 0.05)
    release = threading.Event()

    def stuck():
        yield frame(0)
        release.wait(5)

    source = FakeSource(0)
    pipeline = Pipeline(stuck(), negative, lambda item: pipeline.stop(), interrupt=source.close)
    with pytest.raises(UserError, match="the source does not come back"):
        pipeline.run()
    release.set()


@pytest.mark.parametrize("live", [True, False])
def test_ctrl_c_gets_past_a_sink_that_blocks(monkeypatch, live):
    """Live, the other stages go on meanwhile and frames are dropped; else they wait."""
    monkeypatch.setattr("edge.pipeline.SINK_PATIENCE", 0.05)
    release, source = threading.Event(), FakeSource(COUNT, waits=True)
    pipeline = Pipeline(source, negative, lambda item: release.wait(5), live=live, interrupt=source.close)
    killer = threading.Timer(0.3, signal.raise_signal, [signal.SIGINT])
    killer.start()
    with pytest.raises(KeyboardInterrupt):
        pipeline.run()
    assert source.closed.is_set()
    assert (pipeline.dropped > COUNT - 5) is live
    release.set()


def test_while_nothing_comes_whoever_watches_is_asked():
    source, asked = FakeSource(2, waits=True), []

    def idle():
        asked.append(threading.current_thread())
        pipeline.stop()

    pipeline = Pipeline(source, negative, lambda item: None, interrupt=source.close)
    start = time.monotonic()
    pipeline.run(deliver_here=True, idle=idle)
    assert time.monotonic() - start < 1
    assert set(asked) == {threading.current_thread()}
    assert (pipeline.delivered, source.closed.is_set()) == (2, True)


def test_frames_are_handed_on_without_a_copy():
    pixels = frame(7).pixels
    handed = []
    source = FakeSource(1)
    Pipeline([frame(0)], lambda item: pixels, handed.append, interrupt=source.close).run()
    assert np.shares_memory(handed[0], pixels)
