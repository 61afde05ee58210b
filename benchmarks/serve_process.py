"""A `vst serve` of its own on loopback, and the ways to ask it; what benchmarks/serve_load.py loads."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import grpc

from edge.serve.protocol import HEADER_LENGTH
from edge.serve.rpc import SERVICE, messages
from keras_vst.frames import Pixels
from keras_vst.video.pictures import encode_picture

MOST = 256  # requests on their way
STARTING = 120.0  # seconds

Ask = Callable[[str, Pixels], Awaitable[int]]  # a style or a mix, and a frame -> the status


class Served:
    """A server process and the ways to ask it."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, client: aiohttp.ClientSession) -> None:
        """It is ready."""
        self._pid, self._http, self._client = process.pid, f"http://127.0.0.1:{port}", client
        sizes = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        channel = grpc.aio.insecure_channel(f"127.0.0.1:{port + 1}", options=sizes)
        self._infer = channel.unary_unary(
            f"/{SERVICE}/ModelInfer", None, messages().ModelInferResponse.FromString
        )

    def asks(self, door: str) -> Ask:
        """One request through a door."""
        return {"http": self._binary, "grpc": self._rpc, "jpeg": self._jpeg}[door]

    def processor_seconds(self) -> float:
        """What the process took of all cores so far."""
        fields = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def _binary(self, style: str, frame: Pixels) -> int:
        tensor = {"name": "frame", "datatype": "UINT8", "shape": [1, *frame.shape]}
        tensor["parameters"] = {"binary_data_size": frame.nbytes}
        parameters = {"binary_data_output": True, "style": style}
        head = json.dumps({"inputs": [tensor], "parameters": parameters}).encode()
        headers = {HEADER_LENGTH: str(len(head))}
        return await self._post(
            f"/v2/models/{style.partition(':')[0]}/infer", head + frame.tobytes(), headers
        )

    async def _jpeg(self, style: str, frame: Pixels) -> int:
        return await self._post(f"/paint?style={style}", encode_picture(".jpg", frame), {})

    async def _post(self, path: str, body: bytes, headers: dict[str, str]) -> int:
        async with self._client.post(self._http + path, data=body, headers=headers) as answer:
            await answer.read()
            return answer.status

    async def _rpc(self, style: str, frame: Pixels) -> int:
        tensor = {"name": "frame", "datatype": "UINT8", "shape": [1, *frame.shape]}
        request = messages().ModelInferRequest(
            model_name=style, inputs=[tensor], raw_input_contents=[frame.tobytes()]
        )
        try:
            await self._infer(request.SerializeToString())
        except grpc.RpcError as error:
            return 429 if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED else 500
        return 200


@asynccontextmanager
async def serving(styles: str, *arguments: str) -> AsyncIterator[Served]:
    """A server of these styles, ready; ended behind it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "edge", "serve", "--styles", styles, "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--grpc-port", str(port + 1), *arguments], stderr=subprocess.DEVNULL
    )
    try:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=MOST)) as client:
            served, deadline = Served(process, port, client), time.monotonic() + STARTING
            while not await _is_ready(client, port):
                assert time.monotonic() < deadline, "the server does not start"
                await asyncio.sleep(0.2)
            yield served
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait)


async def _is_ready(client: aiohttp.ClientSession, port: int) -> bool:
    try:
        async with client.get(f"http://127.0.0.1:{port}/v2/health/ready") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False
