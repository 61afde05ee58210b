"""What comes out of the door for HTTP, as the Open Inference Protocol v2 says it."""

from __future__ import annotations

import base64
import json
import re
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest

from edge.painter import Painter
from keras_vst import zoo
from keras_vst.networks.mixing import open_mix
from keras_vst.video import TimedFrame
from tests.edge.serve.conftest import Answer, Running, Start, drawn, frame_tensor, jpeg, pixels_of


def binary(server: Running, style: str, message: dict[str, Any], raw: bytes) -> Answer:
    head = json.dumps(message).encode()
    return server.ask(
        "POST", f"/v2/models/{style}/infer", head + raw, Inference_Header_Content_Length=str(len(head))
    )


def edge_painting(shares: dict[str, float], pixels: np.ndarray) -> np.ndarray:
    """As `vst stylize` paints it."""
    parts = [(zoo.find_style(name), share) for name, share in shares.items()]
    return Painter(open_mix(parts, threads=1)).repaint(TimedFrame(pixels, Fraction(0))).after.pixels


def test_health_metadata_and_styles(server: Running) -> None:
    assert server.ask("GET", "/v2/health/live").told == {"live": True}
    assert server.ask("GET", "/v2/health/ready").told == {"ready": True}
    assert server.ask("GET", "/v2").told["extensions"] == ["binary_tensor_data"]
    assert server.ask("GET", "/v2/models").told == {"models": ["dark", "light", "plain"]}
    told = server.ask("GET", "/v2/models/dark").told
    assert (told["name"], told["versions"]) == ("dark", ["1"])
    assert {"name": "frame", "datatype": "UINT8", "shape": [-1, -1, -1, 3]} in told["inputs"]
    assert told["parameters"]["artist"]
    assert server.ask("GET", "/v2/models/dark/versions/1/ready").told == {"name": "dark", "ready": True}


def test_frames_as_json_in_and_out(server: Running) -> None:
    frames = np.stack([drawn(16, 24, seed) for seed in (1, 2)])
    told = server.infer("dark", {"id": "seven", "inputs": [frame_tensor(frames)]}).told
    assert (told["id"], told["model_name"]) == ("seven", "dark")
    (output,) = told["outputs"]
    assert (output["name"], output["datatype"], output["shape"]) == ("stylized", "UINT8", [2, 16, 24, 3])
    assert np.array_equal(np.reshape(output["data"], frames.shape), 255 - frames)


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_frames_as_binary_tensors_in_and_out(server: Running, kind: type) -> None:
    frames = drawn()[np.newaxis] if kind == np.uint8 else drawn()[np.newaxis].astype(np.float32) / 255
    tensor = frame_tensor(frames, parameters={"binary_data_size": frames.nbytes})
    del tensor["data"]
    message = {"inputs": [tensor], "parameters": {"binary_data_output": True}}
    answer = binary(server, "dark", message, frames.tobytes())
    assert answer.status == 200, answer.body[:200]
    length = int(answer.headers["Inference-Header-Content-Length"])
    (output,) = json.loads(answer.body[:length])["outputs"]
    assert output["parameters"] == {"binary_data_size": frames.nbytes}
    painted = np.frombuffer(answer.body[length:], kind).reshape(frames.shape)
    expected = 255 - frames if kind == np.uint8 else 1 - frames
    assert np.abs(painted.astype(np.float32) - expected).max() <= (0 if kind == np.uint8 else 1e-6)


def test_files_in_and_out_in_json_and_as_bytes(server: Running) -> None:
    file = jpeg(drawn())
    tensor = {"name": "image_bytes", "shape": [1], "datatype": "BYTES"}
    told = server.infer("dark", {"inputs": [{**tensor, "data": [base64.b64encode(file).decode()]}]}).told
    from_json = base64.b64decode(told["outputs"][0]["data"][0])
    raw = len(file).to_bytes(4, "little") + file
    message = {
        "inputs": [{**tensor, "parameters": {"binary_data_size": len(raw)}}],
        "outputs": [{"name": "stylized_bytes", "parameters": {"binary_data": True}}],
    }
    answer = binary(server, "dark", message, raw)
    body = answer.body[int(answer.headers["Inference-Header-Content-Length"]) :]
    assert body[4:] == from_json
    assert np.abs(pixels_of(from_json).astype(int) - (255 - pixels_of(file))).mean() < 3


def test_a_jpeg_is_painted_by_one_post(server: Running) -> None:
    file = jpeg(drawn(100, 150))
    answer = server.ask("POST", "/paint?style=dark", file)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "image/jpeg")
    assert np.abs(pixels_of(answer.body).astype(int) - (255 - pixels_of(file))).mean() < 3
    assert pixels_of(server.ask("POST", "/paint?style=light&strength=0", file).body).shape == (100, 150, 3)


@pytest.mark.parametrize("shares", [{"dark": 0.75, "light": 0.25}, {"light": 1.0}])
@pytest.mark.parametrize("size", [(48, 64), (50, 67)])
def test_a_mix_is_what_the_edge_paints_bit_for_bit(
    server: Running, shares: dict[str, float], size: tuple[int, int]
) -> None:
    pixels = drawn(*size)
    text = ",".join(f"{name}:{share}" for name, share in shares.items())
    told = server.infer(
        "plain", {"inputs": [frame_tensor(pixels[np.newaxis])], "parameters": {"style": text}}
    ).told
    painted = np.reshape(told["outputs"][0]["data"], pixels.shape)
    assert np.array_equal(painted, edge_painting(shares, pixels))


@pytest.mark.parametrize(
    ("parameters", "status", "words"),
    [
        ({"style": "dark:0.5,plain:0.5"}, 400, "cannot be mixed"),
        ({"style": "drak"}, 404, "did you mean 'dark'"),
        ({"style": "dark:2"}, 400, "a share is a number from 0 to 1"),
        ({"style": ["dark"]}, 400, "style is a word"),
        ({"strength": 3}, 400, "strength: a number from 0 to 1"),
        ({"size": "16x16"}, 400, "more than 16 pixels"),
        ({"size": "7680x4320"}, 413, "too large"),
        ({"colour": "red"}, 400, "there is no parameter 'colour'"),
    ],
)
def test_what_cannot_be_wished_for_is_told(
    server: Running, parameters: dict[str, Any], status: int, words: str
) -> None:
    answer = server.infer("light", {"inputs": [frame_tensor(drawn()[np.newaxis])], "parameters": parameters})
    assert (answer.status, words in answer.told["error"]) == (status, True), answer.body


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..%2F..%2Fcard.json", "dark/../light", "dark\0", "%00", "drak", "ä"]
)
def test_names_lead_nowhere_but_into_the_list_of_styles(server: Running, name: str) -> None:
    for path in (f"/v2/models/{quote(name, safe='')}", f"/v2/models/{quote(name, safe='')}/infer"):
        answer = server.ask("POST" if path.endswith("infer") else "GET", path, b"{}")
        assert answer.status == 404, answer.body
        assert b"root" not in answer.body
    assert server.ask("POST", f"/paint?style={quote(name, safe='')}", jpeg(drawn())).status == 404


@pytest.mark.parametrize(
    ("tensor", "words"),
    [
        ({"shape": [1, 8, 8, 3], "data": [1, 2, 3]}, "is not UINT8 [1, 8, 8, 3]"),
        ({"shape": [1, 1, 1, 3], "data": [1, 2, 300]}, "leaves 0 to 255"),
        ({"shape": [1, 1, 1, 3], "data": [1, [2], 3]}, "list of numbers"),
        ({"shape": [1, 1, 1, 3], "data": ["a", "b", "c"]}, "is not UINT8"),
        ({"shape": [1, 1, 1, 3], "data": [0.1, 0.2, 0.3]}, "is not UINT8"),
        ({"shape": [1, 1, 1, 4], "data": [1, 2, 3, 4]}, "(B, H, W, 3)"),
        ({"shape": [0, 8, 8, 3], "data": []}, "1 to 16 pictures"),
        ({"shape": [17, 1, 1, 3], "data": [0] * 51}, "1 to 16 pictures"),
        ({"shape": [1, -8, 8, 3], "data": [1]}, "whole numbers"),
        ({"shape": [1, 8, 8, 3], "datatype": "INT64", "data": [1]}, "UINT8 or FP32"),
        ({"shape": [1, 0, 8, 3], "data": []}, "no pixels"),
        ({"name": "image", "shape": [1], "data": [1]}, "one input is needed"),
        ({"name": "image_bytes", "shape": [1], "datatype": "BYTES", "data": ["*"]}, "base64"),
    ],
)
def test_tensors_that_are_none_are_told(server: Running, tensor: dict[str, Any], words: str) -> None:
    answer = server.infer("dark", {"inputs": [{"name": "frame", "datatype": "UINT8", **tensor}]})
    assert (answer.status, words in answer.told["error"]) == (400, True), answer.body


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b"[" * 100_000, b'{"inputs": 1}', b'{"inputs": []}', b"\xff\xd8"]
)
def test_what_is_no_request_is_told(server: Running, body: bytes) -> None:
    answer = server.ask("POST", "/v2/models/dark/infer", body)
    assert (answer.status, sorted(answer.told)) == (400, ["error"])


def test_others_than_this_machine_need_the_token(start: Start) -> None:
    server = start(host="0.0.0.0", token="secret")
    bearer = {"Authorization": "Bearer secret", "Host": "vst.models.svc"}
    assert server.ask("GET", "/v2/health/ready").status == 200  # whoever starts servers has none
    assert server.ask("GET", "/v2/models").status == 401
    assert server.ask("GET", "/v2/models", Authorization="Bearer wrong").status == 401
    assert server.ask("GET", "/metrics").status == 401
    assert server.ask("POST", "/paint", jpeg(drawn())).status == 401
    assert server.ask("GET", "/v2/models", **bearer).status == 200
    assert server.ask("GET", "/v2/models?token=secret").status == 200
    assert start(host="0.0.0.0").guard.token not in ("", "secret")


def test_the_client_of_the_documents_paints(server: Running) -> None:
    text = (Path(__file__).parents[3] / "docs" / "serving.md").read_text(encoding="utf-8")
    (client,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    for old, new in (
        ("8080", str(server.port)),
        ("great-wave:0.7,scream:0.3", "dark"),
        ("/scream/", "/light/"),
    ):
        assert old in client
        client = client.replace(old, new)
    found: dict[str, Any] = {}
    exec(client, found)
    assert (found["painted"].size, found["painted"].min()) == (360 * 640 * 3, 255)  # the negative of black


def test_what_happens_can_be_read(server: Running) -> None:
    assert server.ask("POST", "/paint?style=dark", jpeg(drawn())).status == 200
    assert server.ask("POST", "/paint?style=drak", jpeg(drawn())).status == 404
    assert server.figure('vst_requests_total{outcome="done",protocol="http"}') == 1
    assert server.figure('vst_requests_total{outcome="unknown",protocol="http"}') == 1
    assert server.figure('vst_paint_seconds_count{kind="request"}') == 4  # three were the server's own
    assert server.figure("vst_ready") == 1


def test_the_description_names_every_place_and_no_other(server: Running) -> None:
    described = server.ask("GET", "/openapi.json").told
    assert described["paths"]["/v2/models/{style}"]["parameters"][0]["schema"]["enum"] == [
        "dark",
        "light",
        "plain",
    ]
    for path, methods in described["paths"].items():
        for method in methods.keys() & {"get", "post"}:
            answer = server.ask(
                method.upper(), path.replace("{style}", "dark"), b"x" if method == "post" else None
            )
            assert answer.status == (400 if method == "post" else 200), (path, answer.body)


def test_the_zoo_may_be_gone_when_a_network_is_opened(server: Running, bundled: Path) -> None:
    for file in bundled.rglob("*.tflite"):
        file.unlink()
    answer = server.ask("POST", "/paint?style=dark", jpeg(drawn(40, 40)))
    assert (answer.status, str(bundled) in answer.told["error"]) == (500, False)
