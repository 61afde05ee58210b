"""What a clip says of itself beside pictures and sound, titles, chapters, fonts, subtitles; and what is left behind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import AttachmentStream, Disposition, Stream
from av.subtitles.stream import SubtitleStream
from av.subtitles.subtitle import AssSubtitle

from keras_vst.video.base import Excerpt
from keras_vst.video.containers import open_container, second_pictures, titles
from keras_vst.video.sound import may_have_sound

if TYPE_CHECKING:
    from av.container.core import Chapter

CHAPTERED = (".mp4", ".mov", ".mkv", ".webm")
SOUNDING = (*CHAPTERED, ".ts", ".flv")
# What holds plain text there.
PLAIN = {".mp4": "mov_text", ".mov": "mov_text", ".mkv": "subrip", ".webm": "webvtt"}
TEXTS = {"subrip", "srt", "ass", "ssa", "mov_text", "webvtt", "text"}  # decoders whose subtitles are text
# Decoders whose packets Matroska takes.
MATROSKA = TEXTS - {"mov_text"} | {"pgssub", "hdmv_pgs_subtitle", "dvdsub", "dvbsub"}

STYLING = re.compile(rb"\{\\[^}]*\}")  # of what FFmpeg decodes all subtitles to


def copy_labels(
    source: InputContainer, output: OutputContainer, extension: str, since: Fraction, until: Fraction | None
) -> None:
    """Titles, chapters and fonts, before the first packet; `since` is time 0 of the output, which ends at `until`."""
    output.metadata.update(titles(source))
    if extension in CHAPTERED and (chapters := list(_cut(source.chapters(), since, until))):
        output.set_chapters(chapters)
    for stream in source.streams.attachments if extension == ".mkv" else ():
        if isinstance(stream, AttachmentStream) and stream.name and stream.mimetype:
            output.add_attachment(stream.name, stream.mimetype, stream.data)


def left_behind(source: InputContainer, extension: str) -> tuple[str, ...]:
    """Which of the source's streams do not go into a file of that extension, each in a few words."""
    return tuple(f"{extension} takes no {what}; left out" for what in _unfit(source, extension))


def lost(excerpt: Excerpt | None, kind: str) -> tuple[str, ...]:
    """What of an input does not go into an output of that kind, which has pictures alone; a line each."""
    if excerpt is None or not may_have_sound(excerpt.uri):
        return ()
    if excerpt.shared is not None:
        return left_behind(excerpt.shared.container, kind)
    with closing(open_container(excerpt.uri)) as container:
        return left_behind(container, kind)


def titles_lost(source: dict[str, str], target: Path) -> tuple[str, ...]:
    """Which of the source's titles are not in the file that was made."""
    with av.open(str(target), metadata_errors="replace") as made:
        kept = titles(made)
    # `location-eng` is the location.
    lost = sorted(name for name in source if name.partition("-")[0] not in kept)
    return (f"{target.suffix} holds no {', '.join(lost)}; left out",) if lost else ()


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
        self._stream.metadata.update(source.metadata)
        self._stream.disposition = source.disposition

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


def _unfit(source: InputContainer, extension: str) -> Iterator[str]:
    chapters = source.chapters()
    if extension not in SOUNDING:
        yield from ["sound"] if source.streams.audio else []
        yield from [", ".join(sorted(titles(source)))] if titles(source) else []
    if chapters and extension not in CHAPTERED:
        yield "chapters"
    if others := second_pictures(source):
        yield f"second picture ({others} more)"
    if any(stream.disposition & Disposition.attached_pic for stream in source.streams.video):
        yield "cover picture"
    for stream in source.streams.subtitles:
        codec = stream.codec_context.name if stream.codec_context else "unknown"
        if not fits(codec, extension):
            language = f" ({stream.language})" if stream.language else ""
            yield f"subtitles of the kind {codec}{language}"
    if source.streams.attachments and extension != ".mkv":
        yield "fonts or other attachments"
    # MP4 keeps its chapters in a stream of data too.
    of_chapters = 1 if chapters and "mp4" in source.format.name else 0
    if len(source.streams.data) > of_chapters:
        yield "data beside sound and picture"


def _cut(chapters: list[Chapter], since: Fraction, until: Fraction | None) -> Iterator[Chapter]:
    for chapter in chapters:
        base = chapter["time_base"] or Fraction(1, av.time_base)
        start, end = chapter["start"] * base - since, chapter["end"] * base - since
        end = end if until is None else min(end, until)
        if end > max(start, 0):
            yield {**chapter, "start": round(max(start, Fraction(0)) / base), "end": round(end / base)}


def _as_is(codec: str, extension: str) -> bool:
    return codec in MATROSKA if extension == ".mkv" else codec == PLAIN.get(extension)


def _text(packet: Packet) -> bytes:
    """Plain text of at most what a packet of MP4 holds; damaged ones are empty."""
    with suppress(FFmpegError, ValueError):
        lines = [each.dialogue for each in packet.decode() if isinstance(each, AssSubtitle)]
        return STYLING.sub(b"", b"\n".join(lines))[:65535]
    return b""
