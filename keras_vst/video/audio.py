"""The sound of the input on its way into the output: packets as they are, or encoded again where they must.

Times stay those of the input.  Packets are read only up to the video's current time, so that a film of any
length passes through a few seconds of memory.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import cast

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet

from keras_vst.video.pictures import PICTURES
from keras_vst.video.source import open_container, time_origin

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

    def __init__(
        self,
        uri: str,
        output: OutputContainer,
        extension: str,
        until: Fraction | None,
        since: Fraction = Fraction(0),
    ) -> None:
        """Add a stream to `output` for each of the input's; `since` is then time 0, `until` counts from there."""
        self._output = output
        self._until, self._since = until, since
        self._input = open_container(uri)
        try:
            self._start = time_origin(self._input) + since
            streams = [stream for stream in self._input.streams.audio if stream.codec_context is not None]
            self._tracks = {stream.index: _track(stream, output, extension) for stream in streams}
            self._packets = self._read(streams)
            self._next = next(self._packets, None)
        except BaseException:
            self.close()
            raise

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
            self._output.mux(track.rest())

    def close(self) -> None:
        """Let go of the input."""
        self._input.close()

    def _hand_on(self) -> None:
        assert self._next is not None
        packet = self._next[1]
        self._output.mux(self._tracks[packet.stream.index].packets(packet))
        self._next = next(self._packets, None)

    def _read(self, streams: list[AudioStream]) -> Iterator[tuple[Fraction, Packet]]:
        packets = self._input.demux(streams) if streams else iter(())
        while True:
            try:
                packet = next(packets, None)
            except FFmpegError:  # the file breaks off here
                return
            if packet is None:
                return
            ticks = packet.dts if packet.pts is None else packet.pts
            if ticks is None:  # the empty packet at the end
                continue
            shift = round(self._start / packet.time_base)
            if ticks < shift and self._since > 0:
                continue
            packet.pts = None if packet.pts is None else packet.pts - shift
            packet.dts = None if packet.dts is None else packet.dts - shift
            yield (ticks - shift) * packet.time_base, packet


class _Track:
    """One stream of the output and how far it has come."""

    def __init__(self, source: AudioStream, stream: AudioStream) -> None:
        self._stream = stream
        self._stream.metadata.update(source.metadata)
        self._last = -(2**62)

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


class _Copied(_Track):
    """A stream whose packets go over byte for byte."""

    def __init__(self, source: AudioStream, output: OutputContainer) -> None:
        super().__init__(source, output.add_stream_from_template(source))

    def packets(self, packet: Packet) -> list[Packet]:
        return [self._in_order(packet)]

    def rest(self) -> list[Packet]:
        return []


class _Transcoded(_Track):
    """A stream that is decoded and encoded again, as mono or stereo."""

    def __init__(self, source: AudioStream, output: OutputContainer, codec: str) -> None:
        rate = source.rate if codec == AAC and source.rate in AAC_RATES else OPUS_RATE
        layout = "mono" if source.channels == 1 else "stereo"
        super().__init__(source, cast(AudioStream, output.add_stream(codec, rate=rate, layout=layout)))
        self._stream.bit_rate = BITS_PER_CHANNEL * (1 if layout == "mono" else 2)
        self._resampler = av.AudioResampler(format=self._stream.format, layout=layout, rate=rate)

    def packets(self, packet: Packet) -> list[Packet]:
        try:
            sounds = [sound for sound in packet.decode() if isinstance(sound, av.AudioFrame)]
            parts = [part for sound in sounds for part in self._resampler.resample(sound)]
        except (FFmpegError, ValueError):  # damaged, or of another layout than the rest: a moment of silence
            return []
        return self._encode(parts)

    def rest(self) -> list[Packet]:
        return self._encode([*self._resampler.resample(None), None])

    def _encode(self, sounds: Sequence[av.AudioFrame | None]) -> list[Packet]:
        return [self._in_order(packet) for sound in sounds for packet in self._stream.encode(sound)]


def _track(stream: AudioStream, output: OutputContainer, extension: str) -> _Copied | _Transcoded:
    carried = CARRIED.get(extension, output.supported_codecs)
    if stream.codec_context.name in carried:
        return _Copied(stream, output)
    return _Transcoded(stream, output, OPUS if extension == ".webm" else AAC)
