"""A server of the page, the controls behind it, and talking to it as a browser or a program would."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from edge.controls import Controls
from keras_vst import zoo

if TYPE_CHECKING:
    import aiohttp

    from edge.web.server import WebServer

Visit = Callable[["aiohttp.ClientSession", str], Awaitable[Any]]


@pytest.fixture
def controls() -> Controls:
    return Controls(["wave", "scream"], [1.0, 0.0])


@pytest.fixture
def server(controls: Controls) -> Iterator[WebServer]:
    from edge.web.server import WebServer

    running = WebServer("127.0.0.1", 0, controls)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def files() -> dict[str, bytes]:
    """The page of `vst web`."""
    from edge import phone

    return phone.page(zoo.styles(quality="live"))


@pytest.fixture(scope="session")
def camera(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The flag that makes a clip Chromium's camera."""
    from tests.edge.web.sites import filmed, frames

    return filmed(tmp_path_factory.mktemp("camera") / "camera.y4m", frames())


def grey(level: int, height: int = 48, width: int = 64) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def level_of(jpeg: bytes) -> int:
    return round(float(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).mean()))


def visit(server: WebServer, story: Visit) -> Any:
    """Run a coroutine that talks to the server; cookies of addresses in numbers are kept, as browsers do."""
    import aiohttp

    async def run() -> Any:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
            return await asyncio.wait_for(story(client, server.address.partition("?")[0].rstrip("/")), 20)

    return asyncio.run(run())


def get(server: WebServer, path: str, **request: Any) -> tuple[int, bytes, Any]:
    async def story(client, base):
        async with client.get(f"{base}{path}", **request) as answer:
            return answer.status, await answer.read(), answer.headers

    return visit(server, story)


def post(server: WebServer, path: str, **request: Any) -> tuple[int, Any]:
    async def story(client, base):
        async with client.post(f"{base}{path}", **request) as answer:
            return answer.status, await answer.text()

    return visit(server, story)


async def binary(line: Any) -> bytes:
    """The next frame at a WebSocket."""
    while isinstance(content := (await line.receive()).data, str):
        pass
    return content


async def text(line: Any, key: str = "missed") -> dict[str, Any]:
    """The next message at a WebSocket that has this key."""
    while True:
        content = (await line.receive()).data
        if isinstance(content, str) and key in (message := json.loads(content)):
            return message
