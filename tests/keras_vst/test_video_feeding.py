"""Joined recordings come out in one piece, pictures and sound alike, and the leaps are counted."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import av
import pytest

from keras_vst.video import open_sink, open_source
from tests.keras_vst.clips import RATE, grey_steps, numbers, video_times, write_clip

COUNT = 20
FRAME, PACKET = 1 / RATE, 1024 / 48000


def recording(path: Path, seconds: int) -> bytes:
    """Twenty frames with a tone; the clock is at `seconds` when the first is shown."""
    plain = write_clip(path.with_suffix(".mp4"), grey_steps(COUNT), sound="aac")
    with av.open(str(plain)) as source, av.open(str(path), "w") as target:
        streams = [target.add_stream_from_template(stream) for stream in source.streams]
        for packet in source.demux():
            if packet.dts is not None:
                shift = round(seconds / packet.time_base)
                packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                packet.stream = streams[packet.stream.index]
                target.mux(packet)
    return path.read_bytes()


def joined(folder: Path, *starts: int) -> Path:
    path = folder / "in.ts"
    path.write_bytes(b"".join(recording(folder / "one.ts", start) for start in starts))
    return path


def steps(times: list[float]) -> list[float]:
    return [later - earlier for earlier, later in itertools.pairwise(times)]


def sound_times(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        packets = container.demux(container.streams.audio[0])
        return [float(packet.pts * packet.time_base) for packet in packets if packet.pts is not None]


@pytest.mark.parametrize(
    "starts", [(0, 0, 0), (0, 5000), (5000, 0), (0, 5000, 100), (70, 70), (0, 30, 0, 30)]
)
def test_recordings_joined_with_cat_are_of_one_piece(tmp_path: Path, starts: tuple[int, ...]):
    path, length = joined(tmp_path, *starts), len(starts) * COUNT
    with open_source(path) as source:
        frames = list(source)
    assert numbers([frame.pixels for frame in frames]) == [*range(COUNT)] * len(starts)
    assert source.mended == len(starts) - 1
    assert float(frames[0].time) < 0.2
    assert steps([float(frame.time) for frame in frames]) == pytest.approx([FRAME] * (length - 1), abs=0.05)


def test_the_sound_goes_with_the_pictures_over_every_join(tmp_path: Path):
    path, target = joined(tmp_path, 0, 5000, 20, 20), tmp_path / "out.mp4"
    with open_source(path) as source, open_sink(target, source.info, sound=path) as sink:
        for frame in source:
            sink.write(frame)
    pictures, sound = [float(time) for time in video_times(target)], sound_times(target)
    assert max(steps(pictures)) < 2.1 * FRAME
    assert min(steps(sound)) > 0  # where two recordings overlap, the packets come close
    assert max(steps(sound)) < 0.1
    assert sound[-1] + PACKET == pytest.approx(pictures[-1] + FRAME, abs=0.12)


def test_a_clip_without_leaps_and_one_that_pauses_are_left_as_they_are(tmp_path: Path):
    ticks = [*range(10), *range(150, 160)]  # a pause of 5.6 s
    path = write_clip(tmp_path / "in.ts", grey_steps(COUNT), ticks=ticks)
    with open_source(path) as source:
        assert [frame.time for frame in source] == [Fraction(tick, RATE) for tick in ticks]
    assert source.mended == 0


def test_a_part_behind_the_join_is_found_by_the_mended_clock(tmp_path: Path):
    path = joined(tmp_path, 0, 5000, 0)
    with open_source(path, start=Fraction(101, 100), duration=Fraction(1, 5)) as source:
        frames = list(source)
    assert numbers([frame.pixels for frame in frames]) == pytest.approx([6, 7, 8, 9, 10], abs=1)
    assert source.mended == 1
