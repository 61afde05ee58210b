"""The sound of the input on its way into the output: packets as they are, or encoded again where they must.

Times stay those of the input.  Packets are read only up to the video's current time, so that a film of any
length passes through a few seconds of memory.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import cast

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.error import FFmpegError, InvalidDataError, PatchWelcomeError
from av.packet import Packet

from keras_vst.video.decoding import open_container
from keras_vst.video.steady import SteadyTimes, time_origin
from keras_vst.video.stills import PICTURES

AAC, OPUS = "aac", "libopus"
ISO_CODECS = {"aac", "mp3", "mp3float", "ac3", "eac3", "alac", "opus", "libopus", "flac"}
CARRIED = {  # decoders whose packets a container takes as they are; Matroska lists its own
    ".mp4": ISO_CODECS,
    ".mov": ISO_CODECS - {"opus", "libopus", "flac"}
    | {"pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s32le", "pcm_f32le"},
    ".webm": {"opus", "libopus", "vorbis"},
    ".ts": {"aac", "mp3", "mp3float", "ac3", "eac3"},  # what players of HLS take
    ".flv": {"aac", "mp3", "mp3float"},
}
AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
OPUS_RATE = 48000
BITS_PER_CHANNEL = 96_000


def may_have_sound(uri: str | os.PathLike[str]) -> bool:
    """Whether an input is of a kind that can carry sound: not a picture, not a folder."""
    path = Path(uri)
    return path.suffix.lower() not in PICTURES and not path.is_dir()


@dataclass(frozen=True)
class Excerpt:
    """The sound of a file from `since` seconds on, which then is time 0, for `until` seconds.

    Sound that lasts longer than the pictures is kept, unless `with_pictures_only`.
    """

    uri: str
    until: Fraction | None = None
    since: Fraction = Fraction(0)
    with_pictures_only: bool = False


class Soundtrack:
    """All audio streams of one input, fed into an output in step with its pictures."""

    def __init__(self, excerpt: Excerpt, output: OutputContainer, extension: str) -> None:
        """Add a stream to `output`, a file of that extension, for each of the input's."""
        self._output, self._damaged = output, 0
        self._until, self._since = excerpt.until, excerpt.since
        self._input = open_container(excerpt.uri)
        try:
            self._start = time_origin(self._input) + excerpt.since
            streams = [stream for stream in self._input.streams.audio if stream.codec_context is not None]
            self._tracks = {stream.index: _Track(stream, output, extension) for stream in streams}
            self._packets = self._read(streams)
            self._next = next(self._packets, None)
        except BaseException:
            self.close()
            raise

    @property
    def skipped(self) -> int:
        """Damaged packets left out so far."""
        return self._damaged + sum(track.skipped for track in self._tracks.values())

    def advance(self, time: Fraction) -> None:
        """Hand on what is heard before `time`."""
        end = time if self._until is None else min(time, self._until)
        while self._next is not None and self._next[0] < end:
            self._hand_on()

    def finish(self, until: Fraction | None = None) -> None:
        """Hand on what is left, up to `until` when the pictures ended before the sound."""
        if until is not None:
            self._until = until if self._until is None else min(until, self._until)
        while self._next is not None and (self._until is None or self._next[0] < self._until):
            self._hand_on()
        for track in self._tracks.values():
            self._output.mux(track.packets(None))

    def close(self) -> None:
        """Let go of the input."""
        self._input.close()

    def _hand_on(self) -> None:
        assert self._next is not None
        packet = self._next[1]
        try:
            self._output.mux(self._tracks[packet.stream.index].packets(packet))
        except (InvalidDataError, PatchWelcomeError):  # what the container finds damaged
            self._damaged += 1
        self._next = next(self._packets, None)

    def _read(self, streams: list[AudioStream]) -> Iterator[tuple[Fraction, Packet]]:
        times = SteadyTimes(self._input)
        packets = self._input.demux(times.streams(self._input, [*streams])) if streams else iter(())
        while True:
            try:
                packet = next(packets, None)
            except FFmpegError:  # the file breaks off here
                return
            if packet is None:
                return
            times.mend(packet)
            ticks = packet.dts if packet.pts is None else packet.pts
            if (
                ticks is None or packet.stream.index not in self._tracks
            ):  # the empty packet at the end; pictures
                continue
            shift = round(self._start / packet.time_base)
            if ticks < shift and self._since > 0:
                continue
            packet.pts = None if packet.pts is None else packet.pts - shift
            packet.dts = None if packet.dts is None else packet.dts - shift
            yield (ticks - shift) * packet.time_base, packet


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
