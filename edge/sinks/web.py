"""A page in a browser, on this machine unless told otherwise; nothing a browser does slows the frames down.

web: and web:8080 are http://127.0.0.1:8080/, web://0.0.0.0:8080 is for the whole network (it asks for a token)
and from elsewhere, without opening it up: ssh -L 8080:localhost:8080 this-machine
"""

from __future__ import annotations

import re
import sys
from importlib.util import find_spec
from urllib.parse import urlsplit

from edge.address import Address, SinkOptions
from keras_vst.errors import UserError
from keras_vst.video import Sink, TimedFrame, VideoInfo

HOST, PORT = "127.0.0.1", 8080


class WebSink(Sink):
    """The picture as JPEGs over a WebSocket, which passes through every tunnel."""

    webrtc = False
    needs = "aiohttp", "live"

    def __init__(self, address: Address, info: VideoInfo, options: SinkOptions) -> None:
        """Start the server and say where it is."""
        address.check_options()
        options.check_unused(address, "codec", "crf")
        host, port = host_and_port(address)
        package, extra = self.needs
        if find_spec(package) is None:
            raise UserError(
                f"{address.text} needs the package {package}; run: pip install 'keras-vst[{extra}]'."
            )
        from edge.web.server import WebServer

        self._server = WebServer(
            host,
            port,
            options.controls,
            webrtc=self.webrtc,
            on_painting=options.on_painting,
            made_by=options.made_by,
        )
        self.address = self._server.address
        print(f"open {self.address} in a browser", file=sys.stderr)

    def write(self, frame: TimedFrame) -> None:
        self._server.publish(frame.pixels)

    def close(self) -> None:
        self._server.stop()


class WebRtcSink(WebSink):
    """The same page, its picture over WebRTC: less delay and less data on a good line."""

    webrtc = True
    needs = "aiortc", "webrtc"


def host_and_port(address: Address) -> tuple[str, int]:
    """`web:`, `web:8080`, `web://host:8080` or `web://host` as a host and a port."""
    rest = address.rest if address.rest.startswith("//") else f"//{HOST}:{address.rest}"
    try:
        parts = urlsplit(rest)
        host, port = parts.hostname or HOST, PORT if parts.port is None else parts.port
    except ValueError:
        host, port = "", 0
    if not re.fullmatch(r"[\w.:-]+", host) or (parts.path.strip("/") if host else True):
        raise UserError(f"{address.text} is no address of a page; write web: or web://127.0.0.1:8080.")
    return host, port
