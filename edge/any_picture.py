"""A picture of any kind as a painting to learn from: (H, W, 3) uint8 RGB, upright, of a sensible size.

It may come from anywhere, a page too: what it says of its size is read before anything is decoded, an animation or a
clip is its first frame, what is transparent is white, and what cannot be a painting is one line.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from keras_vst.errors import UserError
from keras_vst.frames import Pixels
from keras_vst.preview import at_side, check_size
from keras_vst.video import open_source
from keras_vst.video.picture_head import read_head

LARGEST_FILE = 256 * 2**20  # bytes
LARGEST = 100_000_000  # pixels; a small file can claim more and take all memory
LONGEST = 2048  # pixels along the longer side that are kept; training looks at 512
KINDS = {
    b"\x89PNG\r\n\x1a\n": ".png",
    b"\xff\xd8\xff": ".jpg",
    b"GIF8": ".gif",
    b"BM": ".bmp",
    b"RIFF": ".webp",
}


def read_painting(path: Path) -> Pixels:
    """The painting in a file, or a UserError that says why there is none."""
    if path.is_dir():
        raise UserError(f"{path} is a folder; name one picture in it.")
    if path.is_file() and path.stat().st_size > LARGEST_FILE:
        raise UserError(f"{path} has more than {LARGEST_FILE >> 20} MiB; save it as a smaller JPEG.")
    head = read_head(path)
    if head and head.width * head.height > LARGEST:
        raise UserError(
            f"{path} has {head.width}x{head.height} pixels; at most {LARGEST // 10**6} million are read, "
            "make it smaller."
        )
    with open_source(path) as source:
        first = next(iter(source), None)
    if first is None:
        raise UserError(f"{path} shows nothing; name a picture.")
    check_size(first.pixels, path)
    return at_side(first.pixels, LONGEST) if max(first.pixels.shape) > LONGEST else first.pixels


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
