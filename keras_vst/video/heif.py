"""What a HEIC or AVIF is made of: phones store large pictures in tiles, of which FFmpeg shows us the first alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

BRANDS = (b"mif1", b"msf1", b"heic", b"heix", b"hevc", b"heim", b"heis", b"avif", b"avis", b"MiHE", b"MiPr")
LONGEST = 1 << 22  # bytes of the part that describes; the rest is not read
DERIVED = {"grid": "tiles", "iovl": "layers"}  # pictures that are made of others


def made_of(path: Path) -> str | None:
    """`tiles` or `layers` where the main picture is put together from others; None where it is a picture itself."""
    with suppress(OSError, LookupError), path.open("rb") as file:
        head = file.read(12)
        if head[4:8] == b"ftyp" and head[8:] in BRANDS:
            return DERIVED.get(_main_type(dict(_boxes(head + file.read(LONGEST)))[b"meta"][4:]))
    return None


def _main_type(meta: bytes) -> str:
    """The type of the primary item, such as hvc1, av01 or grid; empty where none is named."""
    boxes = dict(_boxes(meta))
    pitm, iinf = boxes.get(b"pitm", b""), boxes.get(b"iinf", b"")
    main = int.from_bytes(pitm[4:] if pitm[:1] == b"\0" else pitm[4:8], "big")
    for _, item in _boxes(iinf[6:] if iinf[:1] == b"\0" else iinf[8:]):
        width = 4 if item[:1] == b"\x03" else 2  # of the number; then two bytes of protection, then the type
        if int.from_bytes(item[4 : 4 + width], "big") == main:
            return item[6 + width : 10 + width].decode("latin-1")
    return ""


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each box, cut short where the file is."""
    place = 0
    while place + 8 <= len(content):
        length, head = int.from_bytes(content[place : place + 4], "big"), 8
        if length == 1:
            length, head = int.from_bytes(content[place + 8 : place + 16], "big"), 16
        if length == 0:
            length = len(content) - place
        if length < head:
            return
        yield content[place + 4 : place + 8], content[place + head : place + length]
        place += length
