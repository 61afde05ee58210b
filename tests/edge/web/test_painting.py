"""A picture sent to the page: taken whole, up to a limit, from this page alone; what is wrong with it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from importlib import resources

import pytest

aiohttp = pytest.importorskip("aiohttp", reason="the page needs aiohttp, of the extra `live`")

from edge.web import server as module  # noqa: E402
from edge.web.server import WebServer  # noqa: E402
from keras_vst.errors import UserError  # noqa: E402
from tests.edge.web.conftest import get, post, visit  # noqa: E402

PNG = {"Content-Type": "image/png"}


@pytest.fixture
def taken() -> list[tuple[str, bytes]]:
    return []


@pytest.fixture
def page(controls, taken) -> Iterator[WebServer]:
    def take(name: str, content: bytes) -> str:
        if content == b"bad":
            raise UserError(f"{name} is not a picture.")
        taken.append((name, content))
        return "mine"

    running = WebServer("127.0.0.1", 0, controls, on_painting=take)
    yield running
    running.stop()


def test_a_picture_is_taken_whole(page, taken):
    content = bytes(range(256)) * 1024
    assert post(page, "/painting?name=my.png", data=content, headers=PNG) == (200, '{"style": "mine"}')
    assert taken == [("my.png", content)]


def test_what_is_wrong_with_it_is_told(page):
    status, answer = post(page, "/painting?name=x", data=b"bad", headers=PNG)
    assert (status, json.loads(answer)) == (400, {"error": "x is not a picture."})


def test_one_that_is_too_large_is_refused(page, taken, monkeypatch):
    monkeypatch.setattr(module, "LARGEST_PICTURE", 1000)
    assert post(page, "/painting", data=bytes(1001), headers=PNG)[0] == 413
    assert taken == []


def test_one_that_never_ends_is_given_up_and_the_next_is_taken(page, taken, monkeypatch):
    monkeypatch.setattr(module, "UPLOADED", 0.2)

    async def endless():
        for _ in range(100):
            yield b"x"
            await asyncio.sleep(0.1)

    async def story(client, base):
        async with client.post(f"{base}/painting", data=endless(), headers=PNG) as answer:
            return answer.status

    assert visit(page, story) == 408
    assert post(page, "/painting?name=my.png", data=b"x", headers=PNG)[0] == 200
    assert taken == [("my.png", b"x")]


def test_something_else_is_refused(page):
    assert post(page, "/painting", data=b"x", headers={"Content-Type": "text/html"})[0] == 415
    assert post(page, "/painting", json={})[0] == 415


def test_another_site_may_not_send_one(page, taken):
    headers = {**PNG, "Origin": "http://evil.example"}
    assert post(page, "/painting", data=b"x", headers=headers)[0] == 403
    assert taken == []


def test_a_long_name_is_cut(page, taken):
    post(page, f"/painting?name={'x' * 5000}", data=b"x", headers=PNG)
    assert len(taken[0][0]) == 100


def test_where_styles_cannot_be_changed_there_is_no_drop_field(server):
    assert json.loads(get(server, "/status")[1])["paintings"] is False
    assert post(server, "/painting", data=b"x", headers=PNG)[0] == 404


def test_the_page_has_a_drop_field_that_stays_hidden_until_it_is_wanted(page):
    html = get(page, "/")[1].decode()
    assert '<label id="drop" class="row" hidden>' in html
    script = resources.files("edge.web").joinpath("page", "drop.js").read_bytes()
    assert get(page, "/drop.js")[1] == script
    assert json.loads(get(page, "/status")[1])["paintings"] is True
