"""The picture over WebRTC, for browsers: each peer is sent the newest frame, (H, W, 3) uint8 RGB, and never waited for.

The control page makes the offer; the answer holds this machine's addresses.  Pictures travel by UDP, encrypted, to
whoever made the offer over the guarded page; through an SSH tunnel they do not pass, and the page uses its WebSocket.
"""

from __future__ import annotations

import asyncio
import time
from fractions import Fraction
from typing import Any

import av
import numpy as np
from aiohttp import web
from aiortc import RTCPeerConnection, RTCSessionDescription  # pyright: ignore[reportMissingImports]
from aiortc.mediastreams import VideoStreamTrack  # pyright: ignore[reportMissingImports]

from edge.web.viewers import FrameHub

MOST_PEERS = 4  # each has an encoder of its own
CLOCK = 90_000


class Peers:
    """All WebRTC connections of one server."""

    def __init__(self, hub: FrameHub) -> None:
        self._hub = hub
        self._connections: set[RTCPeerConnection] = set()

    async def answer(self, offer: dict[str, Any]) -> dict[str, str]:
        """Take {"type": "offer", "sdp": ...} and give the answer in the same form."""
        if len(self._connections) >= MOST_PEERS:
            raise web.HTTPServiceUnavailable(text=f"{MOST_PEERS} WebRTC viewers are there already.\n")
        if offer.get("type") != "offer" or not isinstance(offer.get("sdp"), str):
            raise web.HTTPBadRequest(text="Expected a WebRTC offer.\n")
        connection = RTCPeerConnection()
        self._connections.add(connection)

        @connection.on("connectionstatechange")
        async def changed() -> None:
            if connection.connectionState in ("failed", "closed", "disconnected"):
                self._connections.discard(connection)
                await connection.close()

        try:
            connection.addTrack(NewestFrames(self._hub))
            await connection.setRemoteDescription(RTCSessionDescription(offer["sdp"], "offer"))
            await connection.setLocalDescription(await connection.createAnswer())
        except Exception as error:  # an offer that is no offer fails in aiortc in many ways
            self._connections.discard(connection)
            await connection.close()
            raise web.HTTPBadRequest(text=f"This offer cannot be answered ({error}).\n") from error
        return {"type": connection.localDescription.type, "sdp": connection.localDescription.sdp}

    async def close(self) -> None:
        """Hang up on everybody."""
        connections, self._connections = self._connections, set()
        await asyncio.gather(*(connection.close() for connection in connections))


class NewestFrames(VideoStreamTrack):
    """The hub's frames as a track; what the peer's encoder does not get to is left out."""

    def __init__(self, hub: FrameHub) -> None:
        super().__init__()
        self._hub = hub
        self._number = max(0, hub.number - 1)
        self._start = time.monotonic()

    async def recv(self) -> av.VideoFrame:
        """The next frame, as soon as there is one."""
        self._number, pixels = await self._hub.pixels(after=self._number)
        height, width = pixels.shape[:2]
        even = np.ascontiguousarray(pixels[: height - height % 2, : width - width % 2])
        frame = av.VideoFrame.from_ndarray(even, format="rgb24")
        frame.pts = round((time.monotonic() - self._start) * CLOCK)
        frame.time_base = Fraction(1, CLOCK)
        return frame
