import errno
import os
import re
import signal
import sys
import threading
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from edge import live, sinks, sources
from edge.address import parse_address
from edge.sources import SourceLost
from keras_vst import zoo
from keras_vst.errors import UserError
from keras_vst.files import disk_errors
from keras_vst.networks.opening import TfliteNetwork
from keras_vst.video import Sink, Source, TimedFrame, VideoInfo, open_source, probe
from keras_vst.video.encoding import ClipSink
from tests.edge.live_fakes import FakeSink, FakeSource, fake_painter
from tests.keras_vst.clips import grey_steps, names, numbers, write_clip

DOCUMENTS = Path(__file__).parents[2]


@pytest.fixture
def run(vst, bundled, monkeypatch, tmp_path):
    """`vst live` with this source and sink in place of real ones."""

    def start(source: FakeSource, sink: FakeSink, *options: object) -> tuple[int, str, str]:
        monkeypatch.setattr(live, "open_source", lambda uri: source)
        monkeypatch.setattr(live, "open_sink", lambda uri, info, **more: sink)
        begin = time.monotonic()
        answer = vst("live", "--style", "dark", "--threads", 1, "--folder", tmp_path, *options)
        assert time.monotonic() - begin < 5
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("vst-")]
        return answer

    return start


def test_a_source_that_ends_is_told_in_one_line(run):
    source, sink = FakeSource(1), FakeSink()
    status, out, err = run(source, sink)
    assert (status, out) == (0, "")
    assert err == "1 frame in 0.0 s, 0 dropped, 0 damaged\n"
    assert (sink.ended, source.closed.is_set()) == (["close"], True)
    assert (sink.frames[0].pixels == 255).all()


def test_closing_the_window_ends_it_and_lets_the_camera_go(run):
    source, sink = FakeSource(20, waits=True), FakeSink(closes_after=1)
    assert run(source, sink)[0] == 0
    assert (sink.ended, source.closed.is_set()) == (["close"], True)


def test_a_painting_that_cannot_be_learned_leaves_no_sink_open(run, monkeypatch):
    def refuse(path: Path) -> None:
        raise UserError("it is gone")

    painter, sink = fake_painter(), FakeSink()
    painter.styles = [zoo.Style("dark", Path("dark.tflite"))]
    monkeypatch.setattr(live, "open_live_painter", lambda options, **more: painter)
    monkeypatch.setattr(live, "read_painting", refuse)
    assert run(FakeSource(1), sink, "--learn", "--painting", "mine.png")[0] == 2
    assert sink.ended == ["close"]


class Interrupted(FakeSink):
    """Is sent a signal soon after its first frame."""

    def __init__(self, kind: signal.Signals = signal.SIGINT) -> None:
        super().__init__()
        self._kind = kind

    def write(self, frame):
        super().write(frame)
        if len(self.frames) == 1:
            threading.Timer(0.05, signal.raise_signal, [self._kind]).start()


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_finishes_the_file_lets_the_camera_go_and_tells_the_stats(run, kind):
    source, sink = FakeSource(3, waits=True), Interrupted(kind)
    status, _, err = run(source, sink, "--stats")
    assert status == 130
    summary, *stages = err.splitlines()
    assert re.fullmatch(r"\d frames? in .* damaged", summary)
    assert [line.split()[0] for line in stages] == ["capture", "fit", "network", "unfit", "sink"]
    assert (sink.ended, source.closed.is_set()) == (["close"], True)


def test_a_camera_that_is_lost_leaves_what_came_until_then_whole(run):
    source = FakeSource(
        2, error=SourceLost("no picture came from camera 0 for 10 s; check that it is there.")
    )
    sink = FakeSink()
    status, _, err = run(source, sink)
    assert status == 2
    assert err.endswith("vst: no picture came from camera 0 for 10 s; check that it is there.\n")
    assert sink.ended == ["close"]


def test_a_sink_that_breaks_ends_it_with_its_message(run):
    source, sink = FakeSource(20, waits=True), FakeSink(fails_at=0)
    status, _, err = run(source, sink)
    assert status == 1
    assert "OSError: the sink broke" in err
    assert (sink.ended, source.closed.is_set()) == (["abort"], True)


def test_a_source_that_cannot_be_opened_opens_no_sink(vst, bundled, monkeypatch):
    def refuse(uri):
        raise UserError("there is no camera 0; plug one in.")

    monkeypatch.setattr(live, "open_source", refuse)
    monkeypatch.setattr(live, "open_sink", lambda *_, **__: pytest.fail("a sink was opened"))
    assert vst("live", "--style", "dark") == (2, "", "vst: there is no camera 0; plug one in.\n")


def test_a_file_is_played_at_its_own_speed_into_a_file(vst, bundled, tmp_path):
    clip = write_clip(tmp_path / "in.mp4", grey_steps(8), sound="aac")
    target = tmp_path / "out.mkv"
    begin = time.monotonic()
    options = ("--style", "dark", "--codec", "ffv1", "--threads", 1)
    status, _, err = vst("live", clip, "--sink", target, *options)
    assert status == 0, err
    assert time.monotonic() - begin > 7 / 25
    with open_source(target) as painted:
        shown = numbers([255 - frame.pixels for frame in painted])
    assert shown == sorted(set(shown))
    assert shown[-1] == 7  # the newest always comes through
    assert probe(target).has_audio


def test_it_ends_after_the_wanted_seconds(vst, bundled):
    options = ("--style", "dark", "--threads", 1, "--seconds", "0.2", "--fps", 25)
    status, _, err = vst("live", "test:?size=64x48&fps=50", "--sink", "null:", *options)
    assert status == 0, err
    assert 0.2 <= float(err.splitlines()[-1].split(" in ")[1].split(" s")[0]) < 2


def test_a_target_that_cannot_be_held_makes_it_work_smaller_and_say_so(run, monkeypatch):
    painted = TfliteNetwork.paint

    def slow(self, frame):
        time.sleep(0.004 * frame.size / (144 * 208 * 3))
        return painted(self, frame)

    monkeypatch.setattr(TfliteNetwork, "paint", slow)
    source = FakeSource(60, live=False)
    source.info = VideoInfo(192, 128)

    def frames():
        for index in range(60):
            yield TimedFrame(np.full((128, 192, 3), index, np.uint8), Fraction(index, 100))

    monkeypatch.setattr(FakeSource, "__iter__", lambda self: frames())
    _, _, err = run(source, FakeSink(), "--max-latency", "2ms")
    assert "ms a frame at 208x144 is over 2 ms; working at" in err


def test_keys_are_listed_in_the_help(vst):
    status, out, _ = vst("live", "--help")
    assert status == 0
    for text in ("n      next style", "space  freeze", "camera:0", "--max-latency 80ms"):
        assert text in out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--fps", "0"), "a number above 0 is needed, but '0' came"),
        (("--fps", "nan"), "'nan' came"),
        (("--max-latency", "80"), "a time above 0 is written 80ms or 0.08s, but '80' came"),
        (("--max-latency", "0ms"), "'0ms' came"),
        (("--fps", "30", "--max-latency", "1s"), "not allowed with argument --fps"),
        (("--folder", "/nowhere/at/all"), "there is no folder /nowhere/at/all"),
        (("--sink", "gopher://x"), "is not a sink known here"),
        (("--quality", "film"), "film quality is too slow to be live; use `vst stylize`"),
    ],
)
def test_an_option_that_makes_no_sense_is_one_line(vst, bundled, clip, options, message):
    status, out, err = vst("live", clip, "--style", "dark", *options)
    assert (status, out) == (2, "")
    assert message in err.splitlines()[-1]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="DISPLAY is a matter of X11")
def test_without_a_screen_or_a_camera_it_says_what_else_to_do(vst, bundled, clip, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert "use --sink web and a browser" in vst("live", clip, "--style", "dark")[2]
    if not list(Path("/dev").glob("video*")):
        status, _, err = vst("live", "--style", "dark", "--sink", "null:")
        assert (status, err.count("\n")) == (2, 1)
        assert "camera" in err


def test_a_snapshot_key_in_a_live_run_writes_a_picture(run, tmp_path, monkeypatch):
    def press(self, *arguments):
        self.controls.press("i")
        return paint(self, *arguments)

    paint = live.LivePainter.start
    monkeypatch.setattr(live.LivePainter, "start", press)
    before = set(names(tmp_path))
    run(FakeSource(1), FakeSink())
    assert [Path(name).suffix for name in set(names(tmp_path)) - before] == [".png"]


def test_a_silent_source_does_not_keep_a_window_from_being_closed(run):
    class Window(FakeSink):
        main_thread = True

        def idle(self):
            assert threading.current_thread() is threading.main_thread()
            self.closed_by_user = True

    source, sink = FakeSource(1, waits=True), Window()
    assert run(source, sink)[0] == 0
    assert (len(sink.frames), sink.ended, source.closed.is_set()) == (1, ["close"], True)


def test_a_silent_source_does_not_outlast_the_wanted_seconds(run):
    source, sink = FakeSource(1, waits=True), FakeSink()
    assert run(source, sink, "--seconds", "0.3")[0] == 0
    assert sink.ended == ["close"]


def test_a_file_that_cannot_be_finished_after_ctrl_c_is_told(run):
    class Full(Interrupted):
        def close(self):
            raise UserError("cannot write out.mp4: the disk is full.")

    status, _, err = run(FakeSource(1, waits=True), Full())
    assert (status, err) == (2, "vst: cannot write out.mp4: the disk is full.\n")


def test_a_disk_that_is_full_at_minute_nine_is_told_and_leaves_nothing(vst, bundled, tmp_path, monkeypatch):
    """And the source is let go; what must survive is written as HLS."""
    folder, source, written = tmp_path / "out", FakeSource(0), ClipSink.write
    folder.mkdir()

    def write(self, frame):
        if frame.time >= 9 * 60:
            with disk_errors(self._target.path):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written(self, frame)

    def minutes(self):
        for second in range(0, 600, 20):
            yield TimedFrame(np.full((32, 48, 3), second // 3, np.uint8), Fraction(second))
            time.sleep(0.002)
        self.closed.wait(10)

    monkeypatch.setattr(FakeSource, "__iter__", minutes)
    monkeypatch.setattr(ClipSink, "write", write)
    monkeypatch.setattr(live, "open_source", lambda uri: source)
    status, _, err = vst("live", "--style", "dark", "--threads", 1, "--sink", folder / "out.mp4")
    assert (status, names(folder), source.closed.is_set()) == (2, [], True)
    assert re.fullmatch(r"vst: cannot write \S+out\.mp4: the disk is full\S*.*\n", err)


def test_without_a_style_it_paints_with_the_first_and_says_so(vst, bundled):
    status, _, err = vst("live", "test:?size=64x48&duration=0.1", "--sink", "null", "--threads", 1)
    assert status == 0, err
    assert err.startswith("vst: painting with dark; `vst styles` lists what there is\n")


def test_a_file_of_ones_own_is_painted_with_alone(vst, negative):
    options = ("--sink", "null", "--threads", 1, "--hud", "--model", negative)
    status, _, err = vst("live", "test:?size=64x48&duration=0.1", *options)
    assert (status, err.count("\n")) == (0, 1)


def test_a_new_source_and_a_new_sink_are_one_small_class_each(vst, bundled, monkeypatch):
    class Grey(Source):
        def __init__(self, address):
            self.info, self._level = VideoInfo(48, 32), int(address.rest)

        def __iter__(self):
            yield TimedFrame(np.full((32, 48, 3), self._level, np.uint8), Fraction(0))

    class Level(Sink):
        def __init__(self, address, info, options):
            self._size = info.width, info.height

        def write(self, frame):
            print(*self._size, frame.pixels.mean())

    monkeypatch.setitem(sources.SCHEMES, "grey", Grey)
    monkeypatch.setitem(sinks.SCHEMES, "level", Level)
    status, out, _ = vst("live", "grey:55", "--sink", "level", "--style", "dark", "--threads", 1)
    assert (status, out) == (0, "48 32 200.0\n")


@pytest.mark.parametrize("kind", [sources, sinks])
def test_help_and_documents_name_every_source_and_every_sink_and_no_other(vst, kind):
    documented = (DOCUMENTS / "docs" / "live.md").read_text(encoding="utf-8")
    assert kind.TABLE in vst("live", "--help")[1]
    for scheme in set(kind.SCHEMES) - {"file", "-"}:
        assert re.search(rf"\b{scheme}:", kind.TABLE), f"{scheme}: is not in the table of the help"
        assert re.search(rf"`[^`|]*\b{scheme}:", documented), f"{scheme}: is not in docs/live.md"
    promised = " ".join(line[:46] for line in kind.TABLE.splitlines())
    found = set(re.findall(r"(?<![\w.=/])([a-z]{2,}):", promised))
    assert len(found) > 5
    assert found <= set(kind.SCHEMES)


@pytest.mark.parametrize(("heading", "kind"), [("| source |", sources), ("| sink |", sinks)])
def test_the_tables_of_the_readme_name_what_is_taken(heading, kind):
    text = (DOCUMENTS / "README.md").read_text(encoding="utf-8")
    rows = text.partition(heading)[2].partition("\n\n")[0].splitlines()[2:]
    promised = [name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])]
    taken = {parse_address(name, kind.SCHEMES, "name").scheme for name in promised}
    assert set(kind.SCHEMES) - {"rtsps", "rtmps", "https", "tcp", "srt"} <= taken
