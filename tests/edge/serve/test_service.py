"""The command itself, as a process: what it refuses, how it ends, and that it can be killed at any moment."""

from __future__ import annotations

import base64
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

pytest.importorskip("prometheus_client", reason="the server needs the extra `serve`")
pytest.importorskip("grpc", reason="the server needs the extra `serve`")

from edge.serve.service import TOKEN, cores
from tests.edge.conftest import Command
from tests.edge.serve.conftest import PATIENCE, drawn, jpeg
from tests.keras_vst.networks.networks import write_style
from tests.keras_vst.test_video_provenance import IPTC, packet

ROOT = Path(__file__).parents[3]
posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


class Process:
    """`vst serve` with one tiny style of its own, ready."""

    def __init__(self, zoo: Path, port: int, *arguments: str) -> None:
        command = [sys.executable, "-m", "edge", "serve", "--styles", "tiny", "--port", str(port), *arguments]
        environment = {**os.environ, "KERAS_VST_ZOO": str(zoo), "PYTHONPATH": str(ROOT)}
        environment.pop(TOKEN, None)
        self.port = port
        self.running = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + PATIENCE
        while self.status("GET", "/v2/health/ready") != 200:
            assert self.running.poll() is None, self.running.stderr.read()  # pyright: ignore
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def status(self, method: str, path: str, body: bytes | None = None) -> int:
        """That of one answer; 0 where nobody answers, -1 where an answer breaks off."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            line.request(method, path, body)
            answer = line.getresponse()
            answer.read()
            return answer.status
        except ConnectionRefusedError:
            return 0
        except (OSError, http.client.HTTPException):
            return -1
        finally:
            line.close()

    def end(self, kind: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Exit status and what was said."""
        self.running.send_signal(kind)
        _, told = self.running.communicate(timeout=PATIENCE)
        return self.running.returncode, told


@pytest.fixture
def zoo(tmp_path: Path, negative: Path) -> Path:
    write_style(tmp_path / "zoo", "tiny", negative)
    return tmp_path / "zoo"


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@posix
def test_a_server_killed_under_load_starts_again_at_once_and_goes_on(zoo: Path, port: int) -> None:
    server, file, statuses, over = Process(zoo, port), jpeg(drawn(200, 300)), [], threading.Event()

    def ask() -> None:
        while not over.is_set():
            statuses.append(server.status("POST", "/paint", file))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    while statuses.count(200) < 8:
        time.sleep(0.01)
    assert server.end(signal.SIGKILL)[0] == -signal.SIGKILL
    again = Process(zoo, port)  # at the same port, while clients still ask
    painted = statuses.count(200)
    while statuses.count(200) < painted + 8:
        time.sleep(0.01)
    over.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert set(statuses) <= {200, 0, -1}  # an answer is whole, or is none
    status, told = again.end()
    assert (status, "Traceback" in told) == (0, False), told


@posix
def test_it_ends_in_peace_and_tells_where_it_is_and_nothing_of_what_is_no_http(zoo: Path, port: int) -> None:
    server = Process(zoo, port)
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as line:
        line.sendall(b"GET / HTTP/1.1\r\nX: \0\r\n\r\n")
        assert b" 400 " in line.recv(100)
    status, told = server.end(signal.SIGINT)
    assert told.count("\n") - told.count("INFO: ") == 2, told
    assert (status, f"vst: tiny at http://127.0.0.1:{port}/v2" in told) == (0, True), told


@pytest.mark.parametrize(("options", "told"), [((), 2), (("--no-metadata",), 0)])
def test_pictures_say_what_painted_them_unless_that_is_not_wanted(
    zoo: Path, port: int, options: tuple[str, ...], told: int
) -> None:
    server, file = Process(zoo, port, *options), jpeg(drawn())
    tensor = {"name": "image_bytes", "shape": [1], "datatype": "BYTES"}
    message = {"inputs": [{**tensor, "data": [base64.b64encode(file).decode()]}]}
    address = f"http://127.0.0.1:{port}"
    with urlopen(Request(f"{address}/paint", file), timeout=PATIENCE) as answer:
        painted = [answer.read()]
    with urlopen(f"{address}/v2/models/tiny/infer", json.dumps(message).encode(), PATIENCE) as answer:
        painted.append(base64.b64decode(json.load(answer)["outputs"][0]["data"][0]))
    server.end()
    assert sum(b"Iptc4xmpExt" in each for each in painted) == told
    for each in painted[:told]:
        assert packet(each)[f"{IPTC}AISystemUsed"] == "keras_vst: tiny"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--styles", "drak"], "no style 'drak'; did you mean 'dark'"),
        (["--styles", "dark:0.5,light"], "--styles takes names"),
        (["--styles", ""], "is empty"),
        (["--port", "0"], "whole number from 1"),
        (["--port", "99999"], "ports end at 65535"),
        (["--host", "192.0.2.1", "--port", "9"], "nothing can be served at 192.0.2.1:9"),
        (["--saved-model", "gone"], "holds no version"),
        (["--saved-model", "gone", "--styles", "dark"], "leave --styles out"),
        (["--largest", "9"], "WIDTHxHEIGHT"),
    ],
)
def test_a_mistake_is_one_line(vst: Command, bundled: Path, arguments: list[str], words: str) -> None:
    status, _, told = vst("serve", *arguments)
    assert (status, words in told, told.count("\n")) == (2, True, 1), told


def test_a_port_that_is_taken_is_told(vst: Command, bundled: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        status, _, told = vst("serve", "--port", taken.getsockname()[1])
    assert (status, "name another --port" in told) == (2, True)
    assert not [thread for thread in threading.enumerate() if thread.name == "vst-worker"]


def test_a_style_that_does_not_paint_is_told_before_anybody_asks(
    vst: Command, bundled: Path, port: int
) -> None:
    (bundled / "dark" / "dark.tflite").write_bytes(b"broken")
    status, _, told = vst("serve", "--port", port)
    assert (status, "dark does not paint" in told) == (2, True)


def test_the_cores_are_those_that_this_process_may_use() -> None:
    assert 1 <= cores() <= (os.cpu_count() or 1)
