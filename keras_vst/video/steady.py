"""Times that leap or run backwards, as in joined recordings, brought into one piece, as FFmpeg brings them.

Whoever reads one file twice, for its pictures and for its sound, has to get the same times: so each reader shows this
the packets of all streams, in the order of the file, and all streams share the offsets that are found.
"""

from __future__ import annotations

from fractions import Fraction

from av.container import InputContainer
from av.format import Flags
from av.packet import Packet
from av.stream import Stream

# FFmpeg's own limits, in seconds.
LEAP = 10  # further ahead than anything so far is no pause but another clock
BACK = Fraction(1, 10)


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
