"""HTTP: the Open Inference Protocol v2 with JSON and binary tensors, pictures, viewers, figures.

/v2  /v2/health/live  /v2/health/ready             the server          /metrics       figures for Prometheus
/v2/models  /v2/models/STYLE[/ready]               the styles          /openapi.json  this, for programs
/v2/models/STYLE/infer                             POST of tensors     /live          WebSocket of a viewer
/paint?style=scream                                POST of a JPEG or PNG, the answer is a JPEG

Bodies come and answers go at a pace, never more of all of them in memory than there is room: who sends a byte a second,
or never takes the answer, holds a place for seconds and no longer.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import resources
from typing import Any

from aiohttp import web

from edge.serve.inference import Inference
from edge.serve.limits import Limits, Refusal, picture_size
from edge.serve.protocol import HEADER_LENGTH, json_length, read_field, read_message, read_tensors, written
from edge.serve.sessions import Sessions
from edge.web.guard import Guard, Handler

READ_HERE = 64 << 10  # bytes of JSON
OPEN = ("/v2/health/live", "/v2/health/ready")  # without a token: whoever starts servers asks for them


class Rest:
    """Answers at one inference."""

    def __init__(self, inference: Inference, sessions: Sessions, guard: Guard) -> None:
        """`application` is what is served."""
        self._inference, self._sessions = inference, sessions
        self._bodies = Bodies(inference.limits)
        self.application = web.Application(
            middlewares=[guard.check, self._timely], client_max_size=inference.limits.body
        )
        self.application.on_response_prepare.append(guard.mark)
        model = "/v2/models/{style}"
        gets: dict[str, Handler] = {
            "/v2": self._about,
            "/v2/health/live": self._live,
            "/v2/health/ready": self._ready,
        }
        gets |= {"/v2/models": self._styles, "/metrics": self._metrics, "/openapi.json": self._described}
        gets["/live"] = self._sessions.serve
        for place in (model, f"{model}/versions/{{version}}"):
            gets |= {place: self._style, f"{place}/ready": self._style_ready}
            self.application.router.add_post(f"{place}/infer", self._infer)
        self.application.add_routes([web.get(path, answer) for path, answer in gets.items()])
        self.application.router.add_post("/paint", self._paint)

    @web.middleware
    async def _timely(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refusals as answers; whoever does not take an answer loses the connection."""
        try:
            response = await handler(request)
        except Refusal as refusal:
            response = web.json_response({"error": refusal.reason}, status=refusal.http)
            if refusal.retry_after is not None:
                response.headers["Retry-After"] = str(max(1, round(refusal.retry_after)))
        if isinstance(response, web.Response):
            await self._bodies.hand_over(request, response)
        return response

    async def _about(self, request: web.Request) -> web.Response:
        return web.json_response(self._inference.about())

    async def _live(self, request: web.Request) -> web.Response:
        return web.json_response({"live": True})

    async def _ready(self, request: web.Request) -> web.Response:
        return web.json_response(
            {"ready": self._inference.ready}, status=200 if self._inference.ready else 503
        )

    async def _styles(self, request: web.Request) -> web.Response:
        return web.json_response({"models": list(self._inference.styles)})

    async def _style(self, request: web.Request) -> web.Response:
        return web.json_response(self._inference.style_about(*_named(request)))

    async def _style_ready(self, request: web.Request) -> web.Response:
        name, version = _named(request)
        self._inference.check_style(name, version)
        return web.json_response({"name": name, "ready": self._inference.ready})

    async def _metrics(self, request: web.Request) -> web.Response:
        return web.Response(
            body=self._inference.counters.text(),
            headers={"Content-Type": self._inference.counters.content_type},
        )

    async def _described(self, request: web.Request) -> web.Response:
        text = resources.files("edge.serve").joinpath("openapi.json").read_text(encoding="utf-8")
        described = json.loads(text)
        for place in described["paths"].values():
            for parameter in place.get("parameters", ()):
                parameter["schema"]["enum"] = list(self._inference.styles)
        return web.json_response(described)

    async def _infer(self, request: web.Request) -> web.Response:
        style, version = _named(request)
        with self._inference.counters.request("http"):
            self._inference.check_style(style, version)
            self._inference.workers.check_room()
            async with self._bodies.body(request) as body:
                length = json_length(request.headers.get(HEADER_LENGTH), body, self._inference.limits.json)
                message = await _aside(length, read_message, body[:length])
                tensors = await _aside(length, read_tensors, message, body[length:])
                parameters = {**read_field(message, "parameters", dict, {})}
                parameters.pop("binary_data_output", None)
                painted = await self._inference.infer(style, version, parameters, tensors)
                longest = max(length, len(painted.content))
                content, head = await _aside(longest, written, message, style, painted)
        kind = "application/json" if head is None else "application/octet-stream"
        headers = {} if head is None else {HEADER_LENGTH: str(head)}
        return web.Response(body=content, content_type=kind, headers=headers)

    async def _paint(self, request: web.Request) -> web.Response:
        parameters = {key: value for key, value in request.query.items() if key != "token"}
        style = next(iter(self._inference.styles))
        with self._inference.counters.request("http"):
            self._inference.workers.check_room()
            async with self._bodies.body(request) as body:
                size = picture_size(body, self._inference.limits)
                (painted,) = await self._inference.paint(style, parameters, [(size, body)])
        return web.Response(body=painted, content_type="image/jpeg")


def _named(request: web.Request) -> tuple[str, str]:
    return request.match_info["style"], request.match_info.get("version", "")


async def _aside(length: int, work: Callable[..., Any], *given: Any) -> Any:
    """Read or write what is long in a thread, as everybody else would wait meanwhile."""
    return await asyncio.to_thread(work, *given) if length > READ_HERE else work(*given)


class Bodies:
    """The bodies of all requests of one event loop."""

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
