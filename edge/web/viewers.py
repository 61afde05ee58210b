"""The newest frame for any number of viewers, and one browser at the WebSocket: JPEG out, status out, controls in.

(H, W, 3) uint8 RGB comes in, and is encoded once and only on demand.  Whoever publishes never waits.  A viewer who is
slow finds the newest frame when it comes back, and is told how many it missed.  The browser asks for each frame
(`{"ready": n}`: room for n more), so that no more than a few are ever on their way: in the buffers of a slow line or an
SSH tunnel seconds of old pictures would pile up otherwise.
"""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import Executor
from contextlib import suppress
from typing import Any

import cv2
from aiohttp import WSMsgType, web

from edge.address import Controls
from keras_vst.frames import Pixels

JPEG_QUALITY = 85
STATUS_EVERY = 0.5  # seconds
MOST_READY = 4  # frames on their way to one browser


class FrameHub:
    """Lives in one event loop; `publish` may be called from any thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, encoders: Executor) -> None:
        self._loop = loop
        self._encoders = encoders
        self._newest: tuple[int, Pixels] | None = None
        self._arrived = asyncio.Event()
        self._encoded: tuple[int, asyncio.Future[bytes]] | None = None

    @property
    def number(self) -> int:
        """How many frames came so far, which is also the number of the newest."""
        return 0 if self._newest is None else self._newest[0]

    def publish(self, pixels: Pixels) -> None:
        """Make a frame the newest; it is copied, since the caller may reuse the memory."""
        self._newest = self.number + 1, pixels.copy()
        self._loop.call_soon_threadsafe(self._wake)

    async def pixels(self, after: int) -> tuple[int, Pixels]:
        """The newest frame and its number, as soon as that is above `after`."""
        while self._newest is None or self._newest[0] <= after:
            await self._arrived.wait()
        return self._newest

    async def jpeg(self, after: int) -> tuple[int, bytes]:
        """The same as a JPEG; viewers who want the same frame share one encoding."""
        number, pixels = await self.pixels(after)
        if self._encoded is None or self._encoded[0] != number:
            self._encoded = number, self._loop.run_in_executor(self._encoders, _jpeg, pixels)
        # One viewer who leaves must not take the encoding from the others.
        return number, await asyncio.shield(self._encoded[1])

    def _wake(self) -> None:
        self._arrived.set()
        self._arrived = asyncio.Event()


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
        message = read_object(text)
        if message is None:
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


async def open_line(request: web.Request, **settings: Any) -> web.WebSocketResponse:
    """The WebSocket that was asked for."""
    line = web.WebSocketResponse(compress=False, **settings)
    try:
        await line.prepare(request)
    except ValueError as error:  # of a key that is not even text, where others are refused
        raise web.HTTPBadRequest(text="This is no WebSocket.\n") from error
    return line


def read_object(text: str | bytes) -> dict[str, Any] | None:
    """The JSON object that somebody sent; None where it is none."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):  # not JSON, or brackets within brackets without an end
        return None
    return message if isinstance(message, dict) else None


async def carry_out(controls: Controls | None, message: dict[str, Any]) -> dict[str, Any]:
    """Hand one message to the controls, off the event loop; a mistake comes back as {"error": ...}."""
    if controls is None:
        return {"error": "there is nothing to control here"}
    return await asyncio.to_thread(controls.apply, message)


def _jpeg(pixels: Pixels) -> bytes:
    quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    return cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), quality)[1].tobytes()
