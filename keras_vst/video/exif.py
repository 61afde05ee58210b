"""What a camera wrote into a picture, EXIF, made true of the painted picture: upright, without its old miniature."""

from __future__ import annotations

import struct

ORIENTATION = 0x0112
SHORT = 3
# By EXIF's number: whether it is mirrored, and then how many quarters it is to be turned counter-clockwise.
TURNS = {
    1: (False, 0),
    2: (True, 0),
    3: (False, 2),
    4: (True, 2),
    5: (True, 1),
    6: (False, 3),
    7: (True, 3),
    8: (False, 1),
}


def orientation(exif: bytes) -> int:
    """1 to 8 as EXIF counts; 1, upright, where nothing can be read."""
    try:
        order, _, place = _first_entries(exif)
        for entry in range(place, place + 12 * _count(exif, order, place), 12):
            if struct.unpack_from(f"{order}HH", exif, entry) == (ORIENTATION, SHORT):
                told = struct.unpack_from(f"{order}H", exif, entry + 8)[0]
                return told if told in TURNS else 1
    except struct.error:
        pass
    return 1


def upright(exif: bytes) -> bytes:
    """The same for pixels that are turned already, and without the miniature, which shows what was not painted.

    What cannot be read is not carried on: empty.
    """
    try:
        order, _, place = _first_entries(exif)
        end = place + 12 * _count(exif, order, place)
        changed = bytearray(exif)
        for entry in range(place, end, 12):
            if struct.unpack_from(f"{order}HH", exif, entry) == (ORIENTATION, SHORT):
                struct.pack_into(f"{order}H", changed, entry + 8, 1)
        struct.unpack_from(f"{order}I", exif, end)
        struct.pack_into(f"{order}I", changed, end, 0)  # where the second list, that of the miniature, begins
    except struct.error:
        return b""
    return bytes(changed)


def _first_entries(exif: bytes) -> tuple[str, int, int]:
    """Byte order, and where the first list begins and its entries begin."""
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        raise struct.error("no EXIF")
    start = struct.unpack_from(f"{order}I", exif, 4)[0]
    return order, start, start + 2


def _count(exif: bytes, order: str, place: int) -> int:
    count: int = struct.unpack_from(f"{order}H", exif, place - 2)[0]
    return count
