from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from keras_vst.errors import UserError
from keras_vst.files import Part
from keras_vst.video import Excerpt, TimedFrame, open_sink, open_source, probe
from keras_vst.video.containers import open_container
from keras_vst.video.sound import SharedFeed
from tests.keras_vst.clips import (
    flat,
    grey_steps,
    names,
    sound_level,
    sound_packets,
    video_times,
    write_clip,
    write_tone,
)

TONE = 0.5 / 2**0.5  # root mean square of a sine at half of full scale


def copy(source_path: Path, target: Path, until: Fraction | None = None) -> Path:
    with (
        open_source(source_path) as source,
        open_sink(target, source.info, sound=Excerpt(str(source_path), until)) as sink,
    ):
        for frame in source:
            sink.write(frame)
    return target


@pytest.mark.parametrize(
    ("came", "sound", "went"),
    [
        ("in.mp4", "aac", "out.mp4"),
        ("in.mkv", "ac3", "out.mov"),
        ("in.mkv", "libopus", "out.webm"),
        ("in.mov", "pcm_s16le", "out.mkv"),
    ],
)
def test_sound_goes_over_byte_for_byte(tmp_path: Path, came: str, sound: str, went: str):
    path = write_clip(tmp_path / came, grey_steps(20), sound=sound)
    target = copy(path, tmp_path / went)
    assert len(sound_packets(path)) > 5
    assert sound_packets(target) == sound_packets(path)


@pytest.mark.parametrize(
    ("came", "sound", "went", "codec"),
    [
        ("in.mov", "pcm_s16le", "out.mp4", "aac"),
        ("in.mov", "pcm_mulaw", "out.mkv", "aac"),  # which Matroska does not know
        ("in.mp4", "aac", "out.webm", "opus"),
    ],
)
def test_sound_that_may_not_go_into_a_file_is_encoded_again(
    tmp_path: Path, came: str, sound: str, went: str, codec: str
):
    layout = "mono" if sound == "pcm_mulaw" else "stereo"
    path = write_clip(tmp_path / came, grey_steps(20), sound=sound, layout=layout)
    found, seconds, level = sound_level(copy(path, tmp_path / went))
    assert found == codec
    assert seconds == pytest.approx(0.8, abs=0.07)
    assert level == pytest.approx(TONE, rel=0.1)


def test_surround_sound_is_encoded_again_as_stereo(tmp_path: Path):
    path = write_clip(tmp_path / "in.mov", grey_steps(10), sound="pcm_s16le", layout="5.1")
    target = copy(path, tmp_path / "out.mp4")
    with av.open(str(target)) as container:
        assert container.streams.audio[0].layout.name == "stereo"


def test_sound_and_pictures_stay_together(tmp_path: Path):
    path = write_clip(tmp_path / "in.mp4", grey_steps(20), sound="aac", ticks=range(20, 40))
    target = copy(path, tmp_path / "out.mp4")
    for file in (path, target):
        with av.open(str(file)) as container:
            first = next(p for p in container.demux(audio=0) if p.pts is not None)
            assert first.pts * first.time_base == Fraction(-1024, 48_000)
    assert video_times(target) == [Fraction(tick, 25) for tick in range(20, 40)]


def test_every_audio_stream_goes_over_with_its_language(tmp_path: Path):
    path = tmp_path / "in.mkv"
    one = write_clip(tmp_path / "one.mp4", grey_steps(10), sound="aac")
    with av.open(str(one)) as single, av.open(str(path), "w") as double:
        video = double.add_stream_from_template(single.streams.video[0])
        tracks = [double.add_stream_from_template(single.streams.audio[0]) for _ in range(2)]
        for track, language in zip(tracks, ("eng", "fin"), strict=True):
            track.metadata["language"] = language
        for packet in single.demux():
            if packet.dts is None:
                continue
            for stream in [video] if packet.stream.type == "video" else tracks:
                packet.stream = stream
                double.mux(packet)
    target = copy(path, tmp_path / "out.mp4")
    with av.open(str(target)) as container:
        assert [stream.language for stream in container.streams.audio] == ["eng", "fin"]
    assert sound_packets(target, 0) == sound_packets(target, 1) == sound_packets(path, 0)


def test_sound_that_outlasts_the_pictures_goes_over_whole(tmp_path: Path):
    song = write_tone(tmp_path / "song.m4a")
    with open_sink(
        tmp_path / "out.mp4", probe(write_clip(tmp_path / "in.mp4", grey_steps(2))), sound=song
    ) as sink:
        sink.write(TimedFrame(flat((1, 2, 3)), Fraction(0)))
    assert sound_packets(tmp_path / "out.mp4") == sound_packets(song)


def test_sound_can_be_cut_where_the_pictures_end(tmp_path: Path):
    path = write_clip(tmp_path / "in.mp4", grey_steps(20), sound="aac")
    target = copy(path, tmp_path / "out.mp4", until=Fraction(2, 5))
    kept = sound_packets(target)
    assert kept == sound_packets(path)[: len(kept)]
    # A packet is 1024 samples; the first starts 1024 samples before 0.
    assert len(kept) == 2 + int(0.4 * 48_000 / 1024)


@pytest.mark.parametrize(("name", "told"), [("out.gif", ".gif"), ("out/", "a folder of pictures")])
def test_silent_outputs_drop_the_sound_and_say_so(tmp_path: Path, name: str, told: str):
    path = write_clip(tmp_path / "in.mp4", grey_steps(3), sound="aac")
    with open_source(path) as source, open_sink(f"{tmp_path}/{name}", source.info, sound=path) as sink:
        for frame in source:
            sink.write(frame)
    assert not probe(tmp_path / name).has_audio
    assert sink.notes == (f"{told} takes no sound; left out",)


def test_a_clip_of_pictures_is_silent(tmp_path: Path):
    folder = tmp_path / "in"
    folder.mkdir()
    path = write_clip(tmp_path / "silent.mp4", grey_steps(3))
    for came in (folder, tmp_path / "still.png", path):
        with open_sink(tmp_path / "out.mp4", probe(path), sound=came) as sink:
            sink.write(TimedFrame(flat((1, 2, 3)), Fraction(0)))
        assert not probe(tmp_path / "out.mp4").has_audio


def test_damaged_sound_does_not_stop_the_pictures(tmp_path: Path):
    path = write_clip(tmp_path / "in.mp4", grey_steps(20), sound="aac")
    with av.open(str(path)) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(audio=0) if packet.size]
    content = bytearray(path.read_bytes())
    for start, size in packets[5:9]:
        assert start is not None
        content[start : start + size] = b"\xff" * size
    path.write_bytes(content)
    assert len(video_times(copy(path, tmp_path / "out.webm"))) == 20


def with_damaged_headers(path: Path, packets: range, damage: bytes = bytes(2)) -> Path:
    """A transport stream whose AAC packets of these numbers begin with something else."""
    write_clip(path, grey_steps(25), sound="aac")
    content = bytearray(path.read_bytes())
    headers = [place for place in range(len(content)) if content[place : place + 2] == b"\xff\xf1"]
    for packet in packets:
        content[headers[packet] : headers[packet] + len(damage)] = damage
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv", "out.mov"])
@pytest.mark.parametrize("packets", [range(3, 4), range(20, 24), range(1)])
def test_damaged_packets_of_a_transport_stream_are_left_out_and_counted(
    tmp_path: Path, name: str, packets: range
):
    path = with_damaged_headers(tmp_path / "in.ts", packets)
    with open_source(path) as source, open_sink(tmp_path / name, source.info, sound=path) as sink:
        for frame in source:
            sink.write(frame)
    assert 1 <= sink.skipped <= 3 * len(packets)  # what lost its beginning may count for several
    assert len(video_times(tmp_path / name)) == 25
    assert len(sound_packets(tmp_path / name)) >= 20  # FFmpeg takes a while to find the next one


def test_a_packet_that_the_container_finds_damaged_is_left_out_and_counted(tmp_path: Path):
    path = write_clip(tmp_path / "in.ts", grey_steps(25), sound="aac")
    content = bytearray(path.read_bytes())
    headers = [place for place in range(len(content)) if content[place : place + 2] == b"\xff\xf1"]
    content[headers[9] + 1] = 0xF0  # with a checksum, and several blocks in one: FFmpeg cannot repack that
    content[headers[9] + 6] |= 3
    path.write_bytes(content)
    with open_source(path) as source, open_sink(tmp_path / "out.mp4", source.info, sound=path) as sink:
        for frame in source:
            sink.write(frame)
    assert sink.skipped == 1


def test_a_file_that_breaks_off_keeps_the_sound_up_to_there(tmp_path: Path):
    whole = write_clip(tmp_path / "in.mp4", grey_steps(50, 160, 120), sound="aac")
    packets = sound_packets(whole)
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 7 // 10])
    kept = sound_packets(copy(cut, tmp_path / "out.mp4"))
    assert 5 < len(kept) < len(packets)
    assert kept[:-1] == packets[: len(kept) - 1]


def test_a_missing_sound_file_is_named_and_leaves_nothing_behind(tmp_path: Path):
    info = probe(write_clip(tmp_path / "in.mp4", grey_steps(2)))
    with pytest.raises(UserError, match=r"song\.m4a cannot be read"):
        open_sink(tmp_path / "out.mp4", info, sound=tmp_path / "song.m4a")
    assert names(tmp_path) == ["in.mp4"]


def test_what_fails_at_the_end_lets_go_of_a_shared_container_once(tmp_path: Path, monkeypatch):
    film = write_clip(tmp_path / "in.mkv", grey_steps(2), sound="aac")

    def refuse(part: Part, keep_as: Path | None = None) -> None:
        raise UserError("the disk is full")

    monkeypatch.setattr(Part, "commit", refuse)
    container = open_container(film)
    shared = SharedFeed(container)
    sink = open_sink(tmp_path / "out.mkv", probe(film), sound=Excerpt(str(film), shared=shared))
    sink.write(TimedFrame(flat((1, 2, 3)), Fraction(0)))
    with pytest.raises(UserError, match="the disk is full"):
        sink.close()
    assert next(container.demux(video=0)).size  # whoever reads the pictures still can
    shared.close()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux tells the memory in use")
def test_long_sound_is_never_held_as_a_whole(tmp_path: Path):
    """Ten minutes of uncompressed sound is 115 MB; only a few seconds of it may be in hand at any time."""
    song = tmp_path / "song.wav"
    with av.open(str(song), "w") as container:
        audio = container.add_stream("pcm_s16le", rate=48_000, layout="stereo")
        second = av.AudioFrame.from_ndarray(np.zeros((1, 96_000), np.int16), format="s16", layout="stereo")
        second.sample_rate = 48_000
        for _ in range(600):
            container.mux(audio.encode(second))
    info = probe(write_clip(tmp_path / "in.mp4", grey_steps(2)))
    with open_sink(tmp_path / "out.mov", info, sound=song) as sink:
        used = []
        for index in range(600):
            sink.write(TimedFrame(flat((1, 2, 3)), Fraction(index)))
            used.append(int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
    assert max(used) - used[0] < 30e6
    assert sum(map(len, sound_packets(tmp_path / "out.mov"))) == 600 * 48_000 * 4


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv", "out.webm"])
def test_sound_that_goes_back_in_time_follows_at_once(tmp_path: Path, name: str):
    """As in a spliced transport stream: two takes in a row, whose clocks both start at the beginning."""
    take = write_clip(tmp_path / "take.ts", grey_steps(10), sound="aac")
    spliced = tmp_path / "spliced.ts"
    spliced.write_bytes(take.read_bytes() * 2)
    target = copy(spliced, tmp_path / name)
    assert len(sound_packets(target)) > 1.5 * len(sound_packets(take))
