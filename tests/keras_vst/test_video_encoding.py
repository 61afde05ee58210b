from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from keras_vst.errors import UserError
from keras_vst.video import TimedFrame, VideoInfo, encoding, open_sink, open_source, probe
from tests.keras_vst.clips import RATE, flat, grey_steps, names, numbers, video_times, write_clip

COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (20, 200, 90), (128, 128, 128), (0, 0, 0)]


def info(width: int, height: int, **known: object) -> VideoInfo:
    return VideoInfo(width, height, **({"fps": Fraction(RATE), "time_base": Fraction(1, RATE)} | known))  # type: ignore[arg-type]


def write(path: Path, frames: list[np.ndarray], **options: object) -> Path:
    height, width = frames[0].shape[:2]
    with open_sink(path, info(width, height), **options) as sink:  # type: ignore[arg-type]
        for index, pixels in enumerate(frames):
            sink.write(TimedFrame(pixels, Fraction(index, RATE)))
    return path


def read(path: Path) -> list[TimedFrame]:
    with open_source(path) as source:
        return list(source)


@pytest.mark.parametrize(
    ("tick", "extension"),
    [(Fraction(1, 90_000), ".mov"), (Fraction(1001, 30_000), ".mp4"), (Fraction(1, 1_000_000), ".mp4")],
)
def test_times_of_a_variable_frame_rate_are_kept_exactly(tmp_path: Path, tick: Fraction, extension: str):
    ticks = [5, 6, 3008, 3009, 7000, 12_345, 20_000, 20_001]
    source_path = write_clip(tmp_path / f"in{extension}", grey_steps(8), ticks=ticks, tick=tick)
    target = tmp_path / f"out{extension}"
    with open_source(source_path) as source, open_sink(target, source.info) as sink:
        times = []
        for frame in source:
            times.append(frame.time)
            sink.write(frame)
    assert times == [count * tick for count in ticks]
    assert video_times(target) == times


@pytest.mark.parametrize("extension", [".mkv", ".webm"])
def test_matroska_keeps_times_to_the_millisecond(tmp_path: Path, extension: str):
    ticks = [0, 3003, 7000, 12_345, 20_000]
    source_path = write_clip(tmp_path / "in.mp4", grey_steps(5), ticks=ticks, tick=Fraction(1, 90_000))
    target = tmp_path / f"out{extension}"
    with open_source(source_path) as source, open_sink(target, source.info) as sink:
        for frame in source:
            sink.write(frame)
    assert video_times(target) == [Fraction(round(count / 90), 1000) for count in ticks]


def test_frames_on_one_tick_or_back_in_time_move_on_by_a_tick(tmp_path: Path):
    target = tmp_path / "out.mp4"
    with open_sink(target, info(64, 48)) as sink:
        for pixels, index in zip(grey_steps(4), (0, 3, 3, 1), strict=True):
            sink.write(TimedFrame(pixels, Fraction(index, RATE)))
    assert video_times(target) == [Fraction(index, RATE) for index in (0, 3, 4, 5)]


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("out.mp4", None),
        ("out.mov", None),
        ("out.mkv", None),
        ("out.mp4", "libx265"),
        ("out.webm", None),
        ("out.mp4", "libsvtav1"),
        ("out.gif", None),
        ("out/", None),
    ],
)
def test_every_kind_of_output_keeps_order_size_and_colour(tmp_path: Path, name: str, codec: str | None):
    frames = grey_steps(8)
    path = Path(os.fspath(tmp_path) + "/" + name)
    with open_sink(os.fspath(tmp_path) + "/" + name, info(64, 48), codec=codec) as sink:
        for index, pixels in enumerate(frames):
            sink.write(TimedFrame(pixels, Fraction(index, RATE)))
    found = read(path)
    assert numbers([frame.pixels for frame in found]) == list(range(8))
    assert [frame.time for frame in found] == [Fraction(index, RATE) for index in range(8)]
    assert names(tmp_path) == [path.name]


@pytest.mark.parametrize(
    ("codec", "size"), [("libx264", (64, 48)), ("libx264", (63, 47)), ("libx265", (63, 47))]
)
def test_colours_survive_a_round_trip(tmp_path: Path, codec: str, size: tuple[int, int]):
    frames = [flat(colour, *size) for colour in COLOURS]
    found = read(write(tmp_path / "out.mp4", frames, codec=codec, crf=2))
    for frame, pixels in zip(found, frames, strict=True):
        height, width = pixels.shape[:2]
        assert np.abs(frame.pixels[:height, :width].astype(int) - pixels).max() <= 2


def test_a_clip_says_that_it_is_bt709_of_limited_range(tmp_path: Path):
    with av.open(str(write(tmp_path / "out.mp4", grey_steps(2)))) as container:
        context = container.streams.video[0].codec_context
        assert (context.color_primaries, context.color_trc, context.colorspace, context.color_range) == (
            1,
            1,
            1,
            1,
        )


def test_ffv1_is_lossless(tmp_path: Path):
    generator = np.random.default_rng(0)
    frames = [generator.integers(0, 256, (47, 63, 3), dtype=np.uint8) for _ in range(3)]
    found = read(write(tmp_path / "out.mkv", frames, codec="ffv1"))
    for frame, pixels in zip(found, frames, strict=True):
        np.testing.assert_array_equal(frame.pixels, pixels)


@pytest.mark.parametrize("name", ["out.mp4", "out.webm", "out.gif", "out.png", "out.jpg", "out.webp"])
@pytest.mark.parametrize("size", [(1, 1), (1, 70), (17, 33)])
def test_odd_and_tiny_sizes_are_kept(tmp_path: Path, name: str, size: tuple[int, int]):
    path = write(tmp_path / name, [flat((200, 40, 90), *size)])
    (frame,) = read(path)
    stored = tuple(side + side % 2 for side in size) if name == "out.mp4" else size  # which H.264 has even
    assert (probe(path).width, probe(path).height) == stored
    assert np.abs(frame.pixels.astype(int) - (200, 40, 90)).max() <= 4


def test_a_codec_says_so_when_frames_are_too_small_for_it(tmp_path: Path):
    with pytest.raises(UserError, match="libx265 cannot encode 2x2 frames"):
        write(tmp_path / "out.mp4", [flat((1, 2, 3), 2, 2)], codec="libx265")
    assert names(tmp_path) == []


def test_pixel_aspect_is_kept(tmp_path: Path):
    with open_sink(tmp_path / "out.mp4", info(64, 48, pixel_aspect=Fraction(16, 15))) as sink:
        sink.write(TimedFrame(flat((1, 2, 3)), Fraction(0)))
    assert probe(tmp_path / "out.mp4").pixel_aspect == Fraction(16, 15)


def test_frames_of_another_size_are_refused(tmp_path: Path):
    for name in ("out.mp4", "out.gif"):
        with pytest.raises(ValueError, match=r"must be 64x48 like the first\. Received: 32x48"):
            write(tmp_path / name, [flat((1, 2, 3)), flat((1, 2, 3), 32, 48)])
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "codec", "crf", "message"),
    [
        ("out.webm", "libx264", None, "'libx264' does not go into .webm files here; use one of: libvpx-vp9"),
        ("out.mp4", "ffv1", None, "'ffv1' does not go into .mp4 files"),
        ("out.mp4", "h263", None, "use one of: libx264, libx265, libvpx-vp9, libsvtav1"),
        ("out.mp4", None, 52, "crf is 52, but libx264 takes 0"),
        ("out.mp4", None, -1, "crf is -1, but libx264 takes 0"),
        ("out.mkv", "ffv1", 3, "crf 3 was asked of ffv1, which is lossless"),
        ("out.gif", None, 3, "codec and crf do not apply to .gif"),
        ("out.png", "libx264", None, "codec and crf do not apply to .png"),
        ("out/", "libx264", None, "codec and crf do not apply to /"),
    ],
)
def test_codecs_and_qualities_that_do_not_fit_are_refused(
    tmp_path: Path, name: str, codec: str | None, crf: int | None, message: str
):
    with pytest.raises(UserError, match=message):
        open_sink(f"{tmp_path}/{name}", info(64, 48), codec=codec, crf=crf)
    assert names(tmp_path) == []


def test_an_encoder_that_this_build_lacks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(encoding.av, "codecs_available", {"libx264"})
    with pytest.raises(UserError, match="this build of PyAV has no encoder 'libsvtav1'"):
        open_sink(tmp_path / "out.mp4", info(64, 48), codec="libsvtav1")


def test_a_higher_crf_makes_a_smaller_file(tmp_path: Path):
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    sizes = []
    for crf in (10, 40):
        with open_sink(tmp_path / "out.mp4", info(64, 48), crf=crf) as sink:
            for index in range(5):
                sink.write(TimedFrame(noise, Fraction(index, 25)))
        sizes.append((tmp_path / "out.mp4").stat().st_size)
    assert sizes[1] < sizes[0] / 2


def test_a_gif_keeps_many_colours_and_times_to_a_hundredth(tmp_path: Path):
    ramp = np.stack(np.meshgrid(np.arange(0, 256, 4), np.arange(0, 256, 5), [128]), -1)[:, :, 0].astype(
        np.uint8
    )
    times = [Fraction(0), Fraction(333, 10_000), Fraction(1, 2), Fraction(1, 2)]
    with open_sink(tmp_path / "out.gif", info(64, 52)) as sink:
        for time in times:
            sink.write(TimedFrame(ramp, time))
    with open_source(tmp_path / "out.gif") as source:
        frames = list(source)
    # A fixed palette of 256 colours would be off by 17 on average.
    assert np.abs(frames[0].pixels.astype(int) - ramp).mean() < 8
    assert video_times(tmp_path / "out.gif") == [Fraction(tick, 100) for tick in (0, 3, 50, 51)]


def gif_delays(path: Path) -> list[int]:
    """How many hundredths of a second each frame of a GIF lasts, from its own bytes."""
    content = path.read_bytes()
    parts = content.split(b"\x21\xf9\x04")[1:]
    return [int.from_bytes(part[1:3], "little") for part in parts]


@pytest.mark.parametrize(("last", "expected"), [(1.5, 150), (0.05, 5), (700.0, 4)])
def test_the_last_frame_of_a_gif_lasts_as_long_as_that_of_its_source(tmp_path: Path, last, expected):
    source = VideoInfo(64, 48, fps=Fraction(25), duration=0.3 + last)
    with open_sink(tmp_path / "out.gif", source) as sink:
        for time, pixels in zip((0, 10, 30), grey_steps(3), strict=True):
            sink.write(TimedFrame(pixels, Fraction(time, 100)))
    assert gif_delays(tmp_path / "out.gif") == [10, 20, expected]  # 700 s: the source broke off
