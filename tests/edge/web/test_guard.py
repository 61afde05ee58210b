"""Who may come in."""

from __future__ import annotations

import gc
import logging
import socket
import struct
import time

import pytest

aiohttp = pytest.importorskip("aiohttp", reason="the page needs aiohttp, of the extra `live`")

from edge.sinks import open_sink  # noqa: E402
from edge.sinks.displays import host_and_port  # noqa: E402
from edge.web.guard import is_loopback  # noqa: E402
from edge.web.server import LARGEST_MESSAGE, WebServer  # noqa: E402
from keras_vst.errors import UserError  # noqa: E402
from keras_vst.video import VideoInfo  # noqa: E402
from tests.edge.web.conftest import get, post, text, visit  # noqa: E402


@pytest.mark.parametrize("path", ["/../server.py", "/%2e%2e/server.py", "/page/index.html", "/server.py"])
def test_no_other_file_can_be_had(server: WebServer, path: str) -> None:
    host, port = "127.0.0.1", int(server.address.rstrip("/").rpartition(":")[2])
    with socket.create_connection((host, port), timeout=5) as line:  # a client library would tidy the path up
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        assert line.recv(12) == b"HTTP/1.1 404"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),  # a name that was made to lead here
        ({"Host": "localhost.evil.example"}, 421),
        ({"Host": "192.168.1.7:8080"}, 421),
        ({"Host": "localhost:9000"}, 200),  # the near end of an SSH tunnel
        ({"Host": "[::1]:9000"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://[bad"}, 403),
        (
            {"Origin": "http://\u2100.example"},
            403,
        ),  # changes what the address means when it is brought into form
        ({"Host": "[bad"}, 421),
        ({"Host": "localhost:9000", "Origin": "http://localhost:9000"}, 200),
        ({"Host": "localhost:9000", "Origin": "http://localhost:9001"}, 403),
    ],
)
def test_foreign_names_and_foreign_sites_are_kept_out(
    server: WebServer, headers: dict[str, str], status: int
) -> None:
    assert get(server, "/status", headers=headers)[0] == status


def test_a_foreign_site_gets_no_socket(server: WebServer) -> None:
    async def story(client, base):
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await client.ws_connect(f"{base}/socket", origin="http://evil.example")

    visit(server, story)


@pytest.mark.parametrize(
    ("request_", "status", "text"),
    [
        ({"json": {"strength": "much"}}, 400, "strength"),
        ({"json": [1]}, 400, "JSON object"),
        ({"data": b"{", "headers": {"Content-Type": "application/json"}}, 400, "JSON object"),
        ({"data": b"[" * 60_000, "headers": {"Content-Type": "application/json"}}, 400, "JSON object"),
        ({"data": b'{"a":' * 12_000, "headers": {"Content-Type": "application/json"}}, 400, "JSON object"),
        ({"data": b"\xff" * 9, "headers": {"Content-Type": "application/json"}}, 400, "JSON object"),
        ({"data": b'{"strength": 1}'}, 415, "application/json"),  # what a form of another site can send
        ({"data": {"strength": "1"}}, 415, "application/json"),
        ({"json": {"style": "x" * LARGEST_MESSAGE}}, 413, ""),
    ],
)
def test_what_is_no_message_is_refused(server: WebServer, controls, request_, status: int, text: str) -> None:
    before = controls.status()
    answer = post(server, "/control", **request_)
    assert answer[0] == status
    assert text in answer[1]
    assert controls.status() == before


@pytest.mark.parametrize("path", ["/control", "/offer", "/painting"])
@pytest.mark.parametrize("reset", [False, True])
def test_a_client_that_vanishes_in_the_middle_leaves_no_traceback(
    server, caplog, path: str, reset: bool
) -> None:
    host, port = "127.0.0.1", int(server.address.rstrip("/").rpartition(":")[2])
    with socket.create_connection((host, port), timeout=5) as line:
        head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n"
        line.sendall(head.encode() + b'{"strength"')
        time.sleep(0.2)
        if reset:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    time.sleep(0.3)
    assert get(server, "/status")[0] == 200
    server.stop()
    gc.collect()  # asyncio tells of what was left in work once it is let go of
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.parametrize(
    "request_",
    [
        b"POST /offer TT\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /\xef HTTP/1.1\x1d\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: \x7f\xef\r\n\r\n",
    ],
)
def test_what_is_no_http_is_answered_and_leaves_no_traceback(server, capfd, request_: bytes) -> None:
    host, port = "127.0.0.1", int(server.address.rstrip("/").rpartition(":")[2])
    with socket.create_connection((host, port), timeout=5) as line:
        line.sendall(request_)
        assert line.recv(4096).startswith(b"HTTP/1.0 400")
    assert get(server, "/status")[0] == 200
    assert capfd.readouterr().err == ""


def test_a_key_that_is_no_text_opens_no_socket(server: WebServer) -> None:
    key = {"Sec-WebSocket-Key": "dGhl\udcd8HNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13"}
    head = {"Connection": "Upgrade", "Upgrade": "websocket", "Host": "localhost", **key}
    host, port = "127.0.0.1", int(server.address.rstrip("/").rpartition(":")[2])
    with socket.create_connection((host, port), timeout=5) as line:
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        line.sendall(f"GET /socket HTTP/1.1\r\n{lines}\r\n".encode(errors="surrogateescape"))
        assert line.recv(4096).startswith(b"HTTP/1.1 400")


def test_brackets_without_end_at_the_socket_are_answered(server: WebServer) -> None:
    async def story(client, base):
        async with client.ws_connect(f"{base}/socket") as line:
            await line.send_str("[" * 60_000)
            assert "expected a JSON object" in (await text(line, "error"))["error"]
            await line.send_str('{"ready": 1}')

    visit(server, story)


def test_a_token_that_is_no_text_is_wrong(server: WebServer, monkeypatch) -> None:
    monkeypatch.setattr(server._guard, "token", "secret")
    assert get(server, "/status", headers={"Cookie": "vst-token=\udcff\udcfe"})[0] == 401
    assert get(server, "/status?token=%ff%00")[0] == 401


def test_too_many_pages_are_turned_away(server: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.web.server.MOST_VIEWERS", 1)

    async def story(client, base):
        async with client.ws_connect(f"{base}/socket"):
            with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
                await client.ws_connect(f"{base}/socket")

    visit(server, story)


def test_the_network_needs_the_token() -> None:
    server = WebServer("0.0.0.0", 0, None)
    try:
        token = server.address.partition("?token=")[2]
        port = int(server.address.partition("/?")[0].rpartition(":")[2])

        async def story(client, base):
            base = f"http://127.0.0.1:{port}"
            requests = [
                (path, {}) for path in ("/status", "/status?token=guess", f"/?token={token}", "/status")
            ]
            requests += [("/status", {"Host": host}) for host in ("evil.example", f"192.168.1.7:{port}")]
            seen = []
            for path, headers in requests:
                async with client.get(base + path, headers=headers) as answer:
                    seen.append(answer.status)
            return seen

        seen = visit(server, story)
    finally:
        server.stop()
    assert len(token) > 20
    assert seen == [401, 401, 200, 200, 421, 200]


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("web:", ("127.0.0.1", 8080)),
        ("web:9000", ("127.0.0.1", 9000)),
        ("web://0.0.0.0:9000", ("0.0.0.0", 9000)),
        ("web://localhost", ("localhost", 8080)),
        ("web://[::1]:0", ("::1", 0)),
    ],
)
def test_addresses_of_pages(uri: str, expected: tuple[str, int]) -> None:
    from edge.address import parse_address

    assert host_and_port(parse_address(uri, ["web"], "sink")) == expected


@pytest.mark.parametrize("uri", ["web:host", "web://a/b", "web:99999999", "web:8080/x"])
def test_what_is_no_address_of_a_page_is_refused(uri: str) -> None:
    with pytest.raises(UserError, match="no address of a page"):
        open_sink(uri, VideoInfo(64, 48))


def test_loopback_is_told_from_the_rest() -> None:
    assert [is_loopback(host) for host in ("localhost", "127.0.0.1", "::1", "0.0.0.0", "example.org")] == [
        True, True, True, False, False,
    ]  # fmt: skip
