"""What the first bytes of a picture file state, before anybody makes room for its pixels: size and transparency."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

MOST = 2**28  # pixels; painting as many takes 4 GB
STARTS = (0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF)  # of a JPEG's frame
BARE = (0x01, *range(0xD0, 0xD9))  # marks of a JPEG without a length
TIFF_WIDTH, TIFF_HEIGHT, TIFF_EXTRA = 256, 257, 338
MOST_SEGMENTS = 4096  # looked at before a file is given up


class Head(NamedTuple):
    """Of a picture as it is stored, before it is turned upright."""

    width: int
    height: int
    has_alpha: bool


def read_head(path: Path) -> Head | None:
    """What a PNG, JPEG, WebP, BMP or TIFF states; None of what states nothing, or of anything else."""
    with suppress(OSError), path.open("rb") as file:
        return head_of(file)
    return None


def head_of(file: BinaryIO) -> Head | None:
    """The same of what is open, or lies in memory."""
    with suppress(OSError, ValueError, struct.error, IndexError, KeyError):
        start = file.read(32)
        for mark, read in FORMATS:
            if start.startswith(mark):
                return read(file, start)
    return None


def _png(file: BinaryIO, start: bytes) -> Head:
    width, height, _, colour = struct.unpack_from(">IIBB", start, 16)
    file.seek(33)
    for _ in range(MOST_SEGMENTS):
        length, name = struct.unpack(">I4s", file.read(8))
        if name in (b"tRNS", b"IDAT"):
            return Head(width, height, colour in (4, 6) or name == b"tRNS")
        file.seek(length + 4, 1)
    return Head(width, height, False)


def _jpeg(file: BinaryIO, _: bytes) -> Head | None:
    file.seek(2)
    for _segment in range(MOST_SEGMENTS):
        mark, kind = file.read(2)
        if mark != 0xFF:
            return None
        if (
            kind == 0xFF
        ):  # filling; who steps over it as a segment can be led to another size than the decoder's
            file.seek(-1, 1)
        elif kind not in BARE:
            (length,) = struct.unpack(">H", file.read(2))
            if kind in STARTS:
                height, width = struct.unpack(">xHH", file.read(5))
                return Head(width, height, False)
            if length < 2:
                return None
            file.seek(length - 2, 1)
    return None


def _webp(_: BinaryIO, start: bytes) -> Head | None:
    if start[12:16] == b"VP8X":
        width, height = (int.from_bytes(start[place : place + 3], "little") + 1 for place in (24, 27))
        return Head(width, height, bool(start[20] & 16))
    if start[12:16] == b"VP8L":
        bits = int.from_bytes(start[21:25], "little")
        return Head((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1))
    if start[12:16] == b"VP8 ":
        width, height = struct.unpack_from("<HH", start, 26)
        return Head(width & 0x3FFF, height & 0x3FFF, False)
    return None


def _bmp(_: BinaryIO, start: bytes) -> Head:
    width, height = struct.unpack_from("<ii", start, 18)
    return Head(abs(width), abs(height), False)


def _tiff(file: BinaryIO, start: bytes) -> Head:
    entries = dict(_tiff_entries(file, "<" if start[:2] == b"II" else ">", start))
    return Head(entries[TIFF_WIDTH], entries[TIFF_HEIGHT], TIFF_EXTRA in entries)


def _tiff_entries(file: BinaryIO, order: str, start: bytes) -> Iterator[tuple[int, int]]:
    """Number and first value of what describes the first picture."""
    file.seek(struct.unpack_from(f"{order}I", start, 4)[0])
    for _ in range(*struct.unpack(f"{order}H", file.read(2))):
        name, kind, _, value = struct.unpack(f"{order}HHI4s", file.read(12))
        yield name, struct.unpack_from(f"{order}{'H' if kind == 3 else 'I'}", value)[0]


FORMATS: tuple[tuple[bytes, Callable[[BinaryIO, bytes], Head | None]], ...] = (
    (b"\x89PNG\r\n\x1a\n", _png),
    (b"\xff\xd8", _jpeg),
    (b"RIFF", _webp),
    (b"BM", _bmp),
    (b"II*\0", _tiff),
    (b"MM\0*", _tiff),
)
