"""What somebody may send who means no good: limits hold, one line says why, and the server goes on."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import time

import numpy as np
import pytest

from edge.serve.limits import Limits, picture_size
from tests.edge.serve.conftest import PATIENCE, Running, Start, drawn, frame_tensor, jpeg
from tests.keras_vst.clips import png_of


def resized(file: bytes, height: int, width: int) -> bytes:
    """A JPEG that claims another size."""
    at = file.index(b"\xff\xc0") + 5
    return file[:at] + struct.pack(">HH", height, width) + file[at + 4 :]


def misled(filling: bytes) -> bytes:
    """A JPEG of 10000x10000, with what is no segment before its size; whoever steps over it as one misses that."""
    huge = resized(jpeg(drawn()), 10_000, 10_000)
    at = huge.index(b"\xff\xc0")
    return huge[:at] + filling + huge[at:]


def progressive(scans: int) -> bytes:
    file = jpeg(drawn())
    scan = file[file.index(b"\xff\xda") : -2]
    return file[:-2] + scan * scans + file[-2:]


@pytest.mark.parametrize(
    ("file", "status", "words"),
    [
        (png_of(40_000, 40_000), 413, "too large"),
        (png_of(1, 65_000), 413, "along a side"),
        (resized(jpeg(drawn()), 10_000, 10_000), 413, "10000x10000"),
        (resized(jpeg(drawn()), 0, 64), 400, "no pixels"),
        (jpeg(drawn())[:-20], 400, "ends early"),
        (jpeg(drawn())[:300], 400, ""),
        (misled(b"\xff"), 413, "10000x10000"),
        (misled(b"\xff\xd0"), 413, "10000x10000"),
        (progressive(200), 413, "scans"),
        (b"\xff\xd8\xff" + b"\xff\xe0\x00\x02" * 50_000, 400, "no pixels"),
        (b"GIF89a" + bytes(100), 400, "JPEG or PNG"),
        (b"<svg/>", 400, "JPEG or PNG"),
        (b"", 400, "JPEG or PNG"),
    ],
)
def test_pictures_that_would_cost_more_than_they_show_are_refused(
    server: Running, file: bytes, status: int, words: str
) -> None:
    begin = time.monotonic()
    answer = server.ask("POST", "/paint?style=dark", file)
    assert (answer.status, words in answer.told["error"]) == (status, True), answer.body
    assert (
        server.figure('vst_paint_seconds_count{kind="request"}') == 3
    )  # those of the start: it was not decoded
    assert time.monotonic() - begin < PATIENCE / 2


def test_a_large_png_has_no_scans() -> None:
    file = png_of(64, 48).replace(b"IEND", b"\xff\xda" * 200 + b"IEND")
    assert picture_size(file, Limits()) == (48, 64)


def test_a_raw_picture_of_a_hundred_megapixels_is_refused_by_its_shape(server: Running) -> None:
    tensor = {"name": "frame", "datatype": "UINT8", "shape": [1, 10_000, 10_000, 3], "data": []}
    answer = server.infer("dark", {"inputs": [tensor]})
    assert (answer.status, "10000x10000" in answer.told["error"]) == (413, True)


def test_a_body_beyond_the_limit_is_not_read(start: Start) -> None:
    server = start(body=100_000)
    answer = server.ask("POST", "/paint", bytes(100_001))
    assert (answer.status, answer.told["error"]) == (413, "a request may have 100000 bytes.")
    bomb = gzip.compress(bytes(50_000_000))
    assert len(bomb) < 100_000
    assert server.ask("POST", "/paint", bomb, Content_Encoding="gzip").status in (400, 413)
    assert server.ask("POST", "/paint?style=dark", jpeg(drawn())).status == 200


def test_json_has_a_limit_of_its_own(start: Start) -> None:
    server = start(json=10_000)
    answer = server.infer("dark", {"inputs": [frame_tensor(drawn(64, 64)[np.newaxis])]})
    assert (answer.status, "raw tensors" in answer.told["error"]) == (413, True)


@pytest.mark.parametrize("length", ["99999999", "-1", "1e3", "\uff19", ""])
def test_a_length_of_json_that_is_none_is_told(server: Running, length: str) -> None:
    body = json.dumps({"inputs": []}).encode()
    given = {"Inference_Header_Content_Length": length.encode().decode("latin-1")}
    assert server.ask("POST", "/v2/models/dark/infer", body, **given).status in (400, 413)


def drip(port: int, start: bytes, seconds: float) -> float:
    """Send a beginning and then a byte now and then; how long that was allowed."""
    begin = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as line:
        line.sendall(start)
        line.settimeout(0.1)
        while time.monotonic() - begin < seconds:
            try:
                if not (told := line.recv(4096)) or b" 408 " in told:
                    break
            except TimeoutError:
                line.send(b"x")
            except OSError:
                break
    return time.monotonic() - begin


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"POST /paint HTTP/1.1\r\nHost: localhost\r\nX: ",
        b"POST /paint HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000\r\n\r\n",
    ],
    ids=["nothing", "headers", "body"],
)
def test_who_sends_a_byte_now_and_then_is_cut_off_and_others_are_served(
    start: Start, beginning: bytes
) -> None:
    server = start(idle=1.0, silence=1.0)
    assert drip(server.port, beginning, 30) < 20
    assert server.ask("POST", "/paint?style=dark", jpeg(drawn())).status == 200


def test_many_who_hold_the_line_take_no_place_from_others(start: Start) -> None:
    server = start(idle=30.0)
    lines = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(100)]
    for line in lines:
        line.sendall(b"POST /paint HTTP/1.1\r\n")
    assert server.ask("POST", "/paint?style=dark", jpeg(drawn())).status == 200
    for line in lines:
        line.close()


def test_readers_have_an_end(start: Start) -> None:
    server = start(readers=1)
    with socket.create_connection(("127.0.0.1", server.port)) as line:
        line.sendall(b"POST /paint HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000\r\n\r\n")
        deadline = time.monotonic() + PATIENCE
        while (status := server.ask("POST", "/paint?style=dark", jpeg(drawn())).status) != 429:
            assert time.monotonic() < deadline
    while (status := server.ask("POST", "/paint?style=dark", jpeg(drawn())).status) != 200:
        assert (status, time.monotonic() < deadline) == (429, True)


def test_who_never_takes_an_answer_is_cut_off(start: Start) -> None:
    server = start(patience=1.0)
    frames = np.stack([drawn(600, 800)] * 8)  # 11 MB, more than the buffers of a line
    message = {"inputs": [{"name": "frame", "shape": list(frames.shape), "datatype": "UINT8",
                           "parameters": {"binary_data_size": frames.nbytes}}],
               "parameters": {"binary_data_output": True, "size": "64x64"}}  # fmt: skip
    head = json.dumps(message).encode()
    start_line = (
        f"POST /v2/models/dark/infer HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(head) + frames.nbytes}\r\n"
        f"Inference-Header-Content-Length: {len(head)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as line:
        line.sendall(start_line.encode() + head + frames.tobytes())
        time.sleep(4)
        taken = 0
        try:
            while part := line.recv(1 << 20):
                taken += len(part)
        except ConnectionError:
            pass
    assert taken < frames.nbytes
    assert server.ask("GET", "/v2/health/ready").status == 200
