"""Pictures as files in memory: JPEG or PNG bytes -> (H, W, 3) uint8 RGB, and back as JPEG.

Nothing is decoded before its header was read: a file of 100 kB can ask for gigabytes of pixels, or for minutes.
"""

from __future__ import annotations

from io import BytesIO

import cv2
import numpy as np

from edge.serve.limits import Limits, Refusal
from keras_vst.errors import UserError
from keras_vst.frames import Pixels
from keras_vst.networks.base import Size
from keras_vst.video.picture_head import Head, head_of
from keras_vst.video.pictures import encode_picture

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"
START_OF_SCAN, END_OF_IMAGE = b"\xff\xda", b"\xff\xd9"
MOST_SCANS = 100  # a progressive photo has ten; each may cover the whole picture again


def picture_size(content: bytes, limits: Limits) -> Size:
    """(height, width) as the header says, or a Refusal: another format, half a file, too many pixels."""
    if content.startswith(PNG):
        whole, scans = b"IEND" in content[-64:], 0
    elif content.startswith(JPEG):
        whole = content.rfind(END_OF_IMAGE) > content.rfind(START_OF_SCAN) > 0
        scans = content.count(START_OF_SCAN)
    else:
        raise Refusal("invalid", "this is no picture that is taken here; send JPEG or PNG.")
    head = head_of(BytesIO(content)) or Head(0, 0, False)
    height, width = head.height, head.width
    limits.check_picture((height, width))
    if not whole:
        raise Refusal("invalid", "this picture ends early; send it again, whole.")
    if scans > MOST_SCANS:
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
