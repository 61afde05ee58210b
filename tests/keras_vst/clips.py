"""Small clips made with PyAV alone, so that tests of keras_vst.video do not lean on what they test."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
import pytest
from av.container import OutputContainer

Pixels = npt.NDArray[np.uint8]
RATE = 25
MOV = {"movflags": "+faststart", "movie_timescale": "1000000"}  # else a first time is rounded to 1 ms
SOUND_RATE = 48_000
needs_metadata = pytest.mark.skipif(not hasattr(cv2, "imdecodeWithMetadata"), reason="OpenCV before 4.12")


def flat(colour: tuple[int, int, int], width: int = 64, height: int = 48) -> Pixels:
    return np.full((height, width, 3), colour, np.uint8)


def grey_steps(count: int, width: int = 64, height: int = 48) -> list[Pixels]:
    """Frame k has level 10 * k throughout, so that a frame tells its number by its mean."""
    return [flat((10 * k, 10 * k, 10 * k), width, height) for k in range(count)]


def numbers(frames: Sequence[Pixels]) -> list[int]:
    """Which of `grey_steps` these frames are."""
    return [round(float(frame.mean()) / 10) for frame in frames]


def names(folder: Path) -> list[str]:
    """What lies in a folder, hidden files included."""
    return sorted(entry.name for entry in folder.iterdir())


def write_clip(
    path: Path,
    frames: Sequence[Pixels],
    *,
    ticks: Sequence[int] | None = None,
    tick: Fraction = Fraction(1, RATE),
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    sound: str | None = None,
    layout: str = "stereo",
    options: dict[str, str] | None = None,
) -> Path:
    """Encode frames at ticks * tick seconds, with a tone as long as the frames when `sound` names a codec."""
    with av.open(str(path), "w", options=MOV if path.suffix in (".mp4", ".mov") else {}) as container:
        video = container.add_stream(codec, rate=RATE, options=options or {})
        video.height, video.width = frames[0].shape[:2]
        video.pix_fmt = pixel_format
        video.codec_context.time_base = tick
        if pixel_format.startswith("gray"):
            video.codec_context.color_range = 2  # swscale makes full-range grey, which the file has to say
        audio = None if sound is None else container.add_stream(sound, rate=SOUND_RATE, layout=layout)
        for index, pixels in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            picture.pts = index if ticks is None else ticks[index]
            picture.time_base = tick
            container.mux(video.encode(picture))
            if audio is not None:
                _encode_tone(container, audio, index)
        container.mux(video.encode(None))
        if audio is not None:
            container.mux(audio.encode(None))
    return path


def write_levels(
    path: Path, levels: tuple[int, int, int], height: int, matrix: int, colour_range: int
) -> Path:
    """One lossless frame of constant Y, Cb, Cr, tagged with a matrix and a range (2 and 0: untagged)."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("ffv1", rate=RATE)
        video.width, video.height, video.pix_fmt = 32, height, "yuv444p"
        video.codec_context.colorspace, video.codec_context.color_range = matrix, colour_range
        planes = np.stack([np.full((height, 32), level, np.uint8) for level in levels])
        picture = av.VideoFrame.from_ndarray(planes, format="yuv444p")
        picture.colorspace, picture.color_range = matrix, colour_range
        container.mux(video.encode(picture))
        container.mux(video.encode(None))
    return path


def write_tone(path: Path, codec: str = "aac") -> Path:
    """A file with sound and no pictures, one second long."""
    with av.open(str(path), "w") as container:
        audio = container.add_stream(codec, rate=SOUND_RATE, layout="stereo")
        for index in range(RATE):
            _encode_tone(container, audio, index)
        container.mux(audio.encode(None))
    return path


def sound_packets(path: Path, index: int = 0) -> list[bytes]:
    with av.open(str(path)) as container:
        packets = container.demux(container.streams.audio[index])
        return [bytes(packet) for packet in packets if packet.size]


def sound_level(path: Path) -> tuple[str, float, float]:
    """Codec, seconds and root mean square (0 to 1) of a file's first channel."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        name = stream.codec_context.name
        resampler = av.AudioResampler(format="fltp", rate=SOUND_RATE)
        chunks = [
            part.to_ndarray()[0] for frame in container.decode(stream) for part in resampler.resample(frame)
        ]
    samples = np.concatenate(chunks)
    return name, len(samples) / SOUND_RATE, float(np.sqrt(np.mean(np.square(samples))))


def video_times(path: Path) -> list[Fraction]:
    with av.open(str(path)) as container:
        return [
            frame.pts * frame.time_base
            for frame in container.decode(container.streams.video[0])
            if frame.pts is not None and frame.time_base is not None
        ]


def turn_upright_clockwise(path: Path) -> None:
    """Give an mp4 the matrix a phone writes when held upright: show it turned by 90 degrees clockwise."""
    content = bytearray(path.read_bytes())
    matrix = (
        content.index(b"tkhd") + 44
    )  # type 4, version 4, times 8, track 4+4, duration 4, 8, layer..volume 8
    values = (
        0,
        0x10000,
        0,
        -0x10000,
        0,
        0,
        0,
        0,
        0x40000000,
    )  # (x, y) -> (-y, x), 16.16 and 2.30 fixed point
    content[matrix : matrix + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in values)
    path.write_bytes(bytes(content))


def with_exif_orientation(jpeg: bytes, orientation: int) -> bytes:
    """Put an EXIF block with nothing but the orientation behind the start of a JPEG."""
    entry = b"\x01\x12" + b"\x00\x03" + b"\x00\x00\x00\x01" + orientation.to_bytes(2, "big") + b"\x00\x00"
    tiff = b"MM\x00\x2a\x00\x00\x00\x08" + b"\x00\x01" + entry + b"\x00\x00\x00\x00"
    block = b"Exif\x00\x00" + tiff
    return jpeg[:2] + b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block + jpeg[2:]


def _encode_tone(container: OutputContainer, audio: av.AudioStream, index: int) -> None:
    """The tone under one frame: 440 Hz at half of full scale."""
    count = SOUND_RATE // RATE
    times = (index * count + np.arange(count)) / SOUND_RATE
    wave = np.sin(2 * np.pi * 440 * times).astype(np.float32) / 2
    channels = len(audio.layout.channels)
    planar = np.ascontiguousarray(np.repeat(wave[None], channels, axis=0))
    frame = av.AudioFrame.from_ndarray(planar, format="fltp", layout=audio.layout.name)
    frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, index * count, Fraction(1, SOUND_RATE)
    for part in av.AudioResampler(format=audio.format, layout=audio.layout, rate=SOUND_RATE).resample(frame):
        container.mux(audio.encode(part))


def exif(turned: int) -> bytes:
    """Who took it, how it was held, and a second list as of a miniature."""
    entries = struct.pack(">HHI4s", 0x010E, 2, 3, b"me\0\0"), struct.pack(">HHIHH", 0x0112, 3, 1, turned, 0)
    return b"MM\0*" + struct.pack(">IH", 8, 2) + b"".join(entries) + struct.pack(">IH4x", 38, 0)


def with_exif(path: Path, pixels: np.ndarray, turned: int = 1) -> Path:
    about = [np.frombuffer(exif(turned), np.uint8)]
    done, content = cv2.imencodeWithMetadata(path.suffix, pixels, [cv2.IMAGE_METADATA_EXIF], about)
    assert done
    path.write_bytes(content.tobytes())
    return path


def png_of(width: int, height: int) -> bytes:
    """A PNG of zeros that says it has this size; beyond fifty rows they are not there."""

    def chunk(content: bytes) -> bytes:
        return struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))

    rows = zlib.compress(bytes(1 + 3 * width) * min(height, 50))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR" + head) + chunk(b"IDAT" + rows) + chunk(b"IEND")
