"""A mark in the PNG files of a folder that we wrote, so that no other folder of numbered pictures is ever replaced."""

from __future__ import annotations

import re
import zlib
from contextlib import suppress
from pathlib import Path

NUMBERED = re.compile(r"\d{6,}\.png")
HEAD = 33  # bytes of a PNG's own mark and its first chunk, behind which other chunks may stand
TEXT = b"tEXtSoftware\0keras_vst"
CHUNK = (len(TEXT) - 4).to_bytes(4, "big") + TEXT + zlib.crc32(TEXT).to_bytes(4, "big")


def signed(png: bytes) -> bytes:
    """The same picture with the mark in it."""
    return png[:HEAD] + CHUNK + png[HEAD:]


def wrote(entry: Path) -> bool:
    """Whether this is a numbered picture with our mark."""
    if not NUMBERED.fullmatch(entry.name) or not entry.is_file():
        return False
    with suppress(OSError), entry.open("rb") as file:
        return file.read(HEAD + len(CHUNK))[HEAD:] == CHUNK
    return False
