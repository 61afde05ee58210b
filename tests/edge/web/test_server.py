"""What comes out of the page's server, and that nobody waits for a browser."""

from __future__ import annotations

import asyncio
import gc
import json
import re
import threading
import time
import weakref
from fractions import Fraction
from importlib import resources

import numpy as np
import pytest

aiohttp = pytest.importorskip("aiohttp", reason="the page needs aiohttp, of the extra `live`")

from edge.controls import KEYS, Controls  # noqa: E402
from edge.sinks import open_sink  # noqa: E402
from edge.web.server import WebServer  # noqa: E402
from keras_vst.errors import UserError  # noqa: E402
from keras_vst.video import Provenance, TimedFrame, VideoInfo  # noqa: E402
from tests.edge.web.conftest import binary, get, grey, level_of, post, text, visit  # noqa: E402
from tests.keras_vst.test_video_provenance import IPTC, packet  # noqa: E402


def test_the_page_is_whole_and_loads_nothing_from_elsewhere(server: WebServer) -> None:
    status, page, headers = get(server, "/")
    assert status == 200
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    for path in ("/page.css", "/page.js"):
        assert path.encode() in page
        status, content, _ = get(server, path)
        assert status == 200
        assert b"http://" not in content + page
        assert b"https://" not in content + page


def test_a_message_changes_the_controls_and_the_status_tells(server: WebServer, controls: Controls) -> None:
    status, answer = post(server, "/control", json={"strength": 40, "style": "scream"})
    assert (status, json.loads(answer)["strength"]) == (200, 40)
    assert controls.status()["style"] == "scream"
    assert json.loads(get(server, "/status")[1])["status"]["strength"] == 40


def test_a_snapshot_is_the_newest_frame(server: WebServer) -> None:
    for level in (10, 90, 200):
        server.publish(grey(level))
    status, jpeg, headers = get(server, "/snapshot.jpg")
    assert (status, headers["Content-Type"]) == (200, "image/jpeg")
    assert level_of(jpeg) == 200


def test_a_snapshot_says_what_painted_it_at_this_moment(controls: Controls) -> None:
    made_by = Provenance("wave")
    sink = open_sink("web:0", VideoInfo(64, 48), controls=controls, made_by=lambda: made_by)
    try:
        sink.write(TimedFrame(grey(90), Fraction(0)))
        for made_by in (Provenance("wave"), Provenance("scream"), None):
            jpeg = get(sink, "/snapshot.jpg")[1]
            assert level_of(jpeg) == 90
            assert jpeg.count(b"<x:xmpmeta") == (made_by is not None)
            assert made_by is None or packet(jpeg)[f"{IPTC}AISystemUsed"] == f"keras_vst: {made_by.network}"
    finally:
        sink.close()


def test_pixels_may_change_after_they_were_handed_over(server: WebServer) -> None:
    pixels = grey(50)
    server.publish(pixels)
    pixels[:] = 250
    assert level_of(get(server, "/snapshot.jpg")[1]) == 50


def test_motion_jpeg_streams(server: WebServer) -> None:
    async def story(client, base):
        server.publish(grey(10))
        async with client.get(f"{base}/stream.mjpg") as answer:
            assert answer.content_type == "multipart/x-mixed-replace"
            levels = []
            for level in (10, 60, 110, 110):
                server.publish(grey(level))
                head = await answer.content.readuntil(b"\r\n\r\n")
                size = int(head.lower().split(b"content-length:")[1].split()[0])
                levels.append(level_of(await answer.content.readexactly(size)))
                await answer.content.readexactly(2)
            return levels

    assert visit(server, story)[-1] == 110


def test_a_browser_gets_frames_only_when_it_is_ready_and_then_the_newest(server: WebServer) -> None:
    async def story(client, base):
        async with client.ws_connect(f"{base}/socket") as line:
            for level in range(0, 200, 10):
                server.publish(grey(level))
            await line.send_json({"ready": 1})
            first = await binary(line)
            for level in range(0, 250, 10):
                server.publish(grey(level))
            await line.send_json({"ready": 1})
            second = await binary(line)
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(binary(line), 0.2)
            status = await text(line)
            return level_of(first), level_of(second), status["missed"]

    first, second, missed = visit(server, story)
    assert (first, second) == (190, 240)
    assert missed >= 23


def test_pages_see_each_others_changes_and_their_own_mistakes(server: WebServer) -> None:
    async def story(client, base):
        async with client.ws_connect(f"{base}/socket") as one, client.ws_connect(f"{base}/socket") as other:
            await one.send_json({"strength": 30})
            while (await text(other))["status"]["strength"] != 30:
                pass
            await one.send_json({"strength": 300})
            mistake = await text(one, "error")
            await one.send_str("[")
            return mistake, await text(one, "error"), await text(other)

    mistake, nonsense, status = visit(server, story)
    assert "strength" in mistake["error"]
    assert "JSON object" in nonsense["error"]
    assert status["viewers"] == 2
    assert status["status"]["strength"] == 30


def test_a_browser_that_reads_nothing_does_not_slow_the_frames(server: WebServer) -> None:
    big = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)

    async def story(client, base):
        async with client.get(f"{base}/stream.mjpg"), client.ws_connect(f"{base}/socket") as line:
            await line.send_json({"ready": 1000})
            longest = 0.0
            for _ in range(60):
                start = time.perf_counter()
                server.publish(big)
                longest = max(longest, time.perf_counter() - start)
                await asyncio.sleep(0.005)
            return longest

    assert visit(server, story) < 0.5  # one that waited for it would take seconds


def test_stopping_says_goodbye_and_leaves_nothing_behind() -> None:
    before = set(threading.enumerate())
    sink = open_sink("web://127.0.0.1:0", VideoInfo(64, 48))
    sink.write(TimedFrame(grey(10), Fraction(0)))
    server = sink._server  # pyright: ignore

    async def story(client, base):
        line = await client.ws_connect(f"{base}/socket")
        await line.send_json({"ready": 1})
        await binary(line)
        stopper = threading.Thread(target=sink.close)
        stopper.start()
        while (message := await line.receive()).type is aiohttp.WSMsgType.TEXT:
            pass
        await asyncio.to_thread(stopper.join)
        return message.type, line.close_code

    assert visit(server, story) == (aiohttp.WSMsgType.CLOSE, 1001)
    sink.abort()
    assert not [t for t in set(threading.enumerate()) - before if t.name.startswith("vst")]
    with pytest.raises(aiohttp.ClientConnectorError):
        get(server, "/")


def test_what_the_page_steered_is_let_go_at_the_end() -> None:
    """A painter holds a network and its threads; aiohttp holds whatever has answered a request."""

    class Steered:
        def drop(self, name: str, content: bytes) -> str:
            return name

    steered = Steered()
    seen, running = weakref.ref(steered), WebServer("127.0.0.1", 0, None, on_painting=steered.drop)
    assert get(running, "/status")[0] == 200
    running.stop()
    del steered, running
    gc.collect()
    assert seen() is None


def test_a_taken_port_is_told_with_another(server: WebServer, capsys: pytest.CaptureFixture[str]) -> None:
    port = int(server.address.rstrip("/").rpartition(":")[2])
    with pytest.raises(UserError, match=rf"127\.0\.0\.1:{port} \(Address already in use\); name another"):
        open_sink(f"web:{port}", VideoInfo(64, 48))


def test_the_page_knows_the_keys_of_the_window_and_sends_what_they_send() -> None:
    script = resources.files("edge.web").joinpath("page", "page.js").read_text(encoding="utf-8")
    pressed = re.findall(r"^const KEYS = \{(.*)\};$", script, re.MULTILINE)[0]
    buttons = {key or quoted for quoted, key in re.findall(r'(?:"(.)"|\b(\w)): "', pressed)}
    table = re.findall(r"^const ORDERS = \{$(.*?)^\};$", script, re.MULTILINE | re.DOTALL)[0]
    orders = {
        key or quoted: json.loads(re.sub(r"(\w+):", r'"\1":', message))
        for quoted, key, message in re.findall(r'^  (?:"(.)"|(\w+)): (\{.*\}),$', table, re.MULTILINE)
    }
    for key, (_, message) in KEYS.items():
        if key == "q":  # one viewer of many does not end it by a key
            continue
        assert orders.get(key) == message or (" " if key == "space" else key) in buttons, key
