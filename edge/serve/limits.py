"""What the server takes from anybody, and how it says no: one status for HTTP, one for gRPC, one reason in words.

No picture is decoded before its header was read: a file of 100 kB can ask for gigabytes of pixels, or for minutes.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

from keras_vst.networks.base import Size
from keras_vst.video.picture_head import Head, head_of

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"
START_OF_SCAN, END_OF_IMAGE = b"\xff\xda", b"\xff\xd9"
MOST_SCANS = 100  # a progressive photo has ten; each may cover the whole picture again
STATUS = {  # what is wrong -> HTTP, gRPC
    "invalid": (400, "INVALID_ARGUMENT"),
    "unknown": (404, "NOT_FOUND"),
    "slow": (408, "DEADLINE_EXCEEDED"),
    "large": (413, "INVALID_ARGUMENT"),
    "busy": (429, "RESOURCE_EXHAUSTED"),
    "broken": (500, "INTERNAL"),
    "closing": (503, "UNAVAILABLE"),
    "late": (504, "DEADLINE_EXCEEDED"),
}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much of everything; whatever is beyond is refused before it takes memory."""

    pixels: int = 3840 * 2160  # of one picture, known from its header before it is decoded
    side: int = 8192  # a strip of one row would become many by its margins
    body: int = 32 << 20  # bytes of one request; raw pixels of a picture of 4K are 25 million
    held: int = 512 << 20  # bytes of all bodies that are being read or answered
    json: int = 8 << 20  # bytes of numbers written as text
    pictures: int = 16  # in one request
    readers: int = 256  # requests that are read or answered at once
    waiting: int = 64  # pictures before the workers
    together: int = 4  # pictures of one style and size that are taken from the line at once
    patience: float = 30.0  # seconds from a whole request to its answer
    silence: float = 5.0  # seconds a body may take anyway; beyond, it has to come at `pace`
    pace: int = 64 << 10  # bytes a second
    idle: float = 20.0  # seconds until a connection has sent a request
    viewers: int = 64  # live sessions
    share: float = 0.8  # of the workers that viewers may have together
    ending: float = 30.0  # seconds for what was accepted to be finished

    def check_picture(self, size: Size) -> None:
        """Refuse a picture of (height, width) that is nothing, or too large."""
        height, width = size
        if height < 1 or width < 1:
            raise Refusal(
                "invalid", f"a picture of {width}x{height} has no pixels; it is damaged, send it again."
            )
        if height * width > self.pixels or max(size) > self.side:
            most = f"at most {self.pixels} pixels and {self.side} along a side are taken"
            raise Refusal("large", f"a picture of {width}x{height} is too large; {most}.")


class Refusal(Exception):
    """Somebody's request that is not carried out; `kind` is a row of STATUS."""

    def __init__(self, kind: str, reason: str, retry_after: float | None = None) -> None:
        """`reason` is one line that may be read by anybody."""
        super().__init__(reason)
        self.kind, self.reason, self.retry_after = kind, reason, retry_after

    @property
    def http(self) -> int:
        """The status of the answer."""
        return STATUS[self.kind][0]

    @property
    def grpc(self) -> str:
        """The name of the code."""
        return STATUS[self.kind][1]


def picture_size(content: bytes, limits: Limits) -> Size:
    """(height, width) of a JPEG or PNG, as its header says; another format, half a file, too many pixels: a Refusal."""
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
