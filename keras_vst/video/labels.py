"""What a clip says of itself beside pictures, sound and subtitles: titles, chapters, fonts; and what is left behind."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
from av.container import InputContainer, OutputContainer
from av.stream import AttachmentStream, Disposition, Stream

from keras_vst.video.words import fits

if TYPE_CHECKING:
    from av.container.core import Chapter

TECHNICAL = (
    "major_brand",
    "minor_version",
    "compatible_brands",
    "encoder",
    "duration",
    "handler_name",
    "vendor_id",
)
OF_PICTURES = "title", "language"
CHAPTERED = (".mp4", ".mov", ".mkv", ".webm")


def has_words(container: InputContainer) -> bool:
    """Whether there are subtitles, chapters or titles."""
    return bool(container.streams.subtitles or container.chapters() or titles(container))


def titles(container: InputContainer | OutputContainer) -> dict[str, str]:
    """Title, author, date and what else a person wrote into a file, by lower-case names."""
    said = {name.lower(): value for name, value in container.metadata.items()}
    return {name: value for name, value in said.items() if name not in TECHNICAL}


def copy_labels(
    source: InputContainer, output: OutputContainer, extension: str, since: Fraction, until: Fraction | None
) -> None:
    """Titles, chapters and fonts, before the first packet; `since` is time 0 of the output, which ends at `until`."""
    output.metadata.update(titles(source))
    for theirs, ours in zip(source.streams.video, output.streams.video, strict=False):
        ours.metadata.update({name: theirs.metadata[name] for name in OF_PICTURES if name in theirs.metadata})
    if extension in CHAPTERED and (chapters := list(_cut(source.chapters(), since, until))):
        output.set_chapters(chapters)
    for stream in source.streams.attachments if extension == ".mkv" else ():
        if isinstance(stream, AttachmentStream) and stream.name and stream.mimetype:
            output.add_attachment(stream.name, stream.mimetype, stream.data)


def left_behind(source: InputContainer, extension: str) -> tuple[str, ...]:
    """Which of the source's streams do not go into a file of that extension, each in a few words."""
    return tuple(f"{extension} takes no {what}; left out" for what in _unfit(source, extension))


def titles_lost(source: dict[str, str], target: Path) -> tuple[str, ...]:
    """Which of the source's titles are not in the file that was made."""
    with av.open(str(target), metadata_errors="replace") as made:
        kept = titles(made)
    lost = sorted(
        name for name in source if name.partition("-")[0] not in kept
    )  # location-eng is the location
    return (f"{target.suffix} holds no {', '.join(lost)}; left out",) if lost else ()


def _unfit(source: InputContainer, extension: str) -> Iterator[str]:
    chapters = source.chapters()
    if chapters and extension not in CHAPTERED:
        yield "chapters"
    pictures = [
        stream for stream in source.streams.video if not stream.disposition & Disposition.attached_pic
    ]
    if len(pictures) > 1:
        yield f"second picture ({len(pictures) - 1} more)"
    if len(pictures) < len(source.streams.video):
        yield "cover picture"
    for stream in source.streams.subtitles:
        codec = stream.codec_context.name if stream.codec_context else "unknown"
        if not fits(codec, extension):
            yield f"subtitles of the kind {codec}{_language(stream)}"
    if source.streams.attachments and extension != ".mkv":
        yield "fonts or other attachments"
    # MP4 keeps its chapters in a stream of data too.
    of_chapters = 1 if chapters and "mp4" in source.format.name else 0
    if len(source.streams.data) > of_chapters:
        yield "data beside sound and picture"


def _language(stream: Stream) -> str:
    return f" ({stream.language})" if stream.language else ""


def _cut(chapters: list[Chapter], since: Fraction, until: Fraction | None) -> Iterator[Chapter]:
    for chapter in chapters:
        base = chapter["time_base"] or Fraction(1, av.time_base)
        start, end = chapter["start"] * base - since, chapter["end"] * base - since
        end = end if until is None else min(end, until)
        if end > max(start, 0):
            yield {**chapter, "start": round(max(start, Fraction(0)) / base), "end": round(end / base)}
