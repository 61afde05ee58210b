"""Joined recordings come out in one piece, pictures and sound alike, and the leaps are counted."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import av
import pytest

from keras_vst.video import TimedFrame, VideoInfo, open_sink, open_source
from keras_vst.video.containers import ends_early
from tests.keras_vst.clips import RATE, grey_steps, numbers, video_times, write_clip
from tests.keras_vst.test_video_decoding import textured

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


KINDS = {
    "in.mp4": "libx264",
    "in.mov": "libx264",
    "in.mkv": "libx264",
    "in.webm": "libvpx-vp9",
    "in.avi": "mpeg4",
    "in.ts": "libx264",
    "in.m2ts": "libx264",
    "in.flv": "libx264",
}


def cut(path: Path, size: int) -> Path:
    path.write_bytes(path.read_bytes()[:size])
    return path


def exhausted(path: Path, **options: Fraction) -> bool:
    """Read all; whether it says that the file ended early."""
    with open_source(path, **options) as source:
        assert len(list(source)) > 0
        return source.ends_early


@pytest.mark.parametrize(("name", "codec"), KINDS.items())
@pytest.mark.parametrize("sound", [None, "aac"])
def test_half_a_download_is_told_and_a_whole_clip_is_not(tmp_path: Path, name: str, codec: str, sound):
    sound = "libopus" if sound and name == "in.webm" else sound
    path = write_clip(tmp_path / name, textured(20), codec=codec, sound=sound)
    assert not exhausted(path)
    assert not ends_early(path)
    cut(path, path.stat().st_size * 5 // 8 + 1)
    assert exhausted(path)


def test_half_an_animation_is_told(tmp_path: Path):
    path = tmp_path / "in.gif"
    with open_sink(path, VideoInfo(320, 240, fps=Fraction(25))) as sink:
        for index, pixels in enumerate(textured(5)):
            sink.write(TimedFrame(pixels, Fraction(index, 25)))
    assert not exhausted(path)
    assert exhausted(cut(path, path.stat().st_size * 5 // 8))


def test_a_file_that_is_cut_while_it_is_read_is_told(tmp_path: Path):
    path = write_clip(tmp_path / "in.ts", [frame for frame in textured(20) for _ in range(10)])
    with open_source(path) as source:
        frames = iter(source)
        next(frames)
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size // 188 // 2 * 188)  # between two packets
        assert len(list(frames)) < 199
    assert source.ends_early


def test_a_part_ends_early_only_if_it_reaches_the_break(tmp_path: Path):
    path = write_clip(tmp_path / "in.mp4", textured(20))
    cut(path, path.stat().st_size // 2)
    assert not exhausted(path, duration=Fraction(2, 25))
    assert exhausted(path, start=Fraction(2, 25))


@pytest.mark.parametrize(
    "content", [b"", b"\x47", b"ftyp", b"RIFF", b"GIF89a", b"\x1a\x45\xdf\xa3", b"FLV\x01"]
)
def test_a_few_bytes_of_anything_are_no_trouble(tmp_path: Path, content: bytes):
    for filling in (b"", bytes(500), b"\xff" * 500):
        (tmp_path / "in").write_bytes(content + filling)
        assert ends_early(tmp_path / "in") in (True, False)


def test_what_stands_behind_a_whole_clip_does_no_harm(tmp_path: Path):
    path = write_clip(tmp_path / "in.mp4", grey_steps(3))
    path.write_bytes(path.read_bytes() + b"a note of the sender, as some programs leave it")
    assert not exhausted(path)
