"""What a written file says of itself: which network painted it, after what, and that a trained network did.

Pictures, GIF, MP4 and MOV get an XMP packet, bytes behind or between what their encoders wrote, whose pixels stay as
they are; Matroska and WebM, and MP4 and MOV too, a comment, since players show no XMP.  The term is IPTC's
`compositeWithTrainedAlgorithmicMedia`, "edited with generative AI": what is painted was a picture before
(http://cv.iptc.org/newscodes/digitalsourcetype/); `AISystemUsed` is of the IPTC's standard 2025.1.

The pictures of a folder say `Software: keras_vst` whatever else they say, so that no other folder of numbered pictures
is ever replaced.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from keras_vst import __version__

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
JPEG_XMP = b"http://ns.adobe.com/xap/1.0/\0"
# The box that Adobe's XMP specification, part 3, names.
MP4_XMP = bytes.fromhex("BE7ACFCB97A942E89C71999491E3AFAC")
GIF_XMP = b"\x21\xff\x0bXMP DataXMP"
GIF_END = bytes([1, *range(255, -1, -1), 0])  # lets a reader that counts in blocks find the end of the packet
TAIL = 8192  # bytes at the end of a file, in which its packet is
WEBP_HAS_XMP, WEBP_HAS_ALPHA = 0x04, 0x10
NUMBERED = re.compile(r"\d{6,}\.png")
PNG_HEAD = 33  # bytes of a PNG's own mark and its first chunk, behind which other chunks may stand
LONGEST_SERVICE = 255  # bytes of a name in MPEG-TS


@dataclass(frozen=True)
class Provenance:
    """Who made a file: a network, called as on the command line, or several in turn, and what they learned from."""

    network: str = ""  # where it is told at the end only, or not at all
    style: str = ""  # picture, artist and year, or what a look is
    version: str = __version__

    def told(self) -> str:
        """One sentence for people."""
        network = f" with the network {self.network}" if self.network else ""
        return f"Painted by keras_vst {self.version}{network}" + (f" ({self.style})" if self.style else "")

    def tags(self) -> dict[str, str]:
        """For containers with labels of their own; MP4 and MOV keep the comment only."""
        return {"comment": self.told(), "DigitalSourceType": SOURCE_TYPE}

    def service(self) -> dict[str, str]:
        """For MPEG-TS, which has no labels, but a service with a name and a provider."""
        name = self.told().encode()[:LONGEST_SERVICE].decode(errors="ignore")
        return {"service_name": name, "service_provider": SOURCE_TYPE}

    def xmp(self) -> bytes:
        """The packet."""
        said = {
            "xmp:CreatorTool": f"keras_vst {self.version}",
            "Iptc4xmpExt:DigitalSourceType": SOURCE_TYPE,
            "Iptc4xmpExt:AISystemUsed": f"keras_vst: {self.network}",
            "Iptc4xmpExt:AISystemVersionUsed": self.version,
        }
        attributes = "".join(f"\n   {name}={quoteattr(value)}" for name, value in said.items())
        return f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
   xmlns:dc="http://purl.org/dc/elements/1.1/"
   xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"{attributes}>
   <dc:description><rdf:Alt><rdf:li xml:lang="x-default">{escape(self.told())}</rdf:li></rdf:Alt></dc:description>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>""".encode()

    def marked(self, content: bytes, extension: str) -> bytes:
        """A whole picture file with the packet in it; of another extension, or no such file, as it was."""
        insert = _INSERTS.get(extension)
        return insert(content, self.xmp()) if insert else content

    def mark(self, path: Path) -> None:
        """The same of a finished file, whatever its length: to a clip the packet is appended."""
        extension = path.suffix.lower()
        if extension in (".mp4", ".mov"):
            with path.open("ab") as file:
                file.write(_box(self.xmp()))
        elif extension in _INSERTS:
            path.write_bytes(self.marked(path.read_bytes(), extension))


def carried_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Of a file's labels those that `Provenance.tags` wrote."""
    return {name: value for name, value in tags.items() if name.lower() in ("comment", "digitalsourcetype")}


def carry(source: Path, target: Path) -> None:
    """The packet at the end of one MP4 or MOV to the end of another; nothing where there is none."""
    with source.open("rb") as file:
        file.seek(-min(TAIL, source.stat().st_size), os.SEEK_END)
        _, there, xmp = file.read().partition(b"uuid" + MP4_XMP)
    if there:
        with target.open("ab") as file:
            file.write(_box(xmp))


def signed(png: bytes) -> bytes:
    """A picture of a folder, with the mark in it."""
    return png[:PNG_HEAD] + SIGNATURE + png[PNG_HEAD:]


def wrote(entry: Path) -> bool:
    """Whether this is a numbered picture with our mark."""
    if not NUMBERED.fullmatch(entry.name) or not entry.is_file():
        return False
    with suppress(OSError), entry.open("rb") as file:
        return file.read(PNG_HEAD + len(SIGNATURE))[PNG_HEAD:] == SIGNATURE
    return False


def _box(xmp: bytes) -> bytes:
    """A `uuid` box, which may stand at the end of a file and is passed over by whoever does not know it."""
    return (24 + len(xmp)).to_bytes(4, "big") + b"uuid" + MP4_XMP + xmp


def _into_png(png: bytes, xmp: bytes) -> bytes:
    """Behind the first chunk."""
    if png[12:16] != b"IHDR":
        return png
    return png[:PNG_HEAD] + _chunk(b"iTXtXML:com.adobe.xmp\0\0\0\0\0" + xmp) + png[PNG_HEAD:]


def _chunk(body: bytes) -> bytes:
    """Of a PNG, from its name on."""
    return (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")


def _into_jpeg(jpeg: bytes, xmp: bytes) -> bytes:
    """Behind JFIF and EXIF, which have to come first."""
    if jpeg[:2] != b"\xff\xd8":
        return jpeg
    place = 2
    while jpeg[place : place + 2] in (b"\xff\xe0", b"\xff\xe1"):
        place += 2 + int.from_bytes(jpeg[place + 2 : place + 4], "big")
    body = JPEG_XMP + xmp
    return jpeg[:place] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + jpeg[place:]


def _into_webp(webp: bytes, xmp: bytes) -> bytes:
    """At the end, and the flag at the front, for which a simple file becomes an extended one."""
    from keras_vst.video.picture_head import head_of

    if webp[:4] != b"RIFF" or webp[8:12] != b"WEBP":
        return webp
    chunks = webp[12:]
    if chunks[:4] != b"VP8X":
        if (simple := head_of(BytesIO(webp))) is None:
            return webp
        sides = (simple.width - 1).to_bytes(3, "little") + (simple.height - 1).to_bytes(3, "little")
        head = bytes([WEBP_HAS_ALPHA if simple.has_alpha else 0, 0, 0, 0]) + sides
        chunks = b"VP8X" + len(head).to_bytes(4, "little") + head + chunks
    chunks = chunks[:8] + bytes([chunks[8] | WEBP_HAS_XMP]) + chunks[9:]
    chunks += b"XMP " + len(xmp).to_bytes(4, "little") + xmp + b"\0" * (len(xmp) % 2)
    return b"RIFF" + (4 + len(chunks)).to_bytes(4, "little") + b"WEBP" + chunks


def _into_gif(gif: bytes, xmp: bytes) -> bytes:
    """Behind the palette of the whole, before what says that it runs for ever."""
    if gif[:3] != b"GIF":
        return gif
    place = 13 + (3 << (gif[10] & 7) + 1 if gif[10] & 0x80 else 0)
    return gif[:place] + GIF_XMP + xmp + GIF_END + gif[place:]


SIGNATURE = _chunk(b"tEXtSoftware\0keras_vst")
_INSERTS: dict[str, Callable[[bytes, bytes], bytes]] = {
    ".png": _into_png,
    ".jpg": _into_jpeg,
    ".jpeg": _into_jpeg,
    ".webp": _into_webp,
    ".gif": _into_gif,
}
