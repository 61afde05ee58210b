from dataclasses import replace
from itertools import count
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.output import Output
from keras_vst.errors import UserError
from keras_vst.video import VideoInfo, open_source
from keras_vst.video.encoding import ClipSink
from keras_vst.video.stills import PictureSink
from tests.edge.live_fakes import FPS, HEIGHT, WIDTH, FakeSink, fake_painter, frame
from tests.keras_vst.clips import names, video_times

INFO = VideoInfo(WIDTH, HEIGHT, fps=FPS, origin="camera:0")


@pytest.fixture
def output(tmp_path: Path):
    ticks = count()
    painter = fake_painter()
    sink = FakeSink()
    return Output(sink, INFO, painter, tmp_path, lambda: next(ticks) / FPS), sink, painter


def play(output: Output, painter, indices) -> None:
    for index in indices:
        output.write(painter.repaint(frame(index)), 2, 0.04)


def test_frames_go_to_the_sink_and_figures_to_the_controls(output):
    out, sink, painter = output
    play(out, painter, range(30))
    assert [int(each.pixels[0, 0, 0]) for each in sink.frames] == [255 - index for index in range(30)]
    figures = painter.controls.status()["figures"]
    assert figures == {"fps": 25.0, "latency_ms": 40, "dropped": 2, "size": "64x48"}
    out.close()
    assert sink.ended == ["close"]


def test_what_is_transparent_is_on_white_and_that_is_said_once(output):
    out, sink, painter = output
    clear = replace(frame(3), alpha=np.zeros((HEIGHT, WIDTH), np.uint8))
    for each in (frame(2), clear, clear):
        out.write(painter.repaint(each), 0, 0.04)
    assert out.notes == ("what is transparent is shown on white",)
    assert len(sink.frames) == 3


def test_a_snapshot_is_one_picture_of_what_was_painted(output, tmp_path):
    out, _, painter = output
    play(out, painter, [0])
    painter.controls.press("i")
    play(out, painter, [7, 8])
    (name,) = names(tmp_path)
    assert name.startswith("vst-")
    np.testing.assert_array_equal(
        cv2.imread(str(tmp_path / name)), np.full((HEIGHT, WIDTH, 3), 248, np.uint8)
    )


def test_two_snapshots_of_one_second_are_two_files(output, tmp_path, monkeypatch):
    out, _, painter = output
    for index in range(2):
        painter.controls.press("i")
        play(out, painter, [index])
    assert len(names(tmp_path)) == 2


def test_a_recording_starts_at_0_and_is_finished_when_it_is_switched_off(output, tmp_path):
    out, _, painter = output
    play(out, painter, range(3))
    painter.controls.press("r")
    play(out, painter, range(3, 10))
    painter.controls.press("r")
    play(out, painter, range(10, 12))
    (name,) = names(tmp_path)
    assert [float(time) for time in video_times(tmp_path / name)] == pytest.approx([k / 25 for k in range(7)])
    with open_source(tmp_path / name) as recorded:
        levels = [float(each.pixels.mean()) for each in recorded]
    assert levels == pytest.approx([252 - k for k in range(7)], abs=2)


def test_a_recording_that_still_runs_is_finished_at_the_end(output, tmp_path):
    out, _, painter = output
    painter.controls.press("r")
    play(out, painter, range(4))
    out.close()
    (name,) = names(tmp_path)
    assert len(video_times(tmp_path / name)) == 4


def test_figures_over_the_picture_are_neither_in_the_snapshot_nor_in_the_frame_itself(output):
    out, sink, painter = output
    painter.controls.press("h")
    big = np.full((480, 640, 3), 100, np.uint8)
    painted = painter.repaint(type(frame(0))(big, frame(0).time))
    out.write(painted, 0, 0.0)
    assert (painted.after.pixels == 155).all()
    assert (sink.frames[0].pixels != 155).any()


def test_a_sink_that_breaks_is_aborted_and_not_finished(output, tmp_path):
    out, _, painter = output
    broken = Output(FakeSink(fails_at=1), INFO, painter, tmp_path, lambda: 0.0)
    with pytest.raises(OSError, match="the sink broke"):
        play(broken, painter, range(3))
    broken.close()
    assert broken.sink.ended == ["abort"]
    out.close()


def test_whoever_watches_ends_it_by_the_window_or_by_a_key(output):
    out, sink, painter = output
    assert not out.closed_by_user
    painter.controls.press("q")
    assert out.closed_by_user
    sink.closed_by_user = True
    assert out.closed_by_user


@pytest.mark.parametrize("key", ["r", "i"])
def test_a_full_disk_ends_the_recording_or_the_snapshot_and_not_the_picture(
    output, tmp_path, monkeypatch, capsys, key
):
    out, sink, painter = output

    def full(self, frame):
        raise UserError("cannot write it: the disk is full.")

    play(out, painter, [0])
    painter.controls.press(key)
    monkeypatch.setattr(ClipSink if key == "r" else PictureSink, "write", full)
    on_their_way = [
        painter.repaint(frame(index)) for index in (1, 2, 3)
    ]  # all of them are still to be recorded
    for painted in on_their_way:
        out.write(painted, 0, 0.0)
    assert len(sink.frames) == 4
    assert capsys.readouterr().err.count("vst: cannot write it: the disk is full.\n") == 1
    assert not painter.controls.status()["record"]
    assert names(tmp_path) == []
    monkeypatch.undo()
    play(out, painter, [4])
    painter.controls.press(key)  # there is room again
    play(out, painter, [5, 6])
    out.close()
    assert len(names(tmp_path)) == 1
    assert sink.ended == ["close"]
