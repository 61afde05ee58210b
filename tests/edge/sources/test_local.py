from __future__ import annotations

import io
import itertools
import os
import threading
import time
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from edge.sources import local, open_source
from keras_vst.errors import UserError
from keras_vst.video import Source
from keras_vst.video import open_source as read_file
from tests.keras_vst.clips import grey_steps, numbers, sound_packets, write_clip


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six frames, 25 a second."""
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", grey_steps(6))


def test_a_file_is_read_whole_with_its_own_times(clip: Path) -> None:
    with open_source(str(clip)) as source:
        frames = list(source)
    assert not source.live
    assert numbers([frame.pixels for frame in frames]) == list(range(6))
    assert [frame.time for frame in frames] == [Fraction(index, 25) for index in range(6)]


def test_a_loop_goes_on_at_its_own_speed_and_time_never_turns_back(clip: Path) -> None:
    with open_source(f"loop:{clip}") as source:
        start = time.monotonic()
        frames = list(itertools.islice(source, 14))
        seconds = time.monotonic() - start
    assert source.live
    assert source.info.frames is None
    assert numbers([frame.pixels for frame in frames]) == [*range(6), *range(6), 0, 1]
    assert [frame.time for frame in frames] == [Fraction(index, 25) for index in range(14)]
    assert seconds > 0.4


def test_a_loop_keeps_its_transparency_so_that_it_can_be_said(tmp_path: Path, vst, bundled) -> None:
    picture = np.zeros((48, 64, 4), np.uint8)
    assert cv2.imwrite(str(tmp_path / "in.png"), picture)
    options = ("--style", "dark", "--threads", 1, "--seconds", "0.2")
    status, _, err = vst("live", f"loop:{tmp_path}/in.png", "--sink", "null:", *options)
    assert (status, err.splitlines()[0]) == (0, "vst: what is transparent is shown on white")


def test_a_loop_of_nothing_says_so_at_once(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no file"):
        open_source(f"loop:{tmp_path}/none.mp4")


@pytest.mark.parametrize("rounds", [0, 1])
def test_a_loop_that_shows_nothing_ends_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rounds: int
) -> None:
    """A folder whose pictures another program changes between our opening and our reading it."""
    good, opened = np.zeros((48, 64, 3), np.uint8), itertools.count()

    def changing(path: str) -> Source:
        count = next(opened)  # the first is for its size
        assert count < 20, "it goes on for ever"
        assert cv2.imwrite(f"{path}/0.png", good)
        source = read_file(path)
        if count > rounds:
            Path(f"{path}/0.png").write_bytes(b"half")
        return source

    monkeypatch.setattr(local, "open_source", changing)
    frames = []
    with (
        pytest.raises(UserError, match="without a picture that can be read"),
        open_source(f"loop:{tmp_path}") as source,
    ):
        frames.extend(source)
    assert len(frames) == rounds


def test_a_test_pattern_moves_at_its_rate() -> None:
    with open_source("test:?size=64x48&fps=50&duration=0.2") as source:
        start = time.monotonic()
        frames = list(source)
        seconds = time.monotonic() - start
    assert source.live
    assert (source.info.width, source.info.height, source.info.fps) == (64, 48, 50)
    assert [frame.time for frame in frames] == [Fraction(index, 50) for index in range(10)]
    assert not np.array_equal(frames[0].pixels, frames[9].pixels)
    assert seconds > 0.15


def test_a_test_pattern_can_be_had_as_fast_as_it_is_taken() -> None:
    start = time.monotonic()
    with open_source("test:smptebars?size=64x48&duration=20&live=0") as source:
        assert not source.live
        assert sum(1 for _ in source) == 600
    assert time.monotonic() - start < 10


@pytest.mark.parametrize("name", ["test:nothing", "test:movie=x", "test:color=red;movie"])
def test_what_is_no_pattern_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="use"):
        open_source(name)


class Pipe:
    """Standard input with something in it; the writing end stays open when `open_end` is set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reading, self.writing = os.pipe()
        self.file = os.fdopen(self.reading, "rb")
        monkeypatch.setattr(local.sys, "stdin", self.file)

    def send(self, content: bytes, *, end: bool = True) -> None:
        def write() -> None:
            with suppress(BrokenPipeError), io.FileIO(os.dup(self.writing), "w") as output:
                output.write(content)
            if end:
                os.close(self.writing)

        threading.Thread(target=write, daemon=True).start()


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch):
    pipe = Pipe(monkeypatch)
    yield pipe
    pipe.file.close()


def test_raw_pictures_come_through_a_pipe_exactly(stdin: Pipe) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (3, 20, 30, 3), np.uint8)
    stdin.send(pictures.tobytes())
    with open_source("-?size=30x20&fps=10") as source:
        frames = list(source)
    np.testing.assert_array_equal([frame.pixels for frame in frames], pictures)
    assert [frame.time for frame in frames] == [0, Fraction(1, 10), Fraction(2, 10)]
    assert not source.live


def test_y4m_in_a_pipe_is_recognised(stdin: Pipe) -> None:
    picture = bytes([16] * 64 * 48 + [128] * 32 * 24 * 2)
    stdin.send(b"YUV4MPEG2 W64 H48 F25:1 Ip A1:1 C420mpeg2\n" + (b"FRAME\n" + picture) * 4)
    with open_source("-") as source:
        frames = list(source)
    assert len(frames) == 4
    assert source.info.fps == 25
    assert frames[3].time == Fraction(3, 25)
    assert frames[0].pixels.max() <= 1


def test_a_clip_in_a_pipe_is_recognised(stdin: Pipe, clip: Path, tmp_path: Path) -> None:
    with av.open(str(clip)) as container, av.open(str(tmp_path / "c.mkv"), "w") as output:
        stream = output.add_stream_from_template(container.streams.video[0])
        for packet in container.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)
    stdin.send((tmp_path / "c.mkv").read_bytes())
    with open_source("-") as source:
        assert numbers([frame.pixels for frame in source]) == list(range(6))


def test_a_pipe_that_falls_silent_can_be_closed(stdin: Pipe) -> None:
    stdin.send(bytes(4 * 4 * 3 * 2), end=False)
    source = open_source("-?size=4x4")
    threading.Timer(0.1, source.close).start()
    start = time.monotonic()
    assert len(list(source)) <= 2
    assert time.monotonic() - start < 1.1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("-", "standard input is no video that is recognised"),
        ("-?fps=30", "raw pictures need their size too"),
        ("-?size=4x4&format=blue", "'blue' is no pixel format"),
    ],
)
def test_what_cannot_be_read_from_a_pipe_says_why(stdin: Pipe, name: str, message: str) -> None:
    stdin.send(b"good morning" * 100)
    with pytest.raises(UserError, match=message):
        open_source(name)


def test_without_standard_input_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local.sys, "stdin", None)
    with pytest.raises(UserError, match="standard input is closed here; send"):
        open_source("-")


@pytest.mark.parametrize("kind", ["mkv", "ts"])
def test_the_sound_of_a_pipe_goes_along(vst, bundled, stdin: Pipe, tmp_path: Path, kind: str) -> None:
    clip = write_clip(tmp_path / f"in.{kind}", grey_steps(20), sound="aac")
    stdin.send(clip.read_bytes())
    status, _, err = vst("live", "-", "--sink", tmp_path / "out.mkv", "--style", "dark", "--threads", 1)
    assert status == 0, err
    packets = sound_packets(tmp_path / "out.mkv")
    assert len(packets) >= 30
    came = sound_packets(clip)  # those of MPEG-TS begin with a head of their own
    assert all(before.endswith(after) for before, after in zip(came, packets, strict=False))
