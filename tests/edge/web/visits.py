"""Talking to the page's server as a browser or a program would."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import cv2
import numpy as np
import pytest

aiohttp = pytest.importorskip("aiohttp", reason="the page needs aiohttp, of the extra `live`")

from edge.web.server import WebServer  # noqa: E402

Visit = Callable[["aiohttp.ClientSession", str], Awaitable[Any]]


def grey(level: int, height: int = 48, width: int = 64) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def level_of(jpeg: bytes) -> int:
    return round(float(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).mean()))


def visit(server: WebServer, story: Visit) -> Any:
    """Run a coroutine that talks to the server."""

    async def run() -> Any:
        async with aiohttp.ClientSession() as client:
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
    while True:
        message = await line.receive()
        if message.type is aiohttp.WSMsgType.BINARY:
            return message.data


async def text(line: Any, key: str = "missed") -> dict[str, Any]:
    while True:
        message = await line.receive()
        if message.type is aiohttp.WSMsgType.TEXT and key in (content := json.loads(message.data)):
            return content


def with_cookies(story: Visit) -> Visit:
    """Cookies of addresses in numbers are kept too, as browsers do."""

    async def run(client, base):
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as own:
            return await story(own, base)

    return run
