"""gRPC: the Open Inference Protocol v2 with the messages of the KServe SDK, answered by the same code as HTTP.

Only its file of messages is loaded: the whole SDK takes 3.3 s of a processor to import, pandas and a client of
Kubernetes with it.  Its HTTP half is not used: it turns binary tensors into lists of numbers, 3 s for a frame of
640x360, answers JPEG bytes with 500, and lets anybody unload a model.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Mapping
from functools import cache
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from edge.serve.inference import Inference
from edge.serve.limits import Refusal
from edge.serve.protocol import Tensor, split_bytes
from edge.web.guard import Guard
from keras_vst.errors import UserError

SERVICE = "inference.GRPCInferenceService"
MESSAGES = "grpc_predict_v2_pb2"
METHODS = ("ServerLive", "ServerReady", "ServerMetadata", "ModelReady", "ModelMetadata", "ModelInfer")
OPEN = METHODS[:2]  # without a token
CONTENTS = {"UINT8": "uint_contents", "FP32": "fp32_contents", "BYTES": "bytes_contents"}
ROOM = 64 << 10  # bytes of a message beside its tensors
OPTIONS = [
    ("grpc.so_reuseport", 0),  # two servers at one port would each get half of the requests
    ("grpc.server_handshake_timeout_ms", 5_000),
    ("grpc.max_connection_idle_ms", 300_000),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.max_concurrent_streams", 64),
]


@cache
def messages() -> Any:
    """The classes of the protocol's messages."""
    try:
        files = importlib.metadata.files("kserve") or ()
        file = next(each for each in files if each.name == f"{MESSAGES}.py")
    except (importlib.metadata.PackageNotFoundError, StopIteration) as error:
        raise UserError("gRPC needs kserve; install it with `pip install 'keras-vst[serve]'`.") from error
    spec = importlib.util.spec_from_file_location(MESSAGES, file.locate())
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def open_rpc(inference: Inference, guard: Guard, address: str) -> tuple[grpc.aio.Server, int]:
    """Start answering at host:port; the server and its port."""
    most = inference.limits.body + ROOM
    sizes = [("grpc.max_receive_message_length", most), ("grpc.max_send_message_length", 4 * most)]
    server = grpc.aio.server(options=[*OPTIONS, *sizes], maximum_concurrent_rpcs=inference.limits.readers)
    servicer = Servicer(inference)
    handlers = {
        name: grpc.unary_unary_rpc_method_handler(
            _guarded(name, servicer, guard),
            response_serializer=getattr(messages(), f"{name}Response").SerializeToString,
        )
        for name in METHODS
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    try:
        port = server.add_insecure_port(address)
    except RuntimeError as error:
        raise UserError(f"gRPC cannot be served at {address}; name another --grpc-port.") from error
    await server.start()
    return server, port


class Servicer:
    """What can be asked; loading and unloading cannot."""

    def __init__(self, inference: Inference) -> None:
        """`inference` answers."""
        self._inference, self._pb = inference, messages()

    async def ServerLive(self, request: Any) -> Any:
        return self._pb.ServerLiveResponse(live=True)

    async def ServerReady(self, request: Any) -> Any:
        return self._pb.ServerReadyResponse(ready=self._inference.ready)

    async def ServerMetadata(self, request: Any) -> Any:
        return self._pb.ServerMetadataResponse(**self._inference.about())

    async def ModelReady(self, request: Any) -> Any:
        self._inference.check_style(request.name, request.version)
        return self._pb.ModelReadyResponse(ready=self._inference.ready)

    async def ModelMetadata(self, request: Any) -> Any:
        about = self._inference.style_about(request.name, request.version)
        about.pop("parameters")  # the message has no place for them
        return self._pb.ModelMetadataResponse(**about)

    async def ModelInfer(self, request: Any) -> Any:
        with self._inference.counters.request("grpc"):
            tensors, parameters = _tensors(request), _parameters(request.parameters)
            answer = await self._inference.infer(
                request.model_name, request.model_version, parameters, tensors
            )
        output: dict[str, Any] = {"name": answer.name, "datatype": answer.datatype, "shape": answer.shape}
        head = {"model_name": request.model_name, "id": request.id}
        if request.raw_input_contents or answer.datatype != "BYTES":
            return self._pb.ModelInferResponse(**head, outputs=[output], raw_output_contents=[answer.content])
        assert isinstance(answer.content, bytes)
        output["contents"] = {"bytes_contents": split_bytes(answer.content)}
        return self._pb.ModelInferResponse(**head, outputs=[output])


def _guarded(name: str, servicer: Servicer, guard: Guard) -> Any:
    """A method with the token asked for before anything is read, and refusals as statuses behind it."""
    work, read = getattr(servicer, name), getattr(messages(), f"{name}Request").FromString

    async def method(content: bytes, context: Any) -> Any:
        given = dict(context.invocation_metadata() or ())
        bearer = str(given.get("authorization", "")).removeprefix("Bearer ")
        if guard.token and name not in OPEN and not guard.is_token(bearer):
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "authorization: Bearer TOKEN is needed.")
        try:
            return await work(read(content))
        except DecodeError:  # left to the library it is a page of the log
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"this is no {name}Request.")
        except Refusal as refusal:
            await context.abort(getattr(grpc.StatusCode, refusal.grpc), refusal.reason)

    return method


def _tensors(request: Any) -> list[Tensor]:
    raw = request.raw_input_contents
    if raw and len(raw) != len(request.inputs):
        raise Refusal("invalid", f"{len(request.inputs)} inputs came with {len(raw)} raw contents.")
    tensors = []
    for index, each in enumerate(request.inputs[:2]):  # one is needed; a second is there to be refused
        if any(side < 0 for side in each.shape):
            raise Refusal("invalid", "`shape` is a list of whole numbers.")
        values = getattr(each.contents, CONTENTS.get(each.datatype, "int_contents"))
        content: Any = raw[index] if raw else list(values)
        tensors.append(Tensor(each.name, each.datatype, tuple(each.shape), content))
    return tensors


def _parameters(given: Mapping[str, Any]) -> dict[str, Any]:
    kinds = {name: value.WhichOneof("parameter_choice") for name, value in given.items()}
    return {name: getattr(given[name], kind) for name, kind in kinds.items() if kind is not None}
