"""The size of a picture from its first bytes, so that none has to be decoded to be found too large."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

_START_OF_FRAME = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # JPEG markers that carry the size
_BARE = {0x01, *range(0xD0, 0xDA)}  # JPEG markers without a length


def picture_size(path: Path) -> tuple[int, int] | None:
    """(width, height) as stored, before any rotation; None where the file is of a kind not known here.

    Knows JPEG, PNG, WebP and BMP; a broken file of these raises ValueError, an unreadable one OSError.
    """
    with path.open("rb") as file:
        start = file.read(30)
        try:
            if start.startswith(b"\xff\xd8"):
                return _jpeg(file)
            if start.startswith(b"\x89PNG\r\n\x1a\n"):
                return struct.unpack(">II", start[16:24])
            if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
                return _webp(start)
            if start.startswith(b"BM") and start[14:18] == b"\x28\0\0\0":
                width, height = struct.unpack("<ii", start[18:26])
                return width, abs(height)
        except (struct.error, IndexError) as error:
            raise ValueError("it breaks off in its first bytes") from error
    return None


def _jpeg(file: BinaryIO) -> tuple[int, int]:
    file.seek(2)
    while True:
        marker = file.read(2)
        if len(marker) < 2 or marker[0] != 0xFF:
            raise ValueError("it breaks off in its first bytes")
        if marker[1] == 0xFF:  # a byte of filling
            file.seek(-1, 1)
            continue
        if marker[1] in _BARE:
            continue
        (length,) = struct.unpack(">H", file.read(2))
        if marker[1] in _START_OF_FRAME:
            height, width = struct.unpack(">xHH", file.read(5))
            return width, height
        file.seek(max(length - 2, 0), 1)


def _webp(start: bytes) -> tuple[int, int] | None:
    kind = start[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(start[24:27], "little"), 1 + int.from_bytes(start[27:30], "little")
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", start[26:30])
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L":
        packed = int.from_bytes(start[21:25], "little")
        return 1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF)
    return None
