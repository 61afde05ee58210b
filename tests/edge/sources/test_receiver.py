"""Streams from loopback: lines that break, stall, change and recover; and senders that come to us."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from edge.sinks import open_sink
from edge.sources import SourceLost, open_source, receiver
from keras_vst.errors import UserError
from keras_vst.video import VideoInfo
from tests.edge.sinks.peers import INFO, feed_slowly, frames, free_port
from tests.edge.sources.lines import sends, serving, stalls_after
from tests.keras_vst.clips import write_clip


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes seconds in the field takes tenths here."""
    monkeypatch.setattr(receiver, "STALL", 0.5)
    monkeypatch.setattr(receiver, "CONNECT", 0.8)
    monkeypatch.setattr(receiver, "PAUSES", (0.02, 0.04))


def textured(count: int, width: int, height: int) -> list[np.ndarray]:
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    return [np.roll(noise, 3 * index, axis=1) for index in range(count)]


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Twenty frames of 64x48 as MPEG-TS, every one a keyframe."""
    path = tmp_path_factory.mktemp("ts") / "clip.ts"
    return write_clip(path, textured(20, 64, 48), options={"g": "1", "tune": "zerolatency"}).read_bytes()


@pytest.fixture(scope="module")
def taller(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The same in 48x64."""
    path = tmp_path_factory.mktemp("ts") / "clip.ts"
    return write_clip(path, textured(20, 48, 64), options={"g": "1", "tune": "zerolatency"}).read_bytes()


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    with serving() as start:
        yield start


def test_a_stream_that_breaks_off_is_asked_for_again_and_time_goes_on(serve, stream: bytes) -> None:
    with open_source(serve(sends(stream))) as source:
        seen = list(itertools.islice(source, 45))
    assert source.live
    times = [frame.time for frame in seen]
    assert times[0] == 0
    assert all(early < late for early, late in itertools.pairwise(times))
    assert [late - early for early, late in itertools.pairwise(times[:18])] == [Fraction(1, 25)] * 17
    assert times[-1] < 10


def test_the_sound_of_a_live_stream_is_left_out_with_a_word(serve, stream: bytes, tmp_path: Path) -> None:
    heard = write_clip(tmp_path / "in.ts", textured(20, 64, 48), sound="aac", options={"g": "1"}).read_bytes()
    for content, notes in ((heard, ("the sound of a live stream is not taken along",)), (stream, ())):
        with open_source(serve(sends(content))) as source:
            list(itertools.islice(source, 3))
        assert source.notes == notes


def test_a_stream_that_stalls_is_asked_for_again(serve, stream: bytes) -> None:
    start = time.monotonic()
    with open_source(serve(stalls_after(stream), sends(stream))) as source:
        seen = list(itertools.islice(source, 25))
    assert len(seen) == 25
    assert 0.4 < time.monotonic() - start < 4


def test_a_stream_that_comes_back_in_another_size_keeps_the_first(
    serve, stream: bytes, taller: bytes
) -> None:
    with open_source(serve(sends(stream), sends(taller))) as source:
        seen = list(itertools.islice(source, 30))
    assert {frame.pixels.shape for frame in seen} == {(48, 64, 3)}


def test_damage_on_the_line_is_skipped_and_counted(serve, stream: bytes) -> None:
    broken = bytearray(stream)
    packets = range(188 * 40, len(stream) - 188 * 40, 188)
    for start in packets[::9]:
        broken[start + 60 : start + 188] = np.random.default_rng(start).bytes(128)
    with open_source(serve(sends(bytes(broken)), sends(stream))) as source:
        seen = list(itertools.islice(source, 30))
    assert len(seen) == 30
    assert source.skipped > 0


def test_a_stream_that_stays_away_is_lost(serve, stream: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver, "PATIENCE", 0.6)
    with open_source(serve(sends(stream), lambda connection: None)) as source:
        seen = []
        with pytest.raises(SourceLost, match=r"no picture came from tcp://127\.0\.0\.1:\d+ for 0\.6 s"):
            seen.extend(frame.time for frame in source)
    assert len(seen) == 20 - source.skipped


def test_a_silent_line_does_not_hold_up_close(serve, stream: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver, "STALL", 3.0)
    source = open_source(serve(stalls_after(stream)))
    threading.Timer(0.4, source.close).start()
    start = time.monotonic()
    list(source)
    assert time.monotonic() - start < 1.5


def test_an_address_where_nobody_is_fails_at_once() -> None:
    start = time.monotonic()
    with pytest.raises(UserError, match=r"cannot be opened \(Connection refused\)"):
        open_source(f"tcp://127.0.0.1:{free_port()}")
    assert time.monotonic() - start < 2


def test_a_password_is_never_printed() -> None:
    with pytest.raises(UserError, match=r"^rtsp://127\.0\.0\.1:\d+/x cannot be opened") as caught:
        open_source(f"rtsp://me:secret@127.0.0.1:{free_port()}/x")
    assert "secret" not in str(caught.value)


def test_an_address_needs_a_host() -> None:
    with pytest.raises(UserError, match="rtsp:///x names no host"):
        open_source("rtsp:///x")


@pytest.mark.parametrize("scheme", ["rtmp", "rtsp"])
def test_senders_can_come_to_us(scheme: str) -> None:
    url = f"{scheme}://127.0.0.1:{free_port()}/live/x"

    def send() -> None:
        time.sleep(0.3)
        sink = open_sink(url, INFO)
        try:
            feed_slowly(sink, 1)
            sink.close()
        except UserError:
            sink.abort()

    sender = threading.Thread(target=send)
    sender.start()
    with open_source(f"{url}?listen") as source:
        seen = list(itertools.islice(source, 20))
    sender.join(10)
    assert source.live
    assert (source.info.width, source.info.height) == (64, 48)
    assert int(seen[5].pixels.mean()) == pytest.approx(8 * 5, abs=3)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        return


def test_a_film_behind_an_address_is_read_like_a_file(tmp_path: Path) -> None:
    write_clip(tmp_path / "film.mp4", textured(12, 64, 48))
    handler = partial(Quiet, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with open_source(f"http://127.0.0.1:{server.server_port}/film.mp4") as source:
            times = [frame.time for frame in source]
        server.shutdown()
    assert not source.live
    assert times == [Fraction(index, 25) for index in range(12)]


def test_hls_of_ours_is_read_back_as_a_source(tmp_path: Path) -> None:
    sink = open_sink(f"hls:{tmp_path}/out/?window=0", VideoInfo(64, 48, fps=Fraction(25)))
    for frame in frames(30):
        sink.write(frame)
    sink.close()
    with open_source(f"{tmp_path}/out/live.m3u8") as source:
        assert len(list(source)) == 30
