"""The sound of the input on its way into the output: packets as they are, or encoded again where they must.

A file is opened a second time for its sound and subtitles.  What can be read only once, a pipe or a line, is read by
its `ClipSource` alone, which lays them aside in a `SharedFeed` while it reads the pictures.

Times stay those of the input.  Packets are read only up to the video's current time, so that a film of any
length passes through a few seconds of memory.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, cast

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError, InvalidDataError, PatchWelcomeError
from av.packet import Packet
from av.subtitles.stream import SubtitleStream

from keras_vst.frames import PICTURES
from keras_vst.video.base import Excerpt
from keras_vst.video.containers import SteadyTimes, has_words, open_container, time_origin, titles

if TYPE_CHECKING:
    from keras_vst.video.labels import WordTrack

AAC, OPUS = "aac", "libopus"
ISO_CODECS = {"aac", "mp3", "mp3float", "ac3", "eac3", "alac", "opus", "libopus", "flac"}
PCM = {"pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s32le", "pcm_f32le"}
CARRIED = {  # decoders whose packets a container takes as they are; Matroska lists its own
    ".mp4": ISO_CODECS,
    ".mov": ISO_CODECS - {"opus", "libopus", "flac"} | PCM,
    ".webm": {"opus", "libopus", "vorbis"},
    ".ts": {"aac", "mp3", "mp3float", "ac3", "eac3"},  # what players of HLS take
    ".flv": {"aac", "mp3", "mp3float"},
}
AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
OPUS_RATE = 48000
BITS_PER_CHANNEL = 96_000
OF_PICTURES = "title", "language"
MOST_UNCLAIMED = 4096  # packets that wait for somebody to take them: a minute and more

Companion: TypeAlias = AudioStream | SubtitleStream


def may_have_sound(uri: str | os.PathLike[str]) -> bool:
    """Whether an input is of a kind that can carry sound: not a picture, not a folder."""
    path = Path(uri)
    return path.suffix.lower() not in PICTURES and not path.is_dir()


class Feed:
    """Packets of sound and subtitles, in the order of the file, from a container opened for this."""

    def __init__(self, container: InputContainer) -> None:
        self.container = container
        self.start = time_origin(container)  # their times are counted from there
        every = (*container.streams.audio, *container.streams.subtitles)
        self.streams: list[Companion] = [stream for stream in every if stream.codec_context is not None]
        self._packets = self._read() if self.streams else iter(())

    def take(self) -> Packet | None:
        """The next one; None while there is none, or at the end."""
        return next(self._packets, None)

    def claim(self) -> None:
        """Said by whoever will take them, and call `close`."""

    def close(self) -> None:
        self.container.close()

    def _read(self) -> Iterator[Packet]:
        times = SteadyTimes(self.container)
        with suppress(FFmpegError):  # the file breaks off here
            for packet in self.container.demux(times.streams(self.container, [*self.streams])):
                times.mend(packet)
                yield packet


class SharedFeed(Feed):
    """What the reader of the pictures comes across; the container is closed when both have let go of it."""

    def __init__(self, container: InputContainer) -> None:
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


class Soundtrack:
    """The sound and the subtitles of one input, fed into an output in step with its pictures."""

    def __init__(self, excerpt: Excerpt, output: OutputContainer, extension: str) -> None:
        """Add a stream to `output`, a file of that extension, for each of the input's that goes into it."""
        self._output, self._damaged = output, 0
        self.notes: tuple[str, ...] = ()
        self.titles: dict[str, str] = {}
        self._until, self._since = excerpt.until, excerpt.since
        self._feed = excerpt.shared or Feed(open_container(excerpt.uri))
        self._feed.claim()
        try:
            self._start = self._feed.start + excerpt.since
            self._copy_labels(output, extension)
            self._tracks: dict[int, _Track | WordTrack] = {}
            for stream in self._feed.streams:
                if not isinstance(stream, SubtitleStream):
                    self._tracks[stream.index] = _Track(stream, output, extension)
                    continue
                from keras_vst.video.labels import WordTrack, fits

                if fits(stream.codec_context.name, extension):
                    self._tracks[stream.index] = WordTrack(stream, output, extension)
            self._next: tuple[Fraction, Packet] | None = None
        except BaseException:
            self.close()
            raise

    def _copy_labels(self, output: OutputContainer, extension: str) -> None:
        """What is said of the pictures, and where there is more than pictures and sound the rest."""
        source = self._feed.container
        for theirs, ours in zip(source.streams.video, output.streams.video, strict=False):
            ours.metadata.update(
                {name: theirs.metadata[name] for name in OF_PICTURES if name in theirs.metadata}
            )
        if has_words(source) or len(source.streams.video) > 1:  # a cover is no word
            from keras_vst.video.labels import copy_labels, left_behind

            self.notes, self.titles = left_behind(source, extension), titles(source)
            copy_labels(source, output, extension, self._since, self._until)

    @property
    def skipped(self) -> int:
        """Damaged packets left out so far."""
        return self._damaged + sum(track.skipped for track in self._tracks.values())

    def advance(self, until: Fraction | None) -> None:
        """Hand on what is heard before that time; all that is left where it is None."""
        ends = [end for end in (self._until, until) if end is not None]
        while (came := self._peek()) is not None and (not ends or came[0] < min(ends)):
            self._next, packet = None, came[1]
            try:
                self._output.mux(self._tracks[packet.stream.index].packets(packet))
            except (InvalidDataError, PatchWelcomeError):  # what the container finds damaged
                self._damaged += 1

    def finish(self, until: Fraction | None = None) -> None:
        """Hand on what is left, up to `until` when the pictures ended before the sound."""
        self.advance(until)
        for track in self._tracks.values():
            self._output.mux(track.packets(None))

    def close(self) -> None:
        self._feed.close()

    def _peek(self) -> tuple[Fraction, Packet] | None:
        """The next packet and its time, which is counted from the excerpt's start; None while there is none."""
        while self._next is None and (packet := self._feed.take()) is not None:
            ticks = packet.dts if packet.pts is None else packet.pts
            if ticks is None or packet.stream.index not in self._tracks:  # the empty one at the end; pictures
                continue
            shift = round(self._start / packet.time_base)
            if ticks < shift and self._since > 0:
                continue
            packet.pts = None if packet.pts is None else packet.pts - shift
            packet.dts = None if packet.dts is None else packet.dts - shift
            self._next = (ticks - shift) * packet.time_base, packet
        return self._next


class _Track:
    """One stream of the output: packets go over byte for byte, or are encoded again where they may not go in."""

    def __init__(self, source: AudioStream, output: OutputContainer, extension: str) -> None:
        self._last, self.skipped = -(2**62), 0
        self._bare = source.codec_context.name == "aac" and not source.codec_context.extradata
        self._resampler: av.AudioResampler | None = None
        if source.codec_context.name in CARRIED.get(extension, output.supported_codecs):
            self._stream = output.add_stream_from_template(source)
        else:
            codec = OPUS if extension == ".webm" else AAC
            rate = source.rate if codec == AAC and source.rate in AAC_RATES else OPUS_RATE
            layout = "mono" if source.channels == 1 else "stereo"
            self._stream = cast(AudioStream, output.add_stream(codec, rate=rate, layout=layout))
            self._stream.bit_rate = BITS_PER_CHANNEL * (1 if layout == "mono" else 2)
            self._resampler = av.AudioResampler(format=self._stream.format, layout=layout, rate=rate)
        self._stream.metadata.update(source.metadata)
        self._stream.disposition = source.disposition

    def packets(self, packet: Packet | None) -> list[Packet]:
        """What one packet of the input becomes, None for what is left at the end."""
        if self._resampler is not None:
            packets = [part for sound in self._sounds(packet) for part in self._stream.encode(sound)]
        elif packet is not None and self._bare and not _is_adts(packet):
            packets, self.skipped = [], self.skipped + 1
        else:
            packets = [] if packet is None else [packet]
        return [self._in_order(packet) for packet in packets]

    def _sounds(self, packet: Packet | None) -> list[av.AudioFrame | None]:
        """Decoded sound as the encoder takes it; None ends it."""
        assert self._resampler is not None
        if packet is None:
            return [*self._resampler.resample(None), None]
        try:
            sounds = [sound for sound in packet.decode() if isinstance(sound, av.AudioFrame)]
            return [part for sound in sounds for part in self._resampler.resample(sound)]
        except (FFmpegError, ValueError):  # damaged, or of another layout than the rest: a moment of silence
            self.skipped += 1
            return []

    def _in_order(self, packet: Packet) -> Packet:
        """A packet that goes back in time, as in a spliced file, is moved to one tick after the last."""
        tick = ceil((self._stream.time_base or packet.time_base) / packet.time_base)
        dts = packet.pts if packet.dts is None else packet.dts
        if dts is not None and dts < self._last + tick:
            packet.dts = dts = self._last + tick
            packet.pts = dts if packet.pts is None else max(packet.pts, dts)
        self._last = self._last if dts is None else dts
        packet.stream = self._stream
        return packet


def _is_adts(packet: Packet) -> bool:
    """Whether AAC that comes without a description of itself has one in this packet, as it must (MPEG-TS)."""
    head = bytes(memoryview(packet)[:2])
    return len(head) == 2 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0
