"""One browser at the WebSocket: JPEG frames and status out, controls in.

The browser asks for each frame (`{"ready": n}`: room for n more), so that no more than a few are ever on their way: in
the buffers of a slow line or an SSH tunnel seconds of old pictures would pile up otherwise.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

from aiohttp import WSMsgType, web

from edge.sinks.base import Controls
from edge.web.hub import FrameHub
from keras_vst.errors import UserError

STATUS_EVERY = 0.5  # seconds
MOST_READY = 4  # frames on their way to one browser


class Viewer:
    """The two directions of one connection."""

    def __init__(self, socket: web.WebSocketResponse, hub: FrameHub, controls: Controls | None) -> None:
        """Start without room: the browser says when it is ready."""
        self._socket = socket
        self._hub = hub
        self._controls = controls
        self._room = asyncio.Semaphore(0)
        self._ready = 0
        self.missed = 0

    async def serve(self, viewers: set[Viewer]) -> None:
        """Run until the browser leaves."""
        tasks = [asyncio.create_task(self._send_frames()), asyncio.create_task(self._send_status(viewers))]
        try:
            async for message in self._socket:
                if message.type is WSMsgType.TEXT:
                    await self._receive(message.data, viewers)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """Say goodbye."""
        with suppress(ConnectionError, RuntimeError):
            await self._socket.close(code=1001, message=b"vst has ended")

    async def tell(self, viewers: int) -> None:
        """Send how things stand."""
        status = self._controls.status() if self._controls is not None else None
        await self._send({"status": status, "viewers": viewers, "missed": self.missed})

    async def _send_frames(self) -> None:
        number = self._hub.number
        number -= number > 0  # the newest one is shown at once, even when nothing moves
        while True:
            await self._room.acquire()
            self._ready -= 1
            newest, jpeg = await self._hub.jpeg(after=number)
            self.missed += newest - number - 1
            number = newest
            with suppress(ConnectionError):
                await self._socket.send_bytes(jpeg)

    async def _send_status(self, viewers: set[Viewer]) -> None:
        while True:
            await self.tell(len(viewers))
            await asyncio.sleep(STATUS_EVERY)

    async def _receive(self, text: str, viewers: set[Viewer]) -> None:
        try:
            message = json.loads(text)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            await self._send({"error": "expected a JSON object"})
        elif "ready" in message:
            self._give_room(message["ready"])
        else:
            answer = await carry_out(self._controls, message)
            if "error" in answer:
                await self._send(answer)
            for viewer in tuple(viewers):  # all pages show the same sliders
                await viewer.tell(len(viewers))

    def _give_room(self, count: Any) -> None:
        if isinstance(count, int):
            for _ in range(min(count, MOST_READY - self._ready)):
                self._ready += 1
                self._room.release()

    async def _send(self, message: dict[str, Any]) -> None:
        with suppress(ConnectionError):
            await self._socket.send_str(json.dumps(message))


async def carry_out(controls: Controls | None, message: dict[str, Any]) -> dict[str, Any]:
    """Hand one message to the controls, off the event loop; a mistake comes back as {"error": ...}."""
    if controls is None:
        return {"error": "there is nothing to control here"}
    try:
        return await asyncio.to_thread(controls.apply, message)
    except (UserError, ValueError, TypeError, KeyError) as error:
        return {"error": str(error)}
