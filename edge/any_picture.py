"""A picture of any kind as a painting to learn from: (H, W, 3) uint8 RGB, upright, of a sensible size.

It may come from anywhere, a page too: what it says of its size is read before anything is decoded, an animation or a
clip is its first frame, what is transparent is white, and what cannot be a painting is one line.
"""

from __future__ import annotations

import re
import tempfile
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np

from keras_vst.errors import UserError
from keras_vst.frames import Pixels
from keras_vst.preview import SMALLEST
from keras_vst.video import open_source
from keras_vst.video.stills import PICTURES

LARGEST_FILE = 256 * 2**20  # bytes
LARGEST = 100_000_000  # pixels; a small file can claim more and take all memory
LONGEST = 2048  # pixels along the longer side that are kept; training looks at 512
HEAD = 1 << 16  # bytes in which a file says how large its picture is
KINDS = {
    b"\x89PNG\r\n\x1a\n": ".png",
    b"\xff\xd8\xff": ".jpg",
    b"GIF8": ".gif",
    b"BM": ".bmp",
    b"RIFF": ".webp",
}
JPEG_SIZE = (*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0))  # frame headers


def read_painting(path: Path) -> Pixels:
    """The painting in a file, or a UserError that says why there is none."""
    if path.is_dir():
        raise UserError(f"{path} is a folder; name one picture in it.")
    if path.is_file() and path.stat().st_size > LARGEST_FILE:
        raise UserError(f"{path} has more than {LARGEST_FILE >> 20} MiB; save it as a smaller JPEG.")
    if path.is_file():
        with path.open("rb") as file:
            _check_size(file.read(HEAD), str(path))
    with open_source(path) as source:
        first = next(iter(source), None)
    if first is None:
        raise UserError(f"{path} shows nothing; name a picture.")
    height, width = first.pixels.shape[:2]
    if min(height, width) < SMALLEST:
        raise UserError(
            f"{path} has {width}x{height} pixels, too few to show a brush; "
            f"give a picture of {SMALLEST}x{SMALLEST} or more."
        )
    pixels = _on_white(path, first.pixels)
    scale = min(1.0, LONGEST / max(height, width))
    size = max(SMALLEST, round(width * scale)), max(SMALLEST, round(height * scale))
    return (
        np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8) if scale < 1 else pixels
    )


def read_sent(content: bytes, name: str) -> Pixels:
    """The painting in what a page sent, of the few kinds that browsers show."""
    kind = next((suffix for mark, suffix in KINDS.items() if content.startswith(mark)), None)
    if kind is None:
        raise UserError(f"{name} is no PNG, JPEG, WebP, GIF or BMP; drop one of these.")
    with tempfile.TemporaryDirectory(prefix="vst-") as folder:
        path = Path(folder) / f"dropped{kind}"
        path.write_bytes(content)
        try:
            return read_painting(path)
        except UserError as error:
            raise UserError(str(error).replace(str(path), name)) from None


def style_name(path: str | Path) -> str:
    """What a painting's style is called: the file's name, of letters, digits, `-`, `_` and `.`."""
    return re.sub(r"[^\w-]+", "-", Path(path).stem).strip("-_")[:60] or "painting"


def stated_size(head: bytes) -> tuple[int, int] | None:
    """(width, height) as the first bytes of a PNG, JPEG, GIF, BMP or WebP say; None where they do not."""
    if head.startswith(b"\x89PNG") and len(head) >= 24:
        return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    if head.startswith(b"GIF8") and len(head) >= 10:
        return int.from_bytes(head[6:8], "little"), int.from_bytes(head[8:10], "little")
    if head.startswith(b"BM") and len(head) >= 26:
        return int.from_bytes(head[18:22], "little"), abs(int.from_bytes(head[22:26], "little", signed=True))
    if head.startswith(b"RIFF") and head[8:15] == b"WEBPVP8" and len(head) >= 30:
        return _webp_size(head)
    return _jpeg_size(head) if head.startswith(b"\xff\xd8") else None


def _webp_size(head: bytes) -> tuple[int, int]:
    if head[15:16] == b"X":
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if head[15:16] == b"L":
        bits = int.from_bytes(head[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return int.from_bytes(head[26:28], "little") & 0x3FFF, int.from_bytes(head[28:30], "little") & 0x3FFF


def _jpeg_size(head: bytes) -> tuple[int, int] | None:
    place = 2
    while place + 9 <= len(head) and head[place] == 0xFF:
        if head[place + 1] in JPEG_SIZE:
            return int.from_bytes(head[place + 7 : place + 9], "big"), int.from_bytes(
                head[place + 5 : place + 7], "big"
            )
        place += 2 + int.from_bytes(head[place + 2 : place + 4], "big")
    return None


def _check_size(head: bytes, name: str) -> None:
    size = stated_size(head)
    if size and size[0] * size[1] > LARGEST:
        raise UserError(
            f"{name} has {size[0]}x{size[1]} pixels; at most {LARGEST // 10**6} million are read, make it smaller."
        )


def _on_white(path: Path, pixels: Pixels) -> Pixels:
    """What can be seen through is white, whatever colour lies hidden there."""
    if path.suffix.lower() not in PICTURES:
        return pixels
    whole = None
    with suppress(OSError, cv2.error):
        whole = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if whole is None or whole.ndim != 3 or whole.shape[2] != 4 or whole.shape[:2] != pixels.shape[:2]:
        return pixels
    seen = whole[..., 3:].astype(np.float32) / np.iinfo(whole.dtype).max
    return np.asarray(np.rint(255 - seen * (255.0 - pixels)), np.uint8)
