from __future__ import annotations

import errno
import gc
import itertools
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.container import InputContainer
from av.error import OSError as FFmpegOSError

from keras_vst.errors import UserError
from keras_vst.video import TimedFrame, containers, decoding, open_source, probe
from tests.keras_vst.clips import (
    RATE,
    flat,
    grey_steps,
    numbers,
    turn_upright_clockwise,
    video_times,
    write_clip,
    write_levels,
)

BT601, BT709, BT2020 = 6, 1, 9  # as files number them (ITU-T H.273)
UNTAGGED = 2
LIMITED, FULL = 1, 2
# Weight of red and of blue in luma.
WEIGHTS = {BT601: (0.299, 0.114), BT709: (0.2126, 0.0722), BT2020: (0.2627, 0.0593)}


def rgb(levels: tuple[int, int, int], matrix: int, colour_range: int) -> np.ndarray:
    """Y, Cb, Cr as a file stores them to RGB in [0, 255], by the book."""
    red_weight, blue_weight = WEIGHTS[matrix]
    luma = (levels[0] - 16) / 219 if colour_range == LIMITED else levels[0] / 255
    blue, red = ((level - 128) / (224 if colour_range == LIMITED else 255) for level in levels[1:])
    r = luma + 2 * (1 - red_weight) * red
    b = luma + 2 * (1 - blue_weight) * blue
    g = (luma - red_weight * r - blue_weight * b) / (1 - red_weight - blue_weight)
    return np.clip(np.array([r, g, b]) * 255, 0, 255)


def read(path: Path) -> list[TimedFrame]:
    with open_source(path) as source:
        return list(source)


def damage(path: Path, frame: int) -> None:
    """Overwrite what one frame is made of, in decoding order, with noise."""
    with av.open(str(path)) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    start, size = packets[frame]
    assert start is not None
    content = bytearray(path.read_bytes())
    content[start + 40 : start + size] = np.random.default_rng(0).bytes(size - 40)
    path.write_bytes(content)


def textured(count: int) -> list[np.ndarray]:
    """Steps of grey with some noise on them, so that every frame takes a few hundred bytes."""
    noise = np.random.default_rng(1).integers(-8, 9, (count, 240, 320, 3))
    steps = np.stack(grey_steps(count, 320, 240)).astype(int)
    return list(np.clip(steps + noise, 0, 255).astype(np.uint8))


@pytest.mark.parametrize("colour_range", [LIMITED, FULL])
@pytest.mark.parametrize("matrix", [BT601, BT709, BT2020])
def test_colours_are_read_by_the_matrix_and_range_the_file_names(
    tmp_path: Path, matrix: int, colour_range: int
):
    path = write_levels(tmp_path / "in.mkv", (120, 90, 170), 32, matrix, colour_range)
    with open_source(path) as source:
        (frame,) = source
    np.testing.assert_allclose(frame.pixels[16, 16], rgb((120, 90, 170), matrix, colour_range), atol=1)


@pytest.mark.parametrize(("height", "matrix"), [(32, BT601), (576, BT601), (720, BT709)])
def test_an_untagged_file_is_bt601_up_to_576_lines_and_bt709_above(tmp_path: Path, height: int, matrix: int):
    path = write_levels(tmp_path / "in.mkv", (120, 90, 170), height, UNTAGGED, 0)
    with open_source(path) as source:
        (frame,) = source
    np.testing.assert_allclose(frame.pixels[16, 16], rgb((120, 90, 170), matrix, LIMITED), atol=1)


def test_a_clip_filmed_upright_comes_out_upright(tmp_path: Path):
    lying = flat((0, 0, 0))
    lying[:24, 32:] = (250, 0, 0)  # top right in the file, so bottom right once turned clockwise
    path = write_clip(tmp_path / "phone.mp4", [lying] * 3, options={"crf": "5"})
    turn_upright_clockwise(path)
    with open_source(path) as source:
        frames = [frame.pixels for frame in source]
    assert (source.info.width, source.info.height) == (48, 64)
    assert source.info.rotation == 270  # counter-clockwise
    for frame in frames:
        assert frame.shape == (64, 48, 3)
        assert frame.flags.c_contiguous
        assert frame[48, 36, 0] > 230
        assert frame[16, 36, 0] < 20
        assert frame[48, 12, 0] < 20


def test_a_stream_that_changes_its_size_keeps_that_of_its_first_frame(tmp_path: Path):
    small = write_clip(tmp_path / "small.h264", grey_steps(5))
    large = write_clip(tmp_path / "large.h264", grey_steps(5, 128, 96))
    both = tmp_path / "both.h264"
    both.write_bytes(small.read_bytes() + large.read_bytes())
    with open_source(both) as source:
        frames = [frame.pixels for frame in source]
    assert {frame.shape for frame in frames} == {(48, 64, 3)}
    assert numbers(frames) == [0, 1, 2, 3, 4] * 2


def test_a_truncated_mp4_is_read_up_to_the_break(tmp_path: Path):
    path = write_clip(tmp_path / "in.mp4", textured(20))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with open_source(path) as source:
        found = numbers([frame.pixels for frame in source])
    assert 5 <= len(found) < 20
    assert found == list(range(len(found)))


@pytest.mark.parametrize("options", [{}, {"g": "1", "bf": "0"}])
def test_a_damaged_frame_is_left_out_and_counted(tmp_path: Path, options: dict[str, str]):
    path = write_clip(tmp_path / "in.mp4", textured(20), options=options)
    damage(path, 7)
    with open_source(path) as source:
        frames = list(source)
    assert source.skipped == 1
    times = [int(frame.time * 25) for frame in frames]
    assert len(times) == len(set(times)) == 19
    if options:  # every frame stands alone, so that the others are whole
        assert numbers([frame.pixels for frame in frames]) == times == [k for k in range(20) if k != 7]


class BreakingContainer:
    """A container whose line goes down after a few packets."""

    def __init__(self, container: InputContainer, packets: int) -> None:
        self._container = container
        self._packets = packets

    def __getattr__(self, name: str) -> object:
        return getattr(self._container, name)

    def demux(self, stream: av.VideoStream) -> Iterator[av.Packet]:
        yield from itertools.islice(self._container.demux(stream), self._packets)
        raise FFmpegOSError(errno.EIO, "Input/output error")


def test_a_line_that_goes_down_ends_the_source_after_what_has_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    container = av.open(str(write_clip(tmp_path / "in.mp4", grey_steps(10), options={"bf": "0"})))
    monkeypatch.setattr(decoding, "open_container", lambda uri: BreakingContainer(container, 6))
    with open_source("rtmp://camera/live") as source:
        assert numbers([frame.pixels for frame in source]) == [0, 1, 2, 3, 4, 5]
    assert source.skipped == 0


class SilentContainer(BreakingContainer):
    """A container whose line says nothing more after a few packets."""

    def demux(self, stream: av.VideoStream) -> Iterator[av.Packet]:
        yield from itertools.islice(self._container.demux(stream), self._packets)
        threading.Event().wait(5)


def test_a_silent_line_does_not_hold_up_close(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    container = av.open(str(write_clip(tmp_path / "in.mp4", grey_steps(10), options={"bf": "0"})))
    monkeypatch.setattr(decoding, "FAREWELL", 0.1)
    source = decoding.ClipSource("rtsp://camera/live", SilentContainer(container, 6), low_delay=True)  # type: ignore[arg-type]
    reader = threading.Thread(target=list, args=(source,), daemon=True)
    reader.start()
    time.sleep(0.1)
    start = time.monotonic()
    source.close()
    assert time.monotonic() - start < 1
    assert reader.is_alive()


@pytest.mark.parametrize("name", ["notes.mp4", "notes.txt", "notes.webm"])
def test_text_is_not_a_clip(tmp_path: Path, name: str):
    path = tmp_path / name
    path.write_text("Dear diary,\n" * 50)
    with pytest.raises(UserError, match=r"notes\.\w+ cannot be read as a clip"):
        open_source(path)


def test_an_mp4_without_its_index_says_that_it_may_be_cut_short(tmp_path: Path):
    path = write_clip(tmp_path / "in.mp4", grey_steps(5))
    content = path.read_bytes()
    path.write_bytes(content.replace(b"moov", b"junk"))
    with pytest.raises(UserError, match=r"cannot be read as a clip .* Check that it is whole"):
        open_source(path)


def test_a_clip_of_which_no_frame_can_be_decoded_is_refused(tmp_path: Path):
    path = write_clip(tmp_path / "in.mp4", textured(3))
    for frame in range(3):
        damage(path, frame)
    content = bytearray(path.read_bytes())
    start = content.index(b"mdat") + 4
    content[start:] = bytes(len(content) - start)
    path.write_bytes(content)
    with pytest.raises(UserError, match="holds no frame that can be decoded"):
        open_source(path)


def test_a_source_lets_go_of_its_file(tmp_path: Path):
    path = write_clip(tmp_path / "in.mp4", grey_steps(5))
    descriptors = Path("/proc/self/fd")
    if not descriptors.exists():
        pytest.skip("only Linux lists open files in /proc")
    with open_source(path) as source:
        next(iter(source))
    probe(path)
    gc.collect()
    opened = [str(entry.readlink()) for entry in descriptors.iterdir() if entry.is_symlink()]
    assert str(path) not in opened


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_in_another_encoding_is_read(tmp_path: Path):
    path = tmp_path / os.fsdecode(b"\xff %d:.mp4")
    path.write_bytes(write_clip(tmp_path / "in.mp4", grey_steps(2)).read_bytes())
    assert probe(path).frames == 2


def test_probe_tells_what_the_clip_is(tmp_path: Path):
    path = write_clip(tmp_path / "clip.mp4", grey_steps(10), sound="aac")
    found = probe(path)
    assert (found.width, found.height, found.fps, found.frames, found.rotation) == (64, 48, RATE, 10, 0)
    assert found.duration == pytest.approx(0.4)
    assert (found.has_audio, found.is_image, found.origin) == (True, False, str(path))
    assert (
        probe(write_clip(tmp_path / "clip.mkv", grey_steps(10))).frames == 10
    )  # estimated: it does not count


def test_a_raw_stream_without_times_is_read_at_its_rate(tmp_path: Path):
    path = write_clip(tmp_path / "clip.h264", grey_steps(10))
    frames = read(path)
    assert numbers([frame.pixels for frame in frames]) == list(range(10))
    steps = {later.time - earlier.time for earlier, later in itertools.pairwise(frames)}
    assert steps == {1 / Fraction(probe(path).fps or 0)}
    assert (probe(path).frames, probe(path).duration) == (None, None)


def test_the_clock_of_a_transport_stream_starts_at_zero(tmp_path: Path):
    path = write_clip(tmp_path / "clip.ts", grey_steps(5))
    assert video_times(path)[0] > 0
    assert [frame.time for frame in read(path)] == [Fraction(index, RATE) for index in range(5)]


@pytest.mark.parametrize(
    ("codec", "pixel_format", "name"),
    [
        ("libx264", "yuv420p10le", "in.mp4"),
        ("libx264", "yuv444p", "in.mp4"),
        ("libx264", "yuvj420p", "in.mp4"),
        ("libx264", "gray", "in.mp4"),
        ("ffv1", "yuv422p10le", "in.mkv"),
        ("ffv1", "yuva420p", "in.mkv"),
        ("ffv1", "bgra", "in.mkv"),
        ("ffv1", "gray16le", "in.mkv"),
        ("ffv1", "gbrp12le", "in.mkv"),
    ],
)
def test_any_pixel_format_is_read(tmp_path: Path, codec: str, pixel_format: str, name: str):
    path = write_clip(
        tmp_path / name,
        grey_steps(6),
        codec=codec,
        pixel_format=pixel_format,
        options={"crf": "5"} if codec == "libx264" else {},
    )
    frames = [frame.pixels for frame in read(path)]
    assert {frame.dtype.name for frame in frames} == {"uint8"}
    for frame, pixels in zip(frames, grey_steps(6), strict=True):
        assert np.abs(frame.astype(int) - pixels).max() <= 2


def test_a_clip_can_be_closed_by_another_thread_in_the_middle(tmp_path: Path):
    source = open_source(write_clip(tmp_path / "in.mp4", grey_steps(6)))
    frames = iter(source)
    next(frames)
    closer = threading.Thread(target=source.close)
    closer.start()
    closer.join(5)
    assert list(frames) == []


def test_an_address_that_says_nothing_is_given_up(monkeypatch):
    monkeypatch.setattr(containers, "PATIENCE", (0.5, 0.5))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        before = time.monotonic()
        with pytest.raises(UserError):
            containers.open_container(f"tcp://127.0.0.1:{silent.getsockname()[1]}")
    assert time.monotonic() - before < 5
