"""A clip's container: opened, what it holds, its times in one piece, and whether it ends before it says that it does.

Whoever reads one file twice has to get the same times: so each reader shows `SteadyTimes` the packets of all streams,
in the order of the file, and all streams share the offsets that are found.

Of its end only what a format states is believed: the length of a box, a segment or a chunk, the mark at the end.  A
format that states nothing, such as MPEG-TS cut between two packets, is whole wherever it ends.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.format import Flags
from av.packet import Packet
from av.stream import Disposition, Stream

from keras_vst.errors import UserError

PATIENCE = 8.0, 5.0  # seconds to connect to an address, and for anything to come from it
# FFmpeg's own limits, in seconds.
LEAP = 10  # further ahead than anything so far is no pause but another clock
BACK = Fraction(1, 10)
FILM_BRANDS = ("avis", "msf1", "hevc")  # of AVIF and HEIC that hold a film beside a still
# Of all AVIF and HEIC.
BRANDS = (*FILM_BRANDS, "mif1", "heic", "heix", "heim", "heis", "avif", "MiHE", "MiPr")
TECHNICAL = ["major_brand", "minor_version", "compatible_brands", "encoder", "duration"]
TECHNICAL += ["handler_name", "vendor_id"]
BOXES = (b"ftyp", b"mdat", b"moov", b"moof", b"meta")  # of MP4, MOV, HEIC and AVIF; others are not missed


def open_container(uri: str | os.PathLike[str]) -> InputContainer:
    """Open a clip for reading, or raise a UserError that says why it cannot be."""
    uri = os.fspath(uri)
    try:
        # A file's own labels may be in any encoding; they must not stop us.
        remote = "://" in uri
        name = uri if remote else str(Path(uri).absolute())
        container = av.open(name, metadata_errors="replace", timeout=PATIENCE if remote else None)
    except FFmpegError as error:
        raise _unreadable(uri, error.strerror or type(error).__name__) from error
    if container.format.name == "tty":  # FFmpeg would show a .txt file as a film of a terminal
        container.close()
        raise _unreadable(uri, "it is text")
    return container


def has_words(container: InputContainer) -> bool:
    """Whether there is more than pictures and sound: subtitles, chapters, titles, fonts, a second picture."""
    streams = container.streams
    more = streams.subtitles or streams.attachments or streams.data or second_pictures(container)
    return bool(more or container.chapters() or titles(container))


def titles(container: InputContainer | OutputContainer) -> dict[str, str]:
    """Title, author, date and what else a person wrote into a file, by lower-case names."""
    said = {name.lower(): value for name, value in container.metadata.items()}
    return {name: value for name, value in said.items() if name not in TECHNICAL}


def second_pictures(source: InputContainer) -> int:
    """Streams of pictures that are neither the first nor a cover; beside a HEIC or AVIF lies but what it is made of."""
    if source.metadata.get("major_brand", "") in BRANDS:
        return 0
    pictures = [each for each in source.streams.video if not each.disposition & Disposition.attached_pic]
    return max(0, len(pictures) - 1)


class SteadyTimes:
    """Mends the times of packets in place; of formats whose clock may be set anew, as MPEG-TS, alone."""

    def __init__(self, container: InputContainer) -> None:
        """Find out whether this format's clock may leap, and where it begins."""
        self.active = bool(container.format.flags & Flags.ts_discont.value)
        self._offsets = [Fraction(0)]  # of one stretch of the file after the other
        self._stretch: dict[int, int] = {}  # where each stream is
        self._last: dict[int, Fraction] = {}  # its last time, mended
        self._next: dict[int, Fraction] = {}  # and when its next packet should come
        self._furthest = time_origin(container)

    @property
    def mended(self) -> int:
        """How many leaps there were so far."""
        return len(self._offsets) - 1

    def streams(self, container: InputContainer, wanted: list[Stream]) -> list[Stream]:
        """What has to be read so that `mend` sees what it needs."""
        if not self.active:
            return wanted
        clocked = [*container.streams.video, *container.streams.audio]
        seen = {stream.index for stream in clocked}
        return [*clocked, *(stream for stream in wanted if stream.index not in seen)]

    def mend(self, packet: Packet) -> None:
        """Set right the times of one packet."""
        if not self.active or packet.dts is None or not packet.time_base:
            return
        index, base = packet.stream.index, packet.time_base
        raw, first = packet.dts * base, index not in self._last
        expected = self._next.get(index, self._furthest)
        # The stretch that continues the stream best; a packet of the old one may come late.
        stretches = range(self._stretch.get(index, 0), len(self._offsets))
        stretch = min(stretches, key=lambda each: abs(raw + self._offsets[each] - expected))
        time = raw + self._offsets[stretch]
        earliest = expected - LEAP if first else self._last[index] - BACK
        if time < earliest or time > max(expected, self._furthest) + LEAP:
            self._offsets.append(expected - raw)
            stretch, time = self.mended, expected
        shift = round(self._offsets[stretch] / base)
        packet.dts += shift
        packet.pts = None if packet.pts is None else packet.pts + shift
        self._stretch[index], self._last[index] = stretch, time
        self._next[index] = time + (packet.duration or 0) * base
        self._furthest = max(self._furthest, self._next[index])


def time_origin(container: InputContainer) -> Fraction:
    """What to take off every time: the first one if the format's clock starts anywhere (MPEG-TS), else 0."""
    if not container.format.flags & Flags.ts_discont.value:
        return Fraction(0)
    starts = [
        s.start_time * s.time_base for s in container.streams if s.start_time is not None and s.time_base
    ]
    return min(starts, default=Fraction(0))


def _unreadable(uri: str, reason: str) -> UserError:
    return UserError(
        f"{uri} cannot be read as a clip ({reason}); expected a video, a GIF or a picture. "
        "Check that it is whole and that it plays, or export it again."
    )


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
    value = int.from_bytes(bytes([first - (1 << (7 - more))]) + file.read(more), "big")
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
