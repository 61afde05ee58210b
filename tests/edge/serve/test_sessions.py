"""Live video of several viewers over WebSockets."""

from __future__ import annotations

import asyncio
import gc
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

aiohttp = pytest.importorskip("aiohttp", reason="live sessions need the extra `serve`")

from edge.serve import sessions  # noqa: E402
from tests.edge.serve.conftest import PATIENCE, Gate, Running, Start, drawn, jpeg, pixels_of  # noqa: E402

QUERY = "size=64x48&fps=30"


def visit(server: Running, story: Callable[[Any, str], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with aiohttp.ClientSession() as client:
            return await asyncio.wait_for(story(client, f"http://127.0.0.1:{server.port}/live"), PATIENCE)

    return asyncio.run(run())


async def frame(line: Any) -> np.ndarray:
    """The next painted frame."""
    while isinstance(content := (await line.receive()).data, str):
        pass
    assert isinstance(content, bytes), content
    return pixels_of(content)


async def text(line: Any, key: str) -> Any:
    """The value of a key in the next message that has it."""
    while True:
        message = await line.receive()
        assert message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), message
        if isinstance(message.data, str) and key in (told := json.loads(message.data)):
            return told[key]


def test_frames_are_painted_and_the_style_changes_on_the_way(server: Running) -> None:
    pixels = drawn()

    async def story(client: Any, address: str) -> None:
        async with client.ws_connect(f"{address}?{QUERY}&style=dark") as line:
            await line.send_bytes(jpeg(pixels))
            assert np.abs((await frame(line)).astype(int) - (255 - pixels)).mean() < 5
            await line.send_json({"style": "light"})
            await line.send_bytes(jpeg(pixels))
            assert np.abs((await frame(line)).astype(int) - pixels).mean() < 5
            await line.send_json({"style": "drak"})
            assert "no style 'drak'" in await text(line, "error")
            await line.send_json({"size": "640x360"})
            assert "cannot be changed" in await text(line, "error")
            await line.send_str("[")
            assert "JSON object" in await text(line, "error")
            await line.send_bytes(b"no picture")
            assert "JPEG or PNG" in await text(line, "error")
            await line.send_bytes(jpeg(drawn(480, 640)))
            assert "larger than this line" in await text(line, "error")
            await line.send_bytes(jpeg(pixels))
            assert np.abs((await frame(line)).astype(int) - pixels).mean() < 5

    visit(server, story)


def test_the_newest_frame_wins_and_the_others_are_counted(start: Start, gate: Gate) -> None:
    server = start(gate, workers=1)

    async def story(client: Any, address: str) -> None:
        async with client.ws_connect(f"{address}?{QUERY}") as line:
            await line.send_bytes(jpeg(np.full((48, 64, 3), 10, np.uint8)))
            assert (await frame(line)).mean() > 240
            gate.open.clear()
            begun = gate.begun
            await line.send_bytes(jpeg(np.full((48, 64, 3), 20, np.uint8)))
            while gate.begun == begun:
                await asyncio.sleep(0.01)
            for level in range(30, 130, 10):
                await line.send_bytes(jpeg(np.full((48, 64, 3), level, np.uint8)))
            while await text(line, "missed") < 9:
                pass
            gate.open.set()
            assert abs((await frame(line)).mean() - 235) < 3
            assert abs((await frame(line)).mean() - 135) < 3  # that of level 120, the newest

    visit(server, story)
    assert server.figure("vst_missed_frames_total") == 9


def test_nobody_gets_more_than_asked_for(server: Running) -> None:
    async def story(client: Any, address: str) -> float:
        async with client.ws_connect(f"{address}?size=64x48&fps=5") as line:
            file, begin, seen = jpeg(drawn()), time.monotonic(), 0
            while time.monotonic() < begin + 2:
                await line.send_bytes(file)
                try:
                    await asyncio.wait_for(frame(line), 0.02)
                    seen += 1
                except asyncio.TimeoutError:
                    pass
            return seen / (time.monotonic() - begin)

    assert visit(server, story) <= 6.5  # 5 a second, and one or two at the beginning


def test_all_viewers_take_turns(start: Start, gate: Gate) -> None:
    server = start(gate, workers=1)
    counts = [0, 0, 0]

    async def watch(client: Any, address: str, index: int, style: str) -> None:
        async with client.ws_connect(f"{address}?{QUERY}&style={style}") as line:
            file = jpeg(drawn())
            await line.send_bytes(file)
            while min(counts) < 8:
                await frame(line)
                counts[index] += 1
                for _ in range(3 if index else 1):  # some send more than others
                    await line.send_bytes(file)

    async def story(client: Any, address: str) -> None:
        await asyncio.gather(
            *(watch(client, address, *each) for each in enumerate(("dark", "light", "plain")))
        )

    visit(server, story)
    assert max(counts) - min(counts) <= 4, counts


def test_a_viewer_too_many_is_refused_with_the_figures_and_the_others_go_on(start: Start, gate: Gate) -> None:
    server = start(gate, workers=1, share=1e-9)

    async def refused(client: Any, address: str) -> Any:
        async with client.ws_connect(f"{address}?{QUERY}") as line:
            told = await text(line, "error")
            assert (await line.receive()).type is aiohttp.WSMsgType.CLOSE
            return told, line.close_code

    told, code = visit(server, refused)
    assert (code, "0 viewers take 0%" in told, "64x48, 30 fps" in told) == (1013, True, True), told

    server = start(gate, workers=1, viewers=1, share=100.0)

    async def story(client: Any, address: str) -> None:
        async with client.ws_connect(f"{address}?{QUERY}") as line:
            await line.send_bytes(jpeg(drawn()))
            await frame(line)
            told, code = await refused(client, address)
            assert (code, told) == (1013, "all places for viewers, 1, are taken; come back later.")
            await line.send_bytes(jpeg(drawn()))
            assert (await frame(line)).shape == (48, 64, 3)
        while server.figure("vst_viewers"):
            await asyncio.sleep(0.05)
        async with client.ws_connect(f"{address}?{QUERY}") as line:  # there is room again
            await line.send_bytes(jpeg(drawn()))
            await frame(line)

    visit(server, story)


def test_a_viewer_who_vanishes_or_falls_silent_leaves_the_place(start: Start) -> None:
    server = start(idle=1.0)

    async def story(client: Any, address: str) -> None:
        line = await client.ws_connect(f"{address}?{QUERY}")
        await line.send_bytes(jpeg(drawn()))
        await frame(line)
        assert server.figure("vst_viewers") == 1
        line._writer.transport.abort()
        while server.figure("vst_viewers"):
            await asyncio.sleep(0.05)
        async with client.ws_connect(f"{address}?{QUERY}") as silent:
            assert "no frame came for 1 seconds" in await text(silent, "error")
            assert (await silent.receive()).type is aiohttp.WSMsgType.CLOSE

    visit(server, story)


def test_a_frame_that_is_not_painted_in_time_is_told_and_the_next_ones_come(start: Start, gate: Gate) -> None:
    server = start(gate, workers=1, patience=0.5)

    async def story(client: Any, address: str) -> None:
        async with client.ws_connect(f"{address}?{QUERY}") as line:
            await line.send_bytes(jpeg(drawn()))
            await frame(line)
            gate.open.clear()
            await line.send_bytes(jpeg(drawn()))
            assert await text(line, "error") == "this was not painted within 0.5 seconds."
            gate.open.set()
            await line.send_bytes(jpeg(drawn()))
            assert (await frame(line)).shape == (48, 64, 3)

    visit(server, story)


def test_a_viewer_who_takes_nothing_loses_the_place(start: Start, gate: Gate, monkeypatch, caplog) -> None:
    monkeypatch.setattr(sessions, "SLOW", 0.3)
    server = start(gate, share=100.0)
    noise = jpeg(np.random.default_rng(0).integers(0, 256, (720, 1280, 3), np.uint8))

    async def story(client: Any, address: str) -> None:
        line = await client.ws_connect(f"{address}?size=1280x720&fps=60")
        while server.figure("vst_viewers"):
            with suppress(ConnectionError):
                await line.send_bytes(noise)
            await asyncio.sleep(0.02)

    visit(server, story)
    gc.collect()
    assert [record.message for record in caplog.records] == []


def test_a_key_that_is_no_text_opens_no_line(server: Running) -> None:
    headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec_WebSocket_Version": "13"}
    assert (
        server.ask("GET", "/live", Sec_WebSocket_Key="dGhl\xd8HNhbXBsZSBub25jZQ==", **headers).status == 400
    )


def test_goodbye_is_said_to_all_at_once(server: Running) -> None:
    class Slow:
        """A viewer whose line takes a while to close."""

        line = property(lambda self: self)

        async def close(self, **told: Any) -> None:
            await asyncio.sleep(0.5)

    viewers, begin = server.serving._sessions, time.monotonic()
    viewers._viewers.update({Slow(): 0.0 for _ in range(8)})
    server._call(viewers.close())
    viewers._viewers.clear()
    assert time.monotonic() - begin < 3


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("size=9x", 400),
        ("fps=0", 400),
        ("fps=1000", 400),
        ("size=7680x4320", 413),
        ("style=drak", 404),
        ("x=1", 400),
    ],
)
def test_an_address_that_asks_for_nothing_possible_is_answered(
    server: Running, query: str, status: int
) -> None:
    headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec_WebSocket_Version": "13"}
    answer = server.ask("GET", f"/live?{query}", Sec_WebSocket_Key="AAAAAAAAAAAAAAAAAAAAAA==", **headers)
    assert (answer.status, sorted(answer.told)) == (status, ["error"])


def test_a_foreign_site_gets_no_session(server: Running) -> None:
    async def story(client: Any, address: str) -> None:
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await client.ws_connect(address, origin="http://evil.example")

    visit(server, story)


def test_viewers_are_told_when_the_server_ends(server: Running) -> None:
    async def story(client: Any, address: str) -> int:
        async with client.ws_connect(f"{address}?{QUERY}") as line:
            await line.send_bytes(jpeg(drawn()))
            await frame(line)
            ending = asyncio.create_task(asyncio.to_thread(server.stop))
            async for _ in line:
                pass
            assert await ending
            return line.close_code

    assert visit(server, story) == 1001
