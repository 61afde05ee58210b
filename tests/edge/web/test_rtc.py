"""The picture over WebRTC between two peers on loopback.

They run as a program, this file: aiortc's libsrtp and TensorFlow crash in one process.  `watch` prints the mean levels
of the frames that came, `refuse` the status of the answer to each of the offers that follow.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("aiohttp", "aiortc"))),
    reason="WebRTC needs aiohttp and aiortc, of the extra `webrtc`",
)


def run(*arguments: str) -> Any:
    command = [sys.executable, "-m", "tests.edge.web.test_rtc", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_peer_sees_the_newest_frames() -> None:
    levels = run("watch")
    assert levels[0] == pytest.approx(40, abs=4)
    assert levels[-1] == pytest.approx(200, abs=60)


def test_what_is_no_offer_is_refused() -> None:
    offers = ("{}", '{"type": "offer", "sdp": "nonsense"}', '{"type": "offer", "sdp": 3}')
    assert run("refuse", *offers) == [400, 400, 400]


async def publish(server: Any, seen: list[int]) -> None:
    """Dark frames until some were seen, light ones from then on; of odd sides, which the encoder does not take."""
    while True:
        server.publish(np.full((49, 65, 3), 40 if len(seen) < 3 else 200, np.uint8))
        await asyncio.sleep(0.03)


async def watch(server: Any) -> list[int]:
    """The mean levels of the frames until light ones come."""
    import aiortc

    peer = aiortc.RTCPeerConnection()
    arrived: asyncio.Queue[Any] = asyncio.Queue()
    peer.on("track", arrived.put_nowait)
    peer.addTransceiver("video", direction="recvonly")
    await peer.setLocalDescription(await peer.createOffer())
    status, content = await answer(server, {"type": "offer", "sdp": peer.localDescription.sdp})
    assert status == 200
    await peer.setRemoteDescription(aiortc.RTCSessionDescription(content["sdp"], content["type"]))
    track = await arrived.get()
    levels: list[int] = []
    steady = asyncio.create_task(publish(server, levels))
    while not levels or levels[-1] < 150:
        frame = await track.recv()
        assert (frame.width, frame.height) == (64, 48)
        levels.append(round(float(frame.to_ndarray(format="rgb24").mean())))
    steady.cancel()
    await peer.close()
    return levels


async def refuse(server: Any) -> list[int]:
    return [(await answer(server, json.loads(offer)))[0] for offer in sys.argv[2:]]


async def answer(server: Any, offer: dict[str, Any]) -> tuple[int, Any]:
    """The server's status, and its answer if it is one."""
    import aiohttp

    async with (
        aiohttp.ClientSession() as client,
        client.post(f"{server.address}offer", json=offer) as response,
    ):
        return response.status, await response.json() if response.status == 200 else None


if __name__ == "__main__":
    from edge.web.server import WebServer

    web = WebServer("127.0.0.1", 0, None, webrtc=True)
    work = watch(web) if sys.argv[1] == "watch" else refuse(web)
    try:
        print(json.dumps(asyncio.run(asyncio.wait_for(work, 20))))
    finally:
        web.stop()
