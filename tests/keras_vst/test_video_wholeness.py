"""What ends before its own structure says so is told, and nothing whole is."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from keras_vst.video import TimedFrame, VideoInfo, open_sink, open_source
from keras_vst.video.wholeness import ends_early
from tests.keras_vst.clips import grey_steps, write_clip
from tests.keras_vst.test_video_decoding import textured

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
