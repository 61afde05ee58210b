"""Live video of many viewers, a WebSocket each: JPEG frames in, painted ones out, the newest first.

    /live?style=scream&size=640x360&fps=15     `size` is that of the frames, `fps` at most how many are painted a second

Binary messages are frames.  JSON changes how they are painted: {"style": "great-wave:0.7,scream:0.3", "strength": 0.5}.
Every second {"painted": n, "missed": n, "viewers": n} comes back, after a mistake {"error": "..."}.

Each viewer has one frame in the workers at most, so that all take turns, and none gets more than asked for.  What a
new one would take is known before: it is measured.  When all of them together would take more than a share of the
workers, the new one is refused with the figures, and those who are there notice nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
from aiohttp import WSCloseCode, WSMsgType, web

from edge.options import positive_number
from edge.options import size as written_size
from edge.serve.inference import Inference
from edge.serve.limits import Refusal, picture_size
from edge.serve.paint_settings import Settings, read_settings
from edge.serve.workers import Job, encode
from edge.web.viewers import STATUS_EVERY, open_line, read_object
from keras_vst.networks.base import Size

SIZE, RATE = "640x360", "15"
MOST_RATE = 60.0  # frames a second
HEARTBEAT = 10.0  # seconds; who does not answer a ping in half of it is gone
ROOM = 64 << 10  # bytes of a frame beside three for each pixel
SLOW = 10.0  # seconds for one painted frame to be taken


class Sessions:
    """All viewers of one server."""

    def __init__(self, inference: Inference) -> None:
        """Start without viewers."""
        self._inference = inference
        self._viewers: dict[Session, float] = {}  # what each takes of the workers, 0 to 1
        inference.counters.watch("vst_viewers", "Live sessions.", lambda: len(self._viewers))

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """One viewer, from coming to leaving."""
        session = Session(self._inference, self._viewers.__len__)
        session.read(request.query)  # a mistake is answered before the line is opened
        most = min(self._inference.limits.body, 3 * session.size[0] * session.size[1] + ROOM)
        session.line = line = await open_line(request, heartbeat=HEARTBEAT, max_msg_size=most)
        try:
            self._viewers[session] = 0.0  # its place, while its share is found
            self._viewers[session] = await self._share(session)
            await session.run()
        except Refusal as refusal:  # a page cannot read the answer to a line that was not opened
            with suppress(ConnectionError):
                await line.send_str(json.dumps({"error": refusal.reason}))
            code = WSCloseCode.POLICY_VIOLATION if refusal.http < 429 else WSCloseCode.TRY_AGAIN_LATER
            await line.close(code=code, message=refusal.reason.encode()[:120])
        except asyncio.TimeoutError:  # nothing is taken there any more
            if request.transport is not None:
                request.transport.abort()
        finally:
            self._viewers.pop(session, None)
        return line

    async def close(self) -> None:
        """Say goodbye to all."""
        told = {"code": WSCloseCode.GOING_AWAY, "message": b"the server is ending"}
        await asyncio.gather(*(session.line.close(**told) for session in self._viewers))

    async def _share(self, session: Session) -> float:
        """What a viewer will take of the workers; a Refusal where it is not there."""
        limits = self._inference.limits
        if len(self._viewers) > limits.viewers:
            raise Refusal("busy", f"all places for viewers, {limits.viewers}, are taken; come back later.")
        seconds = await session.seconds_a_frame()
        new, taken = session.rate * seconds / self._inference.workers.count, sum(self._viewers.values())
        if taken + new > limits.share:
            height, width = session.size
            raise Refusal(
                "busy",
                f"{len(self._viewers) - 1} viewers take {taken:.0%} of {limits.share:.0%}, yours ({width}x{height}, "
                f"{session.rate:g} fps) would take {new:.0%}; ask for less or come later.",
            )
        return new


class Session:
    """One viewer's line: the newest frame waits, older ones are missed."""

    line: web.WebSocketResponse

    def __init__(self, inference: Inference, viewers: Callable[[], int]) -> None:
        """`viewers` tells how many there are; `line` comes when it is known what for."""
        self._inference, self._viewers = inference, viewers
        self.size: Size = (0, 0)
        self.rate = 0.0
        self._settings: Settings
        self._parameters: dict[str, Any] = {}
        self._newest: bytes | None = None
        self._came = asyncio.Event()
        self._painted = self._missed = 0
        self._heard = time.monotonic()

    def read(self, query: Any) -> None:
        """What the address asks for."""
        given = {key: value for key, value in query.items() if key != "token"}
        try:
            self.size = written_size(given.pop("size", SIZE))
            self.rate = positive_number(given.pop("fps", RATE))
        except argparse.ArgumentTypeError as error:
            raise Refusal("invalid", f"{error}.") from error
        self._inference.limits.check_picture(self.size)
        if self.rate > MOST_RATE:
            raise Refusal("invalid", f"fps is at most {MOST_RATE:g}.")
        self._change(given)

    async def seconds_a_frame(self) -> float:
        """What a frame takes a worker: as remembered, or that of a grey one."""
        workers = self._inference.workers
        seconds = workers.cost(self._settings, self.size)
        while seconds is None:
            grey = encode(np.full((*self.size, 3), 128, np.uint8))
            for _ in range(2):  # the first opens the network
                await self._paint(grey)
            seconds = workers.cost(self._settings, self.size)
        return seconds

    async def run(self) -> None:
        """Until the viewer leaves, or stops sending and taking frames."""
        tasks = [asyncio.create_task(work()) for work in (self._receive, self._send, self._tell)]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                with suppress(ConnectionError):
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _receive(self) -> None:
        async for message in self.line:
            self._heard = time.monotonic()
            if message.type is WSMsgType.BINARY:
                if self._newest is not None:
                    self._missed += 1
                    self._inference.counters.missed()
                self._newest = message.data
                self._came.set()
            elif message.type is WSMsgType.TEXT:
                await self._hear(message.data)

    async def _send(self) -> None:
        due = 0.0
        while True:
            await asyncio.sleep(due - time.monotonic())
            await self._came.wait()
            self._came.clear()
            frame, self._newest = self._newest, None
            if frame is None:
                continue
            due = max(due + 1 / self.rate, time.monotonic() - 1 / self.rate)
            try:
                painted = await self._frame(frame)
            except Refusal as refusal:
                if refusal.kind == "closing":
                    raise
                await self.line.send_str(json.dumps({"error": refusal.reason}))
                continue
            await asyncio.wait_for(self.line.send_bytes(painted), SLOW)
            self._painted += 1

    async def _frame(self, frame: bytes) -> bytes:
        size = picture_size(frame, self._inference.limits)
        if size[0] * size[1] > self.size[0] * self.size[1]:
            raise Refusal(
                "large", "frames are larger than this line was opened for; open it with their size."
            )
        return await self._paint(frame, size)

    async def _paint(self, frame: bytes, size: Size | None = None) -> bytes:
        (painted,) = await self._inference.painted([Job(self._settings, size or self.size, frame, live=True)])
        assert isinstance(painted, bytes)
        return painted

    async def _tell(self) -> None:
        while time.monotonic() - self._heard < self._inference.limits.idle:
            await asyncio.sleep(2 * STATUS_EVERY)
            told = {"painted": self._painted, "missed": self._missed, "viewers": self._viewers()}
            await asyncio.wait_for(self.line.send_str(json.dumps(told)), SLOW)
        raise Refusal("slow", f"no frame came for {self._inference.limits.idle:g} seconds.")

    async def _hear(self, text: str) -> None:
        try:
            if (message := read_object(text)) is None:
                raise Refusal("invalid", "expected a JSON object.")
            self._change(message)
        except Refusal as refusal:
            await self.line.send_str(json.dumps({"error": refusal.reason}))

    def _change(self, message: dict[str, Any]) -> None:
        """Another style, strength and so on from the next frame on; all of it, or nothing."""
        if refused := {"size", "native"} & set(message):  # they change what a frame takes
            raise Refusal("invalid", f"{', '.join(sorted(refused))} cannot be changed; open another line.")
        parameters = {**self._parameters, **message}
        first = next(iter(self._inference.styles))
        self._settings = read_settings(self._inference.styles, first, parameters, self._inference.limits)
        self._parameters = parameters
