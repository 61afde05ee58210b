"""Bodies in and answers out, at a pace: bytes of a request in memory, never more of all of them than there is room.

Who sends a byte a second, or never takes the answer, holds a place for seconds and no longer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from edge.serve.limits import Limits, Refusal


class Bodies:
    """Of all requests of one event loop."""

    def __init__(self, limits: Limits) -> None:
        """Start empty."""
        self._limits = limits
        self._readers = 0
        self._held = 0

    @asynccontextmanager
    async def body(self, request: web.Request) -> AsyncIterator[bytes]:
        """The whole body; it counts until the request is answered."""
        if self._readers >= self._limits.readers:
            raise Refusal("busy", f"{self._readers} requests are being read already; come back later.", 1.0)
        if (request.content_length or 0) > self._limits.body:
            raise Refusal("large", f"a request may have {self._limits.body} bytes.")
        self._readers += 1
        parts: list[bytes] = []
        try:
            await self._read(request, parts)
            yield b"".join(parts)
        finally:
            self._readers -= 1
            self._held -= sum(map(len, parts))

    async def hand_over(self, request: web.Request, response: web.Response) -> None:
        """Send an answer; whoever does not take it in time is cut off."""
        try:
            await asyncio.wait_for(self._send(request, response), self._limits.patience)
        except asyncio.TimeoutError:
            if request.transport is not None:
                request.transport.abort()

    async def _read(self, request: web.Request, parts: list[bytes]) -> None:
        loop, limits, length = asyncio.get_running_loop(), self._limits, 0
        begin = loop.time()
        while True:
            left = begin + limits.silence + length / limits.pace - loop.time()
            try:
                part = await asyncio.wait_for(request.content.readany(), max(0.0, left))
            except asyncio.TimeoutError as error:
                raise Refusal(
                    "slow", f"this came too slowly; {limits.pace} bytes a second are needed."
                ) from error
            if not part:
                return
            parts.append(part)
            length += len(part)
            self._held += len(part)
            if length > limits.body:
                raise Refusal("large", f"a request may have {limits.body} bytes.")
            if self._held > limits.held:
                raise Refusal("busy", "the server holds too many requests already; come back later.", 1.0)

    @staticmethod
    async def _send(request: web.Request, response: web.Response) -> None:
        await response.prepare(request)
        await response.write_eof()
