"""What comes out of the door for gRPC."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

grpc = pytest.importorskip("grpc", reason="gRPC needs the extra `serve`")

from edge.serve.limits import Limits  # noqa: E402
from edge.serve.rpc import METHODS, SERVICE, messages  # noqa: E402
from keras_vst.errors import UserError  # noqa: E402
from tests.edge.serve.conftest import PATIENCE, Gate, Running, Start, drawn, jpeg, pixels_of  # noqa: E402

UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


class Client:
    """A stub, made of the messages alone."""

    def __init__(self, server: Running, token: str = "") -> None:
        self.channel = grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}", options=UNLIMITED)
        self._metadata = [("authorization", f"Bearer {token}")] if token else []

    def __call__(self, method: str, /, raw: bytes | None = None, **fields: Any) -> Any:
        call = self.begin(method, raw, **fields)
        return call.result(PATIENCE)

    def begin(self, method: str, /, raw: bytes | None = None, **fields: Any) -> Any:
        """The answer that is to come; `raw` is sent in place of a message."""
        pb = messages()
        content = raw if raw is not None else getattr(pb, f"{method}Request")(**fields).SerializeToString()
        parse = getattr(pb, f"{method}Response").FromString
        call = self.channel.unary_unary(f"/{SERVICE}/{method}", None, parse)
        return call.future(content, metadata=self._metadata, timeout=PATIENCE)

    def infer(self, style: str, frames: np.ndarray, **more: Any) -> Any:
        """Frames as a raw tensor."""
        tensor = {"name": "frame", "datatype": "UINT8", "shape": frames.shape}
        return self(
            "ModelInfer", model_name=style, inputs=[tensor], raw_input_contents=[frames.tobytes()], **more
        )


@pytest.fixture
def client(server: Running) -> Iterator[Client]:
    asked = Client(server)
    yield asked
    asked.channel.close()


def refused(work: Any) -> tuple[str, str]:
    with pytest.raises(grpc.RpcError) as error:
        work()
    return error.value.code().name, error.value.details()


def test_health_and_metadata(client: Client) -> None:
    assert client("ServerLive").live
    assert client("ServerReady").ready
    assert client("ServerMetadata").name == "keras_vst"
    assert client("ModelReady", name="dark", version="1").ready
    told = client("ModelMetadata", name="dark")
    assert {tensor.name for tensor in told.inputs} == {"frame", "image_bytes"}
    assert refused(lambda: client("ModelReady", name="../dark"))[0] == "NOT_FOUND"


def test_raw_frames_and_a_mix_as_a_parameter(client: Client) -> None:
    frames = np.stack([drawn(16, 24, seed) for seed in (1, 2)])
    answer = client.infer("dark", frames, id="seven")
    assert (answer.id, answer.outputs[0].name, list(answer.outputs[0].shape)) == (
        "seven",
        "stylized",
        [2, 16, 24, 3],
    )
    assert np.array_equal(
        np.frombuffer(answer.raw_output_contents[0], np.uint8).reshape(frames.shape), 255 - frames
    )
    half = {"style": {"string_param": "dark:0.5,light:0.5"}}
    grey = np.frombuffer(client.infer("dark", frames, parameters=half).raw_output_contents[0], np.uint8)
    assert np.abs(grey.astype(int) - 127.5).max() <= 1


def test_values_in_place_of_raw_contents(client: Client) -> None:
    tensor = {
        "name": "frame",
        "datatype": "UINT8",
        "shape": [1, 1, 1, 3],
        "contents": {"uint_contents": [0, 9, 255]},
    }
    answer = client("ModelInfer", model_name="dark", inputs=[tensor])
    assert answer.raw_output_contents[0] == bytes([255, 246, 0])


def test_files_in_and_out(client: Client) -> None:
    file = jpeg(drawn())
    tensor = {
        "name": "image_bytes",
        "datatype": "BYTES",
        "shape": [1],
        "contents": {"bytes_contents": [file]},
    }
    answer = client("ModelInfer", model_name="dark", inputs=[tensor])
    (painted,) = answer.outputs[0].contents.bytes_contents
    assert np.abs(pixels_of(painted).astype(int) - (255 - pixels_of(file))).mean() < 3


def test_truncated_and_foreign_messages_are_refused_and_others_are_served(
    server: Running, client: Client
) -> None:
    frames = drawn()[np.newaxis]
    tensor = {"name": "frame", "datatype": "UINT8", "shape": frames.shape}
    request = messages().ModelInferRequest(
        model_name="dark", inputs=[tensor], raw_input_contents=[frames.tobytes()]
    )
    whole = request.SerializeToString()
    for content in (whole[:-1], whole[: len(whole) // 2], whole[:7], b"\xff" * 100):
        told = refused(lambda content=content: client("ModelInfer", raw=content))
        assert told == ("INVALID_ARGUMENT", "this is no ModelInferRequest.")
    for content in (b"", whole[:6], whole[: len(whole) - frames.nbytes - 4]):  # messages, of less
        status, _ = refused(lambda content=content: client("ModelInfer", raw=content))
        assert status in ("INVALID_ARGUMENT", "NOT_FOUND")
    assert client("ModelInfer", raw=whole).outputs[0].name == "stylized"


FRAME = {"name": "frame", "datatype": "UINT8", "shape": [1, 8, 8, 3]}
FILE = {"name": "image_bytes", "datatype": "BYTES", "shape": [1]}


@pytest.mark.parametrize(
    ("inputs", "raw", "words"),
    [
        ([], [], "one input is needed"),
        ([FRAME], [b"1"], "holds 1 bytes"),
        ([FRAME], [b"", b""], "raw contents"),
        ([{**FRAME, "shape": [1, -8, 8, 3]}], [], "whole numbers"),
        ([{**FRAME, "shape": [1, 10_000, 10_000, 3]}], [], "too large"),
        ([FILE], [b"\xff\xff\xff\xff1"], "ends early"),
        ([{**FRAME, "datatype": "NONE"}], [], "UINT8 or FP32"),
    ],
)
def test_tensors_that_are_none_are_told(
    client: Client, inputs: list[Any], raw: list[bytes], words: str
) -> None:
    fields = {"model_name": "dark", "inputs": inputs, "raw_input_contents": raw}
    status, told = refused(lambda: client("ModelInfer", **fields))
    assert (status, words in told) == ("INVALID_ARGUMENT", True), told


def test_others_than_this_machine_need_the_token(start: Start) -> None:
    server = start(token="secret")
    stranger, friend = Client(server), Client(server, "secret")
    assert stranger("ServerReady").ready
    for method in METHODS[2:]:
        assert refused(lambda method=method: stranger(method))[0] == "UNAUTHENTICATED"
    assert friend("ServerMetadata").name == "keras_vst"
    assert refused(lambda: Client(server, "wrong")("ServerMetadata"))[0] == "UNAUTHENTICATED"


def test_beyond_the_queue_is_resource_exhausted_and_what_was_accepted_is_painted(
    start: Start, gate: Gate
) -> None:
    server = start(gate, workers=1, waiting=3)
    gate.open.clear()
    client, frames = Client(server), drawn()[np.newaxis]
    tensor = {"name": "frame", "datatype": "UINT8", "shape": frames.shape}
    fields = {"model_name": "dark", "inputs": [tensor], "raw_input_contents": [frames.tobytes()]}
    before = gate.begun
    accepted = [client.begin("ModelInfer", **fields)]
    while gate.begun == before:
        time.sleep(0.01)
    accepted += [client.begin("ModelInfer", **fields) for _ in range(3)]
    while server.figure("vst_waiting_pictures") < 3:
        time.sleep(0.01)
    status, told = refused(lambda: client("ModelInfer", **fields))
    assert (status, "3 pictures are waiting" in told) == ("RESOURCE_EXHAUSTED", True)
    gate.open.set()
    assert all(call.result(PATIENCE).outputs for call in accepted)


def test_a_message_beyond_the_limit_is_not_taken(start: Start) -> None:
    client = Client(start(body=10_000))
    assert (
        refused(lambda: client.infer("dark", np.zeros((1, 256, 256, 3), np.uint8)))[0] == "RESOURCE_EXHAUSTED"
    )
    assert client.infer("dark", drawn(16, 16)[np.newaxis]).outputs


def test_without_the_sdk_it_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.files", lambda name: [])
    with pytest.raises(UserError, match=r"keras-vst\[serve\]"):
        messages.__wrapped__()


def test_limits_are_for_every_door() -> None:
    assert Limits().body + (64 << 10) < 1 << 31  # gRPC's lengths are int32
