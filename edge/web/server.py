"""The server of the page, in a thread and an event loop of its own: frames (H, W, 3) uint8 RGB in.

    /             the page             /socket      WebSocket: frames, status, controls
    /stream.mjpg  Motion JPEG          /status      JSON
    /snapshot.jpg the newest frame     /control     POST of one message as JSON
    /offer        POST of a WebRTC offer, where aiortc is installed
    /painting     POST of a picture to paint after, its name in ?name=

It is bound to this machine unless told otherwise; guard.py says who may come in.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib import resources
from typing import Any

from aiohttp import web

from edge.address import Controls
from edge.web.guard import Guard
from edge.web.viewers import FrameHub, Viewer, carry_out, open_line, read_object
from keras_vst.errors import UserError
from keras_vst.frames import Pixels
from keras_vst.video import Provenance

MOST_VIEWERS = 16
LARGEST_MESSAGE = 64 * 1024  # bytes of a control message or a WebRTC offer
LARGEST_PICTURE = 32 * 2**20
UPLOADED = 60.0  # seconds for one to arrive
FILES = {
    "/": ("index.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/drop.js": ("drop.js", "text/javascript"),
}
BOUNDARY = "vst-frame"
STOPPING = 3.0  # seconds for goodbyes


class WebServer:
    """Serves from its construction until `stop`."""

    def __init__(
        self,
        host: str,
        port: int,
        controls: Controls | None,
        *,
        webrtc: bool = False,
        on_painting: Callable[[str, bytes], str] | None = None,
        made_by: Callable[[], Provenance | None] = lambda: None,
    ) -> None:
        """Bind and start; port 0 takes a free one.  `webrtc` is what the page starts with; `made_by` what a snapshot
        says of itself.

        `address` is what to type into a browser.
        """
        self._socket = _bind(host, port)
        self._guard = Guard(host)
        self.address = _address(self._socket, self._guard.token)
        self._controls = controls
        self._webrtc, self._on_painting, self._made_by = webrtc, on_painting, made_by
        self._viewers: set[Viewer] = set()
        self._peers: Any = None
        self._encoders = ThreadPoolExecutor(1, "vst-jpeg")
        self._loop = asyncio.new_event_loop()
        self._hub = FrameHub(self._loop, self._encoders)
        self._stopping = asyncio.Event()
        self._taking = asyncio.Lock()  # one picture at a time: each may take 300 MB
        self._thread = threading.Thread(target=self._run, name="vst-web", daemon=True)
        self._thread.start()

    def publish(self, pixels: Pixels) -> None:
        """Make a frame the newest; never waits for a browser."""
        self._hub.publish(pixels)

    def stop(self) -> None:
        """Say goodbye to all browsers and free the port; may be called twice."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(STOPPING)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()
            self._encoders.shutdown(wait=False)
            self._controls = self._on_painting = None  # aiohttp remembers its handlers, and us, for ever

    async def _serve(self) -> None:
        runner = web.AppRunner(
            self._application(), access_log=None, handle_signals=False, shutdown_timeout=STOPPING / 3
        )
        await runner.setup()
        await web.SockSite(runner, self._socket).start()
        await self._stopping.wait()
        await asyncio.gather(*(viewer.close() for viewer in self._viewers))
        if self._peers is not None:
            await self._peers.close()
        await runner.cleanup()
        left = asyncio.all_tasks() - {asyncio.current_task()}  # aiohttp's own, of clients that vanished
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[self._guard.check], client_max_size=LARGEST_MESSAGE)
        application.on_response_prepare.append(self._guard.mark)
        answers = {"/socket": self._view, "/stream.mjpg": self._stream, "/snapshot.jpg": self._snapshot}
        answers |= {"/status": self._status, **dict.fromkeys(FILES, self._file)}
        application.add_routes([web.get(path, answer) for path, answer in answers.items()])
        application.add_routes([web.post("/control", self._control), web.post("/offer", self._offer)])
        application.add_routes([web.post("/painting", self._painting)])
        return application

    async def _file(self, request: web.Request) -> web.Response:
        name, kind = FILES[request.path]
        text = resources.files("edge.web").joinpath("page", name).read_text(encoding="utf-8")
        return web.Response(text=text, content_type=kind)

    async def _view(self, request: web.Request) -> web.StreamResponse:
        if len(self._viewers) >= MOST_VIEWERS:
            raise web.HTTPServiceUnavailable(text=f"{MOST_VIEWERS} pages are open already; close one.\n")
        connection = await open_line(request, heartbeat=20.0, max_msg_size=LARGEST_MESSAGE)
        viewer = Viewer(connection, self._hub, self._controls)
        self._viewers.add(viewer)
        try:
            await viewer.serve(self._viewers)
        finally:
            self._viewers.discard(viewer)
        return connection

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_type = f"multipart/x-mixed-replace;boundary={BOUNDARY}"
        await response.prepare(request)
        number = 0
        with suppress(ConnectionError):  # that is how viewers leave
            while not self._stopping.is_set():
                number, jpeg = await self._hub.jpeg(after=number)
                head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                await response.write(head.encode() + jpeg + b"\r\n")
        return response

    async def _snapshot(self, request: web.Request) -> web.Response:
        _, jpeg = await self._hub.jpeg(after=0)
        if (made_by := self._made_by()) is not None:
            jpeg = made_by.marked(jpeg, ".jpg")
        return web.Response(body=jpeg, content_type="image/jpeg")

    async def _status(self, request: web.Request) -> web.Response:
        status = self._controls.status() if self._controls is not None else None
        about = {"webrtc": self._webrtc, "paintings": self._on_painting is not None}
        return web.json_response({"status": status, "viewers": len(self._viewers), **about})

    async def _control(self, request: web.Request) -> web.Response:
        answer = await carry_out(self._controls, await _json(request))
        return web.json_response(answer, status=400 if "error" in answer else 200)

    async def _offer(self, request: web.Request) -> web.Response:
        offer = await _json(request)
        if self._peers is None:
            try:
                from edge.web.rtc import Peers
            except ImportError:
                raise web.HTTPNotImplemented(
                    text="WebRTC needs aiortc: pip install 'keras-vst[webrtc]'.\n"
                ) from None
            self._peers = Peers(self._hub)
        return web.json_response(await self._peers.answer(offer))

    async def _painting(self, request: web.Request) -> web.Response:
        if self._on_painting is None:
            raise web.HTTPNotFound(text="No picture is taken here.\n")
        if not request.content_type.startswith("image/"):
            raise web.HTTPUnsupportedMediaType(text="Send a picture, as image/png or the like.\n")
        if self._taking.locked():
            raise web.HTTPServiceUnavailable(text="Another picture is being looked at; send it again.\n")
        async with self._taking:
            try:
                content = await asyncio.wait_for(_picture(request), UPLOADED)
                name = request.query.get("name", "dropped")[:100]
                style = await asyncio.to_thread(self._on_painting, name, content)
            except UserError as error:
                return web.json_response({"error": str(error)}, status=400)
            except asyncio.TimeoutError:
                raise web.HTTPRequestTimeout(text="The picture did not come to its end.\n") from None
        for viewer in tuple(self._viewers):
            await viewer.tell(len(self._viewers))
        return web.json_response({"style": style})


async def _picture(request: web.Request) -> bytes:
    """What is sent, up to a limit of its own: pictures are larger than messages."""
    content = bytearray()
    async for piece in request.content.iter_chunked(1 << 16):
        content += piece
        if len(content) > LARGEST_PICTURE:
            raise web.HTTPRequestEntityTooLarge(LARGEST_PICTURE, len(content))
    return bytes(content)


async def _json(request: web.Request) -> dict[str, Any]:
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="Send application/json.\n")
    if (message := read_object(await request.read())) is None:
        raise web.HTTPBadRequest(text="Expected a JSON object.\n")
    return message


def _bind(host: str, port: int) -> socket.socket:
    name = "127.0.0.1" if host == "localhost" else host
    listener: socket.socket | None = None
    try:
        family, kind, protocol, _, target = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        if os.name == "posix":  # there it means: take over a port that nobody listens on any more
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(target)
        listener.listen(64)
    except OSError as error:
        if listener is not None:
            listener.close()
        raise UserError(
            f"no page can be served at {host}:{port} ({error.strerror}); name another address, "
            f"for instance web://127.0.0.1:{port + 1 if 0 < port < 65535 else 8081}."
        ) from error
    return listener


def _address(listener: socket.socket, token: str) -> str:
    """What to type into a browser."""
    host, port = listener.getsockname()[:2]
    name = socket.gethostname() if host in ("0.0.0.0", "::") else host
    return f"http://{f'[{name}]' if ':' in name else name}:{port}/{f'?token={token}' if token else ''}"
