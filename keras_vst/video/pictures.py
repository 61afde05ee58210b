"""A picture file to upright (H, W, 3) uint8 RGB and back, with its transparency and what its camera wrote, EXIF."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.error import FFmpegError

from keras_vst.errors import UserError
from keras_vst.frames import Pixels, on_white
from keras_vst.video.containers import open_container
from keras_vst.video.picture_head import (
    MOST,
    Head,
    camera_wrote,
    has_alpha_beside,
    is_mirrored,
    read_head,
    true_size,
)

TRANSPARENT = (".png", ".webp")  # of what we write: files that keep transparency
ENCODING = {
    ".jpg": [cv2.IMWRITE_JPEG_QUALITY, 95],
    ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, 95],
    ".webp": [cv2.IMWRITE_WEBP_QUALITY, 95],
}
KEEPS_EXIF = hasattr(cv2, "imdecodeWithMetadata")  # OpenCV before 4.12 has no access to it
ORIENTATION = 0x0112
SHORT = 3
# By EXIF's number: whether it is mirrored, and then how many quarters it is to be turned counter-clockwise.
TURNS = {
    1: (False, 0),
    2: (True, 0),
    3: (False, 2),
    4: (True, 2),
    5: (True, 1),
    6: (False, 3),
    7: (True, 3),
    8: (False, 1),
}


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture; where `alpha`, (H, W), is below 255 the pixels are laid on white, so that nothing hidden shows."""

    pixels: Pixels
    alpha: Pixels | None = None
    exif: bytes = b""


def open_picture(path: Path) -> Picture:
    """A picture file with all that is kept of it."""
    head = read_head(path)
    if head is not None and head.width * head.height > MOST:
        raise UserError(
            f"{path} has {head.width}x{head.height} pixels, more than the {MOST} that are read; make it smaller first."
        )
    try:
        # Not cv2.imread, which cannot open names outside the code page on Windows.
        content = np.fromfile(path, np.uint8)
        bgr, exif = _decoded(content)
        alpha = _alpha(content, head, exif)
    except (OSError, cv2.error) as error:
        raise UserError(f"{path} cannot be read ({error}); check the file and its permissions.") from error
    if bgr is None or (alpha is not None and alpha.shape != bgr.shape[:2]):
        raise UserError(f"{path} is not a picture that can be read; it is damaged or something else.")
    rgb = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
    return Picture(rgb if alpha is None else on_white(rgb, alpha), alpha, upright(exif))


def read_picture(path: Path) -> Pixels:
    """A picture file as (H, W, 3) uint8 RGB, upright, what is transparent on white."""
    return open_picture(path).pixels


def write_picture(path: Path, pixels: Pixels) -> None:
    """Write (H, W, 3) uint8 RGB in the format of the extension."""
    path.write_bytes(encode_picture(path.suffix.lower(), pixels))


def encode_picture(extension: str, pixels: Pixels, alpha: Pixels | None = None, exif: bytes = b"") -> bytes:
    """(H, W, 3) uint8 RGB as the content of a file with that extension; `alpha` is for those of `TRANSPARENT`."""
    if alpha is None:
        stored = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2BGR)
    else:
        stored = cv2.cvtColor(np.dstack([pixels, alpha]), cv2.COLOR_RGBA2BGRA)
    try:
        done, content = _encoded(extension, stored, exif)
    except cv2.error:
        done, content = False, np.empty(0, np.uint8)
    if not done:
        height, width = pixels.shape[:2]
        raise UserError(f"a {extension} file cannot hold {width}x{height} pixels; write .png instead.")
    return content.tobytes()


def orientation(exif: bytes) -> int:
    """1 to 8 as EXIF counts; 1, upright, where nothing can be read."""
    with suppress(struct.error):
        order, places, _ = _orientations(exif)
        told = struct.unpack_from(f"{order}H", exif, places[0])[0] if places else 1
        return told if told in TURNS else 1
    return 1


def upright(exif: bytes) -> bytes:
    """The same for pixels that are turned already, and without the miniature, which shows what was not painted.

    What cannot be read is not carried on: empty.
    """
    try:
        order, places, end = _orientations(exif)
        changed = bytearray(exif)
        for place in places:
            struct.pack_into(f"{order}H", changed, place, 1)
        struct.unpack_from(f"{order}I", exif, end)
        struct.pack_into(f"{order}I", changed, end, 0)  # where the second list, that of the miniature, begins
    except struct.error:
        return b""
    return bytes(changed)


def beside(
    path: Path, first: av.VideoFrame
) -> tuple[tuple[int, int], bool, Pixels | None, bytes, tuple[str, ...]]:
    """What PyAV does not hand on of a HEIC or AVIF: its size, whether it is mirrored, how opaque it is, its EXIF.

    And what of it cannot be read, a line each.
    """
    there, exif = has_alpha_beside(path), camera_wrote(path)
    alpha = _alpha_beside(path, first) if there else None
    exif = upright(exif) or None if exif else exif
    gone = {"transparency": there and alpha is None, "EXIF": exif is None}
    notes = tuple(f"its {what} cannot be read here; left out" for what, lost in gone.items() if lost)
    return true_size(path, first.width, first.height), is_mirrored(path), alpha, exif or b"", notes


def _alpha_beside(path: Path, first: av.VideoFrame) -> Pixels | None:
    """How opaque a HEIC or AVIF is, from the picture of its size that comes behind it."""
    with closing(open_container(path)) as container, suppress(FFmpegError):
        for stream in container.streams.video[1:]:
            frame = next(container.decode(stream), None)
            if frame is not None and (frame.width, frame.height) == (first.width, first.height):
                return np.asarray(frame.to_ndarray(format="gray"), np.uint8)
    return None


def _decoded(content: np.ndarray) -> tuple[Any, bytes]:
    """Upright BGR, None where there is none, and EXIF."""
    if not KEEPS_EXIF:
        return cv2.imdecode(content, cv2.IMREAD_COLOR), b""
    bgr, kinds, told = cv2.imdecodeWithMetadata(content, cv2.IMREAD_COLOR)
    found = {kind: bytes(np.asarray(what, np.uint8)) for kind, what in zip(kinds, told, strict=True)}
    return bgr, found.get(cv2.IMAGE_METADATA_EXIF, b"")


def _alpha(content: np.ndarray, head: Head | None, exif: bytes) -> Pixels | None:
    """How opaque each pixel is, upright; None where all are."""
    if head is None or not head.has_alpha:
        return None
    stored = cv2.imdecode(content, cv2.IMREAD_UNCHANGED)
    if stored is None or stored.ndim != 3 or stored.shape[2] != 4:
        return None
    alpha = stored[..., 3]
    alpha = (alpha // 257 if alpha.dtype == np.uint16 else alpha).astype(np.uint8)
    mirrored, quarters = TURNS[orientation(exif)]
    alpha = np.ascontiguousarray(np.rot90(alpha[:, ::-1] if mirrored else alpha, quarters))
    return None if alpha.min() == 255 else alpha


def _encoded(extension: str, stored: Any, exif: bytes) -> tuple[bool, Any]:
    settings: Sequence[int] = ENCODING.get(extension, [])
    if not exif or not KEEPS_EXIF:
        return cv2.imencode(extension, stored, settings)
    about = [np.frombuffer(exif, np.uint8)]
    return cv2.imencodeWithMetadata(extension, stored, [cv2.IMAGE_METADATA_EXIF], about, settings)


def _orientations(exif: bytes) -> tuple[str, list[int], int]:
    """Byte order, where in the first list an orientation stands, and where that list ends; or a struct.error."""
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        raise struct.error("no EXIF")
    (start,) = struct.unpack_from(f"{order}I", exif, 4)
    (count,) = struct.unpack_from(f"{order}H", exif, start)
    entries = range(start + 2, start + 2 + 12 * count, 12)
    wanted = ORIENTATION, SHORT
    places = [each + 8 for each in entries if struct.unpack_from(f"{order}HH", exif, each) == wanted]
    return order, places, start + 2 + 12 * count
