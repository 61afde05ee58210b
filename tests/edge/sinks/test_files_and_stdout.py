"""Files with the sound of their source, standard output, and nowhere."""

from __future__ import annotations

import io
import itertools
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
import pytest

from edge.sinks import open_sink
from edge.sources import open_source
from keras_vst.errors import UserError
from keras_vst.video import VideoInfo
from tests.edge.sinks.peers import INFO, feed, frames
from tests.keras_vst.clips import grey_steps, sound_packets, video_times, write_clip


def test_damage_in_the_middle_keeps_the_other_times_and_all_sound(tmp_path: Path) -> None:
    film = write_clip(tmp_path / "film.mp4", grey_steps(25), sound="aac", options={"g": "1", "crf": "1"})
    with av.open(str(film)) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][9]
    content = bytearray(film.read_bytes())
    content[packet.pos : packet.pos + packet.size] = bytes(packet.size)
    film.write_bytes(content)
    with open_source(str(film)) as source:
        sink = open_sink(str(tmp_path / "out.mp4"), source.info, audio_from=str(film))
        for frame in source:
            sink.write(frame)
        sink.close()
    assert source.skipped == 1
    kept = [Fraction(index, 25) for index in range(25) if index != 9]
    assert video_times(tmp_path / "out.mp4") == kept
    assert sound_packets(tmp_path / "out.mp4") == sound_packets(film)


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv"])
def test_a_file_ended_early_has_no_more_sound_than_pictures(tmp_path: Path, name: str) -> None:
    film = write_clip(tmp_path / "film.mp4", grey_steps(25), sound="aac")
    target = tmp_path / name
    with open_source(str(film)) as source:
        sink = open_sink(str(target), source.info, audio_from=str(film))
        for frame in itertools.islice(source, 10):
            sink.write(frame)
        sink.close()
    everything = sound_packets(film)
    # 1024 samples of 48,000 a second in a packet, those that begin before the tenth picture ends.
    expected = next(count for count in range(99) if count * 1024 / 48_000 >= 10 / 25)
    assert len(sound_packets(target)) in (expected, expected + 1)  # AAC begins with one packet of silence
    assert sound_packets(target) == everything[: len(sound_packets(target))]
    assert len(everything) > 2 * expected


@contextmanager
def standard_output() -> Iterator[BinaryIO]:
    """The reading end of what is standard output meanwhile."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as reader, os.fdopen(writing, "w") as writer, redirect_stdout(writer):
        yield reader


def test_raw_pictures_leave_as_they_are() -> None:
    with standard_output() as reader:
        sink = open_sink("-?format=rgb24", INFO)
        feed(sink, 3)
        sink.close()
        pixels = np.frombuffer(reader.read(3 * 48 * 64 * 3), np.uint8).reshape(3, 48, 64, 3)
    assert [int(picture.mean()) for picture in pixels] == [0, 8, 16]


def test_y4m_is_read_back_by_ffmpeg() -> None:
    with standard_output() as reader:
        sink = open_sink("-", replace(INFO, pixel_aspect=Fraction(4, 3)))
        for frame in frames(3, 66, 50):  # rows that FFmpeg pads in memory
            sink.write(frame)
        sink.close()
        sys.stdout.close()
        content = reader.read()
    with av.open(io.BytesIO(content)) as container:
        assert container.format.name == "yuv4mpegpipe"
        assert container.streams.video[0].average_rate == 25
        assert container.streams.video[0].sample_aspect_ratio == Fraction(4, 3)
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert [picture.shape for picture in pictures] == [(50, 66, 3)] * 3
    assert [int(picture.mean()) for picture in pictures] == pytest.approx([0, 8, 16], abs=1)


def test_a_reader_who_leaves_ends_the_run_in_order() -> None:
    with standard_output() as reader:
        sink = open_sink("-", INFO)
        assert not sink.closed_by_user
        reader.close()
        feed(sink, 2)
        assert sink.closed_by_user


def test_a_reader_who_pauses_is_waited_for_and_does_not_hold_up_the_end() -> None:
    frame = frames(9, 640, 360)[8]  # more than a pipe holds
    with standard_output() as reader:
        sink = open_sink("-?format=rgb24", VideoInfo(640, 360))
        writer = threading.Thread(target=lambda: [sink.write(frame) for _ in range(3)])
        writer.start()
        assert reader.read(frame.pixels.size) == frame.pixels.tobytes()
        writer.join(0.3)
        assert writer.is_alive()
        start = time.monotonic()
        sink.interrupt()
        writer.join(5)
        assert time.monotonic() - start < 1
    assert sink.closed_by_user


def test_nowhere_takes_everything() -> None:
    sink = open_sink("null:", INFO)
    feed(sink, 3)
    sink.close()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("-?format=gif", "'gif' is not written"),
        ("null:?a=1", "no options"),
        ("carrier://pigeon", "hls.*rtmp"),
    ],
)
def test_names_that_mean_nothing_are_refused(name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        open_sink(name, INFO)
