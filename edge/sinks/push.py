"""A stream to a server or a player: RTMP and RTSP to whoever listens there, MPEG-TS over UDP to whoever may.

A peer that is away, goes away, or takes nothing for five seconds is told by a UserError from one of the next writes.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from fractions import Fraction
from urllib.parse import urlsplit

import av

from edge.address import Address
from edge.sinks.base import SinkOptions
from edge.sinks.encoder import LiveEncoder, peer_errors
from edge.sinks.stream import StreamSink
from keras_vst.errors import UserError
from keras_vst.video import VideoInfo

PATIENCE = "5000000"  # microseconds
KEY_EVERY = Fraction(2)  # a viewer who joins waits this long at most


@dataclass(frozen=True)
class Protocol:
    """How FFmpeg is told to send."""

    format: str
    sound: str  # the kind of container, which says what sound fits
    options: dict[str, str] = field(default_factory=dict)
    query: str = ""


def in_thread(form: str, sound: str, **options: str) -> Protocol:
    """FFmpeg's `fifo` around a format: it connects and sends in a thread of its own.

    Without it PyAV would hold up all of Python while it connects, and for ever when the peer then says nothing.
    """
    listed = ":".join(f"{name}={value}" for name, value in options.items())
    return Protocol("fifo", sound, {"fifo_format": form, "format_opts": listed})


RTMP = in_thread("flv", ".flv", rw_timeout=PATIENCE)
PROTOCOLS = {
    "rtmp": RTMP,
    "rtmps": RTMP,
    "rtsp": in_thread("rtsp", ".flv", rtsp_transport="tcp", timeout=PATIENCE),
    "udp": Protocol("mpegts", ".ts", query="?pkt_size=1316"),  # seven TS packets fit an Ethernet frame
}


class PushSink(StreamSink):
    """`rtmp://server/app/key`, `rtsp://server:8554/name`, `udp://127.0.0.1:5000`."""

    def __init__(self, address: Address, info: VideoInfo, options: SinkOptions) -> None:
        """Set up; who listens is found out meanwhile."""
        options.check_unused(address, "codec")
        parts = urlsplit(address.text)
        if not parts.hostname:
            raise UserError(f"{address.text} names no host; write {address.scheme}://host/path.")
        protocol = PROTOCOLS[address.scheme]
        url = address.text if parts.query else address.text + protocol.query
        self._name = (
            f"{address.scheme}://{parts.netloc.rpartition('@')[2]}"  # keys and passwords are not printed
        )
        with self._errors():
            output = av.open(url, "w", format=protocol.format, options=dict(protocol.options))
            self._encoder = LiveEncoder(output, protocol.sound, info, options, KEY_EVERY)

    def _errors(self) -> AbstractContextManager[None]:
        return peer_errors(self._name)
