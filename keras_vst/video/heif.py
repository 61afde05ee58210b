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
    return DERIVED.get(_main_type(_described(path)))


def has_exif(path: Path) -> bool:
    """Whether its camera wrote something into it, which FFmpeg does not hand on."""
    return b"Exif" in dict(_boxes(_described(path))).get(b"iinf", b"")


def true_size(path: Path, width: int, height: int) -> tuple[int, int]:
    """The size that the picture states where it was coded with a row or a column more, else the size that came."""
    properties = dict(_boxes(dict(_boxes(_described(path))).get(b"iprp", b""))).get(b"ipco", b"")
    for name, content in _boxes(properties):
        stated = int.from_bytes(content[4:8], "big"), int.from_bytes(content[8:12], "big")
        if name == b"ispe" and (width - stated[0], height - stated[1]) in ((0, 1), (1, 0), (1, 1)):
            return stated
    return width, height


def _described(path: Path) -> bytes:
    """The part of a HEIC or AVIF that describes it; empty for anything else."""
    with suppress(OSError), path.open("rb") as file:
        head = file.read(12)
        if head[4:8] == b"ftyp" and head[8:] in BRANDS:
            return dict(_boxes(head + file.read(LONGEST))).get(b"meta", b"")[4:]
    return b""


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
