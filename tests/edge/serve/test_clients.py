"""The KServe SDK's own clients, over HTTP with binary tensors and over gRPC; its import alone takes seconds."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import numpy as np
import pytest

from tests.edge.serve.conftest import Running, drawn

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def imported(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(sys, "argv", ["test"])  # it parses the command line of whoever imports it
    return pytest.importorskip("kserve")


def asked(kserve: Any, frames: np.ndarray) -> Any:
    tensor = kserve.InferInput("frame", list(frames.shape), "UINT8")
    tensor.set_data_from_numpy(frames, binary_data=True)
    wishes = {"binary_data_output": True, "style": "dark:0.5,light:0.5"}
    return kserve.InferRequest("dark", [tensor], request_id="seven", parameters=wishes)


def test_over_http(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    kserve, address = imported(monkeypatch), f"http://127.0.0.1:{server.port}"

    async def story() -> Any:
        client = kserve.InferenceRESTClient(kserve.RESTConfig(protocol="v2", timeout=60))
        try:
            assert await client.is_server_live(address)
            assert await client.is_server_ready(address)
            assert await client.is_model_ready(address, "dark")
            return await client.infer(address, asked(kserve, drawn()[np.newaxis]), model_name="dark")
        finally:
            await client.close()

    answer = asyncio.run(story())
    assert answer.id == "seven"
    assert np.abs(answer.outputs[0].as_numpy().astype(int) - 127.5).max() <= 1


def test_over_grpc(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    kserve, address = imported(monkeypatch), f"127.0.0.1:{server.grpc_port}"

    async def story() -> Any:
        client = kserve.InferenceGRPCClient(address)
        try:
            assert await client.is_server_ready()
            assert await client.is_model_ready("dark")
            request = asked(kserve, drawn()[np.newaxis])
            request.parameters = {"style": "dark:0.5,light:0.5"}
            return await client.infer(request)
        finally:
            await client.close()

    answer = asyncio.run(story())
    assert np.abs(answer.outputs[0].as_numpy().astype(int) - 127.5).max() <= 1
