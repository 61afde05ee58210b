"""What a picture file states before it is decoded: size, transparency, parts, whether it moves, what a phone wrote."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, NamedTuple

from keras_vst.errors import UserError
from keras_vst.video.containers import BRANDS, FILM_BRANDS

MOST = 2**28  # pixels; painting as many takes 4 GB
STARTS = (0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF)  # of a JPEG's frame
BARE = (0x01, *range(0xD0, 0xD9))  # marks of a JPEG without a length
OS2 = 12  # bytes of the first kind of BMP's description, whose sides are shorter numbers
TIFF_WIDTH, TIFF_HEIGHT, TIFF_EXTRA, TIFF_EXIF = 256, 257, 338, 34665
MOST_SEGMENTS = 4096  # looked at before a file is given up
LONGEST = 1 << 22  # bytes of the part that describes; the rest is not read
MOST_ITEMS = 4096
DERIVED = {"grid": "tiles", "iovl": "layers"}  # pictures that are made of others


class Head(NamedTuple):
    """Of a picture as it is stored, before it is turned upright."""

    width: int
    height: int
    has_alpha: bool
    has_lost_exif: bool = False  # which OpenCV does not hand on


def read_head(path: Path) -> Head | None:
    """What a PNG, JPEG, WebP, GIF, BMP or TIFF states; None of what states nothing, or of anything else."""
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


def moves(path: Path) -> bool:
    """Whether a picture says that it has more than one frame; what cannot be read does not."""
    with suppress(OSError), path.open("rb") as file:
        head = file.read(4096)
        if head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X":
            return bool(head[20:21]) and bool(head[20] & 2)
        if head[4:8] == b"ftyp":
            return head[8:12].decode("latin-1") in FILM_BRANDS
        if not head.startswith(b"\x89PNG\r\n\x1a\n"):
            return False
        file.seek(8)
        while len(chunk := file.read(8)) == 8 and chunk[4:] != b"IDAT":
            if chunk[4:] == b"acTL":
                return int.from_bytes(file.read(4), "big") > 1
            file.seek(int.from_bytes(chunk[:4], "big") + 4, 1)
    return False


def check_parts(path: Path) -> None:
    """Refuse a main picture that is put together from others, for only the first of them could be shown."""
    if parts := made_of(path):
        raise UserError(
            f"{path} is stored in {parts}, of which only the first could be shown; convert it to JPEG or PNG first."
        )


def made_of(path: Path) -> str | None:
    """`tiles` or `layers` where the main picture is put together from others; None where it is a picture itself."""
    return DERIVED.get(_main_type(_described(path)))


def camera_wrote(path: Path) -> bytes | None:
    """The EXIF, which FFmpeg does not hand on: empty where there is none, None where it cannot be read."""
    meta = dict(_boxes(_described(path)))
    number = next((number for number, kind in _items(meta) if kind == "Exif"), None)
    if number is None:
        return b""
    with suppress(OSError, IndexError), path.open("rb") as file:
        content = b""
        for inside, place, length in _extents(BytesIO(meta[b"iloc"]), number):
            source = BytesIO(meta.get(b"idat", b"")) if inside else file
            source.seek(place)
            content += source.read(min(length, LONGEST))
        return content[4 + int.from_bytes(content[:4], "big") :] or None
    return None


def true_size(path: Path, width: int, height: int) -> tuple[int, int]:
    """The size that the picture states where it was coded with a row or a column more, else the size that came."""
    for name, content in _properties(path):
        stated = int.from_bytes(content[4:8], "big"), int.from_bytes(content[8:12], "big")
        if name == b"ispe" and (width - stated[0], height - stated[1]) in ((0, 1), (1, 0), (1, 1)):
            return stated
    return width, height


def is_mirrored(path: Path) -> bool:
    """Whether the picture is to be mirrored, which of FFmpeg's matrix PyAV does not tell where there is EXIF."""
    return any(name == b"imir" for name, _ in _properties(path))


def _png(file: BinaryIO, start: bytes) -> Head:
    width, height, _, colour = struct.unpack_from(">IIBB", start, 16)
    file.seek(33)
    for _ in range(MOST_SEGMENTS):
        chunk = file.read(8)
        length, name = int.from_bytes(chunk[:4], "big"), chunk[4:]
        if len(chunk) < 8:
            break
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
        if kind == 0xFF:  # filling; who takes it for a segment can be led to another size than the decoder's
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


def _gif(_: BinaryIO, start: bytes) -> Head:
    return Head(*struct.unpack_from("<HH", start, 6), False)


def _bmp(_: BinaryIO, start: bytes) -> Head:
    (length,) = struct.unpack_from("<I", start, 14)
    width, height = struct.unpack_from("<HH" if length == OS2 else "<ii", start, 18)
    return Head(abs(width), abs(height), False)


def _tiff(file: BinaryIO, start: bytes) -> Head:
    entries = dict(_tiff_entries(file, "<" if start[:2] == b"II" else ">", start))
    return Head(entries[TIFF_WIDTH], entries[TIFF_HEIGHT], TIFF_EXTRA in entries, TIFF_EXIF in entries)


def _tiff_entries(file: BinaryIO, order: str, start: bytes) -> Iterator[tuple[int, int]]:
    """Number and first value of what describes the first picture."""
    file.seek(struct.unpack_from(f"{order}I", start, 4)[0])
    for _ in range(*struct.unpack(f"{order}H", file.read(2))):
        name, kind, _, value = struct.unpack(f"{order}HHI4s", file.read(12))
        yield name, struct.unpack_from(f"{order}{'H' if kind == 3 else 'I'}", value)[0]


def has_alpha_beside(path: Path) -> bool:
    """Whether how opaque it is lies beside it, as a picture of its own."""
    return any(name == b"auxC" and b"alpha" in content for name, content in _properties(path))


def _properties(path: Path) -> Iterator[tuple[bytes, bytes]]:
    return _boxes(dict(_boxes(dict(_boxes(_described(path))).get(b"iprp", b""))).get(b"ipco", b""))


def _described(path: Path) -> bytes:
    """The part of a HEIC or AVIF that describes it; empty for anything else."""
    with suppress(OSError), path.open("rb") as file:
        head = file.read(12)
        if head[4:8] == b"ftyp" and head[8:].decode("latin-1") in BRANDS:
            return dict(_boxes(head + file.read(LONGEST))).get(b"meta", b"")[4:]
    return b""


def _main_type(meta: bytes) -> str:
    """The type of the primary item, such as hvc1, av01 or grid; empty where none is named."""
    boxes = dict(_boxes(meta))
    pitm = boxes.get(b"pitm", b"")
    main = int.from_bytes(pitm[4:] if pitm[:1] == b"\0" else pitm[4:8], "big")
    return next((kind for number, kind in _items(boxes) if number == main), "")


def _items(meta: dict[bytes, bytes]) -> Iterator[tuple[int, str]]:
    """Number and type of all that it holds."""
    iinf = meta.get(b"iinf", b"")
    for _, item in _boxes(iinf[6:] if iinf[:1] == b"\0" else iinf[8:]):
        width = 4 if item[:1] == b"\x03" else 2  # of the number; then two bytes of protection, then the type
        yield int.from_bytes(item[4 : 4 + width], "big"), item[6 + width : 10 + width].decode("latin-1")


def _extents(iloc: BytesIO, wanted: int) -> Iterator[tuple[bool, int, int]]:
    """Whether each part of an item lies in this description rather than in the file, where, and how long it is."""

    def number(width: int) -> int:
        return int.from_bytes(iloc.read(width), "big")

    version, _, widths = number(1), number(3), number(2)
    of_place, of_length, of_base, of_index = (widths >> shift & 15 for shift in (12, 8, 4, 0))
    for _ in range(min(number(4 if version == 2 else 2), MOST_ITEMS)):
        item = number(4 if version == 2 else 2)
        inside = bool(version and number(2) & 1)
        _, base = number(2), number(of_base)
        for _ in range(number(2)):
            _, place, length = number(of_index if version else 0), number(of_place), number(of_length)
            if item == wanted:
                yield inside, base + place, length


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


FORMATS: tuple[tuple[bytes, Callable[[BinaryIO, bytes], Head | None]], ...] = (
    (b"\x89PNG\r\n\x1a\n", _png),
    (b"\xff\xd8", _jpeg),
    (b"RIFF", _webp),
    (b"GIF8", _gif),
    (b"BM", _bmp),
    (b"II*\0", _tiff),
    (b"MM\0*", _tiff),
)
