"""Whether a media file ends before its own structure says it does: half a download, a recording that was cut off.

Only what a format states is believed: the length of a box, a segment or a chunk, the mark at the end.  A format that
states nothing, such as MPEG-TS cut between two packets, is whole wherever it ends.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

BOXES = (b"ftyp", b"mdat", b"moov", b"moof", b"meta")  # of MP4, MOV, HEIC and AVIF; others are not missed


def ends_early(path: Path) -> bool:
    """Whether the file states more than it holds; False where that cannot be known."""
    with suppress(OSError, ValueError, LookupError), path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(400)
        file.seek(0)
        for known, lacks in FORMATS:
            if known(head):
                return lacks(file, size)
    return False


def _boxes(file: BinaryIO, size: int) -> bool:
    place = 0
    while place + 8 <= size:
        file.seek(place)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length < 8:  # 0 reaches to the end, wherever that is
            return False
        place += length
        if place > size:
            return head[4:8] in BOXES
    return False


def _matroska(file: BinaryIO, size: int) -> bool:
    place = 0
    while place < size:
        file.seek(place)
        name, length, unknown = file.read(4), *_ebml_size(file)
        place = file.tell() + length
        if name == b"\x18\x53\x80\x67":  # the segment, which holds all the rest
            return not unknown and place > size
    return False


def _ebml_size(file: BinaryIO) -> tuple[int, bool]:
    """A length as Matroska writes it, and whether it is the one that says "not known"."""
    first = file.read(1)[0]
    more = 8 - first.bit_length()
    rest = file.read(more)
    value = int.from_bytes(bytes([first - (1 << (7 - more))]) + rest, "big")
    return value, value == (1 << 7 * (more + 1)) - 1


def _riff(file: BinaryIO, size: int) -> bool:
    place = 0
    while place + 12 <= size:  # a long AVI has several, one behind the other
        file.seek(place)
        head = file.read(12)
        if head[:4] != b"RIFF":
            return False
        place += 8 + int.from_bytes(head[4:8], "little")
    return place > size + 1  # an odd last byte may lack its filling


def _gif(file: BinaryIO, size: int) -> bool:
    def palette(flags: int) -> int:
        return 3 << ((flags & 7) + 1) if flags & 0x80 else 0

    file.seek(13 + palette(file.read(13)[10]))
    while kind := file.read(1):
        if kind == b";":
            return False
        if kind == b",":
            file.seek(palette(file.read(9).ljust(9, b"\0")[8]) + 1, os.SEEK_CUR)
        else:
            file.seek(1, os.SEEK_CUR)
        while (length := file.read(1)) and length != b"\0":
            file.seek(length[0], os.SEEK_CUR)
    return True


def _png(file: BinaryIO, size: int) -> bool:
    place = 8
    while place + 12 <= size:
        file.seek(place)
        head = file.read(8)
        place += 12 + int.from_bytes(head[:4], "big")
        if head[4:] == b"IEND":
            return place > size
    return True


def _flv(file: BinaryIO, size: int) -> bool:
    place = int.from_bytes(file.read(9)[5:9], "big") + 4
    while place < size:
        file.seek(place + 1)
        place += 15 + int.from_bytes(file.read(3), "big")
    return place > size


def _ts(file: BinaryIO, size: int) -> bool:
    head = file.read(400)
    length, at = (188, 0) if head[0] == 0x47 else (192, 4)
    return head[at + length] == 0x47 and size % length != 0


FORMATS: tuple[tuple[Callable[[bytes], bool], Callable[[BinaryIO, int], bool]], ...] = (
    (lambda head: head[4:8] in (*BOXES, b"free", b"skip", b"wide"), _boxes),
    (lambda head: head.startswith(b"\x1a\x45\xdf\xa3"), _matroska),
    (lambda head: head.startswith(b"RIFF"), _riff),
    (lambda head: head.startswith(b"GIF8"), _gif),
    (lambda head: head.startswith(b"\x89PNG\r\n\x1a\n"), _png),
    (lambda head: head.startswith(b"FLV"), _flv),
    (lambda head: len(head) == 400 and 0x47 in (head[0], head[4]), _ts),
)
