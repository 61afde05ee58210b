"""Pictures as files in memory: JPEG or PNG bytes -> (H, W, 3) uint8 RGB, and back as JPEG.

Nothing is decoded before its header was read: a file of 100 kB can ask for gigabytes of pixels, or for minutes.
"""

from __future__ import annotations

import cv2
import numpy as np

from edge.serve.limits import Limits, Refusal
from keras_vst.errors import UserError
from keras_vst.frames import Pixels
from keras_vst.networks.base import Size
from keras_vst.video.stills import encode_picture

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"
START_OF_SCAN, END_OF_IMAGE = b"\xff\xda", b"\xff\xd9"
NO_FRAME = (0xC4, 0xC8, 0xCC)  # among C0 to CF, where all others tell the size
BARE = (0x01, *range(0xD0, 0xD9))  # marks without a length
MOST_SEGMENTS = 2000  # before the size; the metadata of a phone's photo has some fifty
MOST_SCANS = 100  # a progressive photo has ten; each may cover the whole picture again


def picture_size(content: bytes, limits: Limits) -> Size:
    """(height, width) as the header says, or a Refusal: another format, half a file, too many pixels."""
    if content.startswith(PNG):
        width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
        whole = b"IEND" in content[-64:]
    elif content.startswith(JPEG):
        height, width = _jpeg_size(content)
        whole = content.rfind(END_OF_IMAGE) > content.rfind(START_OF_SCAN) > 0
    else:
        raise Refusal("invalid", "this is no picture that is taken here; send JPEG or PNG.")
    limits.check_picture((height, width))
    if not whole:
        raise Refusal("invalid", "this picture ends early; send it again, whole.")
    if content.count(START_OF_SCAN) > MOST_SCANS:
        raise Refusal("large", f"this JPEG has more than {MOST_SCANS} scans; save it in another way.")
    return height, width


def decode(content: bytes) -> Pixels:
    """The picture, upright; call `picture_size` first."""
    try:
        bgr = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        bgr = None
    if bgr is None:
        raise Refusal("invalid", "this picture is damaged; send it again.")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def encode(pixels: Pixels) -> bytes:
    """The picture as JPEG."""
    try:
        return encode_picture(".jpg", pixels)
    except UserError as error:
        raise Refusal("large", str(error)) from error


def _jpeg_size(content: bytes) -> Size:
    """From segment to segment up to the one that tells the size; zeros where there is none."""
    place = 2
    for _ in range(MOST_SEGMENTS):
        mark, kind = content[place : place + 2], content[place + 1 : place + 2]
        if len(mark) < 2 or mark[0] != 0xFF or mark == START_OF_SCAN:
            break
        if mark == b"\xff\xff":  # filling
            place += 1
        elif kind[0] in BARE:
            place += 2
        elif 0xC0 <= kind[0] <= 0xCF and kind[0] not in NO_FRAME:
            height, width = (int.from_bytes(content[place + at : place + at + 2], "big") for at in (5, 7))
            return height, width
        else:
            place += 2 + max(2, int.from_bytes(content[place + 2 : place + 4], "big"))
    return 0, 0
