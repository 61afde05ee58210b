"""The packets of a clip on their way: its container opened, their times in one piece, those of sound laid aside.

A file is opened a second time for its sound and subtitles.  What can be read only once, a pipe or a line, is read by
its `ClipSource` alone, which lays them aside here while it reads the pictures.

Whoever reads one file twice has to get the same times: so each reader shows `SteadyTimes` the packets of all streams,
in the order of the file, and all streams share the offsets that are found.
"""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.format import Flags
from av.packet import Packet
from av.stream import Stream
from av.subtitles.stream import SubtitleStream

from keras_vst.errors import UserError

PATIENCE = 8.0, 5.0  # seconds to connect to an address, and for anything to come from it
MOST_UNCLAIMED = 4096  # packets that wait for somebody to take them: a minute and more

Companion: TypeAlias = AudioStream | SubtitleStream
# FFmpeg's own limits, in seconds.
LEAP = 10  # further ahead than anything so far is no pause but another clock
BACK = Fraction(1, 10)


class Feed(ABC):
    """Packets of sound and subtitles, in the order of the file."""

    def __init__(self, container: InputContainer) -> None:
        """Find out what there is."""
        self.container = container
        self.start = time_origin(container)  # their times are counted from there
        every = (*container.streams.audio, *container.streams.subtitles)
        self.streams: list[Companion] = [stream for stream in every if stream.codec_context is not None]

    @abstractmethod
    def take(self) -> Packet | None:
        """The next one; None while there is none, or at the end."""

    def claim(self) -> None:  # noqa: B027
        """Said by whoever will take them, and call `close`."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the container."""


class OwnFeed(Feed):
    """A file, opened for this."""

    def __init__(self, uri: str) -> None:
        """Open it."""
        super().__init__(open_container(uri))
        self._packets = self._read() if self.streams else iter(())

    def take(self) -> Packet | None:
        """Read on."""
        return next(self._packets, None)

    def close(self) -> None:
        """Let go of the file."""
        self.container.close()

    def _read(self) -> Iterator[Packet]:
        times = SteadyTimes(self.container)
        packets = self.container.demux(times.streams(self.container, [*self.streams]))
        while True:
            try:
                packet = next(packets, None)
            except FFmpegError:  # the file breaks off here
                return
            if packet is None:
                return
            times.mend(packet)
            yield packet


class SharedFeed(Feed):
    """What the reader of the pictures comes across; the container is closed when both have let go of it."""

    def __init__(self, container: InputContainer) -> None:
        """Nothing has come yet."""
        super().__init__(container)
        self._waiting: deque[Packet] = deque()
        self._holders, self._claimed = 1, False
        self._lock = threading.Lock()

    def put(self, packet: Packet) -> None:
        """Lay one aside; where nobody wants them they are not kept for ever."""
        if self._claimed or len(self._waiting) < MOST_UNCLAIMED:
            self._waiting.append(packet)
        else:
            self._waiting.clear()

    def take(self) -> Packet | None:
        """What has come so far."""
        return self._waiting.popleft() if self._waiting else None

    def claim(self) -> None:
        """The container has to stay open for the packets."""
        with self._lock:
            self._holders, self._claimed = self._holders + 1, True

    def close(self) -> None:
        """One of the two lets go."""
        with self._lock:
            self._holders -= 1
            if self._holders == 0:
                self._waiting.clear()
                self.container.close()


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
