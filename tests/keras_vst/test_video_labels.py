"""What a clip has beside pictures and sound goes along as far as the output holds it, and is named where not."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest
from av.stream import Disposition

from keras_vst.video import Excerpt, open_sink, open_source, probe
from tests.keras_vst.clips import grey_steps, video_times, write_clip

MS = Fraction(1, 1000)
SECONDS = 2


def write_film(path: Path, subtitles: str = "subrip", **titles: str) -> Path:
    """Two seconds with two tracks of sound, one of them a comment, subtitles at 0.4 and 1.4 s, and two chapters."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        tones = [container.add_stream("aac", rate=48000, layout="mono") for _ in range(2)]
        tones[0].metadata["language"], tones[1].metadata["language"] = "fra", "deu"
        tones[0].disposition, tones[1].disposition = Disposition.comment, Disposition.default
        words = container.add_mux_stream(subtitles)
        words.time_base, words.metadata["language"] = MS, "fra"
        container.metadata.update(titles)
        container.set_chapters([chapter(1, 0, 1000, "One"), chapter(2, 1000, 2000, "Two")])
        for index in range(25 * SECONDS):
            picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), index, np.uint8), format="rgb24")
            picture.pts, picture.time_base = index, Fraction(1, 25)
            container.mux(video.encode(picture))
            for tone in tones:
                sound = av.AudioFrame.from_ndarray(np.zeros((1, 1920), np.float32), "fltp", "mono")
                sound.sample_rate, sound.pts, sound.time_base = 48000, index * 1920, Fraction(1, 48000)
                container.mux(tone.encode(sound))
            if index % 25 == 10:
                container.mux(
                    said(
                        f"<i>line</i> {index // 25}" if subtitles == "subrip" else f"line {index // 25}",
                        index * 40,
                        words,
                        subtitles,
                    )
                )
        for stream in (video, *tones):
            container.mux(stream.encode(None))
    return path


def chapter(number: int, start: int, end: int, title: str) -> Any:
    return {"id": number, "start": start, "end": end, "time_base": MS, "metadata": {"title": title}}


def said(text: str, time: int, stream: Any, codec: str) -> av.Packet:
    content = text.encode()
    packet = av.Packet(len(content).to_bytes(2, "big") + content if codec == "mov_text" else content)
    packet.stream, packet.pts, packet.dts, packet.duration, packet.time_base = stream, time, time, 500, MS
    return packet


def copy(path: Path, target: Path, **cut: Fraction) -> tuple[str, ...]:
    """The notes of the sink."""
    since, until = cut.get("since", Fraction(0)), cut.get("until")
    with open_source(path, start=since, duration=until) as source:
        with open_sink(target, source.info, sound=Excerpt(str(path), until, since)) as sink:
            for frame in source:
                sink.write(frame)
        return sink.notes


def lines(path: Path) -> list[tuple[Any, str]]:
    """What is said, and how long after the first picture."""
    (start, *_) = video_times(path)
    with av.open(str(path)) as container:
        packets: list[Any] = [
            packet for packet in container.demux(container.streams.subtitles[0]) if packet.size
        ]
        texts = [(packet, b"".join(each.dialogue for each in packet.decode())) for packet in packets]
    said = [(packet.pts * MS - start, re.sub(r"\{.*?\}", "", text.decode())) for packet, text in texts]
    return [(time, text) for time, text in said if text]


@pytest.mark.parametrize(
    ("came", "kind", "went"),
    [
        ("in.mkv", "subrip", "out.mkv"),
        ("in.mkv", "subrip", "out.mp4"),
        ("in.mkv", "subrip", "out.webm"),
        ("in.mp4", "mov_text", "out.mov"),
        ("in.mp4", "mov_text", "out.mkv"),
    ],
)
def test_subtitles_go_along_with_their_times_and_language(
    tmp_path: Path, came: str, kind: str, went: str
) -> None:
    target = tmp_path / went
    assert copy(write_film(tmp_path / came, kind), target) == ()
    assert lines(target) == [(Fraction(2, 5), "line 0"), (Fraction(7, 5), "line 1")]
    with av.open(str(target)) as container:
        assert container.streams.subtitles[0].language == "fra"


@pytest.mark.parametrize("name", ["out.mkv", "out.mp4", "out.webm"])
def test_chapters_titles_languages_and_default_flags_go_along(tmp_path: Path, name: str) -> None:
    path = write_film(tmp_path / "in.mkv", title="My film", artist="Somebody", comment="seen")
    copy(path, tmp_path / name)
    with av.open(str(tmp_path / name)) as container:
        chapters = [
            (round(each["start"] * each["time_base"]), each["metadata"]["title"])
            for each in cast(Any, container.chapters())
        ]
        titles = {key.lower(): value for key, value in container.metadata.items()}
        tracks = [
            (stream.language, bool(stream.disposition & Disposition.default))
            for stream in container.streams.audio
        ]
    assert chapters == [(0, "One"), (1, "Two")]
    assert (titles["title"], titles["artist"], titles["comment"]) == ("My film", "Somebody", "seen")
    assert tracks == [("fra", False), ("deu", True)]


def test_of_a_part_only_what_belongs_to_it_goes_along(tmp_path: Path) -> None:
    path = write_film(tmp_path / "in.mkv")
    copy(path, tmp_path / "out.mkv", since=Fraction(6, 5), until=Fraction(1, 2))
    assert [time for time, _ in lines(tmp_path / "out.mkv")] == [Fraction(1, 5)]
    with av.open(str(tmp_path / "out.mkv")) as container:
        (only,) = cast(Any, container.chapters())
    assert only["metadata"] == {"title": "Two"}
    assert (only["start"] * only["time_base"], only["end"] * only["time_base"]) == (0, Fraction(1, 2))


def test_a_silent_clip_with_a_title_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "in.mkv"
    with (
        av.open(str(write_clip(tmp_path / "plain.mp4", grey_steps(4)))) as plain,
        av.open(str(path), "w") as titled,
    ):
        stream = titled.add_stream_from_template(plain.streams.video[0])
        titled.metadata["title"] = "Quiet"
        for packet in plain.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                titled.mux(packet)
    assert probe(path).has_words
    copy(path, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.metadata["title"] == "Quiet"


def test_what_a_container_cannot_hold_is_named(tmp_path: Path) -> None:
    path = write_film(tmp_path / "in.mkv", title="t", mood="calm")
    assert copy(path, tmp_path / "out.mp4") == (".mp4 holds no mood; left out",)
    assert copy(path, tmp_path / "out.mkv") == ()
    with av.open(str(path)) as container:
        assert container.metadata["MOOD"] == "calm"


def test_an_animation_names_all_that_it_has_no_place_for(tmp_path: Path) -> None:
    path = write_film(tmp_path / "in.mkv", title="t", artist="a")
    lost = ("sound", "artist, title", "chapters", "subtitles of the kind srt (fra)")
    assert copy(path, tmp_path / "out.gif") == tuple(f".gif takes no {each}; left out" for each in lost)


def test_a_second_picture_is_named_though_there_is_no_sound(tmp_path: Path) -> None:
    path = tmp_path / "in.mkv"
    with av.open(str(path), "w") as container:
        videos = [container.add_stream("libx264", rate=25) for _ in range(2)]
        for video in videos:
            video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        for video in videos:
            container.mux(video.encode(av.VideoFrame.from_ndarray(grey_steps(1)[0], format="rgb24")))
            container.mux(video.encode(None))
    with open_source(path) as source:
        sound = Excerpt(str(path)) if source.info.has_words else None
        with open_sink(tmp_path / "out.mkv", source.info, sound=sound) as sink:
            for frame in source:
                sink.write(frame)
    assert sink.notes == (".mkv takes no second picture (1 more); left out",)


def test_fonts_go_along_into_matroska_and_are_named_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "in.mkv"
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        container.add_attachment("font.ttf", "font/ttf", b"a font" * 100)
        container.mux(video.encode(av.VideoFrame.from_ndarray(grey_steps(1)[0], format="rgb24")))
        container.mux(video.encode(None))
    assert probe(path).has_words  # so that the commands take along what is there
    assert copy(path, tmp_path / "out.mkv") == ()
    with av.open(str(tmp_path / "out.mkv")) as container:
        (font,) = container.streams.attachments
        assert (font.name, font.mimetype, font.data) == ("font.ttf", "font/ttf", b"a font" * 100)
    assert copy(path, tmp_path / "out.mp4") == (".mp4 takes no fonts or other attachments; left out",)
