"""The subtitles of the input on their way into the output: packets as they are, or as plain text where they must be."""

from __future__ import annotations

import re
from contextlib import suppress

from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from av.subtitles.stream import SubtitleStream
from av.subtitles.subtitle import AssSubtitle

PLAIN = {
    ".mp4": "mov_text",
    ".mov": "mov_text",
    ".mkv": "subrip",
    ".webm": "webvtt",
}  # what holds plain text there
TEXTS = {"subrip", "srt", "ass", "ssa", "mov_text", "webvtt", "text"}  # decoders whose subtitles are text
MATROSKA = TEXTS - {"mov_text"} | {
    "pgssub",
    "hdmv_pgs_subtitle",
    "dvdsub",
    "dvbsub",
}  # decoders whose packets it takes

STYLING = re.compile(rb"\{\\[^}]*\}")  # of what FFmpeg decodes all subtitles to


class WordTrack:
    """One stream of subtitles."""

    skipped = 0

    def __init__(self, source: SubtitleStream, output: OutputContainer, extension: str) -> None:
        """Add a stream to the output; ask `fits` first."""
        codec, self._plain = source.codec_context.name, PLAIN[extension]
        self._as_is = _as_is(codec, extension)
        self._stream: Stream
        if self._as_is:
            self._stream = output.add_stream_from_template(source)
        else:
            self._stream = output.add_mux_stream(self._plain)
            self._stream.time_base = source.time_base
        carry_over(source, self._stream)

    def packets(self, packet: Packet | None) -> list[Packet]:
        """What one packet of the input becomes; there is nothing left at the end."""
        if packet is None:
            return []
        written = packet if self._as_is else self._as_text(packet)
        written.stream = self._stream
        return [written] if written.size else []

    def _as_text(self, packet: Packet) -> Packet:
        text = _text(packet)
        plain = Packet(len(text).to_bytes(2, "big") + text if self._plain == "mov_text" else text)
        plain.pts, plain.dts, plain.duration = packet.pts, packet.dts, packet.duration or 0
        plain.time_base = packet.time_base
        return plain


def fits(codec: str, extension: str) -> bool:
    """Whether subtitles of a decoder can go into a file, be it as plain text."""
    return extension in PLAIN and (codec in TEXTS or _as_is(codec, extension))


def carry_over(source: Stream, target: Stream) -> None:
    """Language, title and what a player takes by default."""
    target.metadata.update(source.metadata)
    target.disposition = source.disposition


def _as_is(codec: str, extension: str) -> bool:
    return codec in MATROSKA if extension == ".mkv" else codec == PLAIN.get(extension)


def _text(packet: Packet) -> bytes:
    """Plain text of at most what a packet of MP4 holds; damaged ones are empty."""
    with suppress(FFmpegError, ValueError):
        lines = [each.dialogue for each in packet.decode() if isinstance(each, AssSubtitle)]
        return STYLING.sub(b"", b"\n".join(lines))[:65535]
    return b""
