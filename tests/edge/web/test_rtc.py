"""The picture over WebRTC between two peers in this process, on loopback."""

from __future__ import annotations

import asyncio
import importlib.util

import numpy as np
import pytest

if importlib.util.find_spec("tensorflow"):
    pytest.skip("aiortc's libsrtp and TensorFlow crash in one process", allow_module_level=True)
aiohttp = pytest.importorskip("aiohttp", reason="the page needs aiohttp, of the extra `live`")
aiortc = pytest.importorskip("aiortc", reason="WebRTC needs aiortc, of the extra `webrtc`")

from edge.web.server import WebServer  # noqa: E402


async def publish(server: WebServer, seen: list[int]) -> None:
    """Dark frames until some were seen, light ones from then on; of odd sides, which the encoder does not take."""
    while True:
        server.publish(np.full((49, 65, 3), 40 if len(seen) < 3 else 200, np.uint8))
        await asyncio.sleep(0.03)


async def watch(server: WebServer) -> list[int]:
    """The mean levels of the frames until light ones come."""
    peer = aiortc.RTCPeerConnection()
    arrived: asyncio.Queue[aiortc.MediaStreamTrack] = asyncio.Queue()
    peer.on("track", arrived.put_nowait)
    peer.addTransceiver("video", direction="recvonly")
    await peer.setLocalDescription(await peer.createOffer())
    offer = {"type": "offer", "sdp": peer.localDescription.sdp}
    async with (
        aiohttp.ClientSession() as client,
        client.post(f"{server.address}offer", json=offer) as answer,
    ):
        assert answer.status == 200
        content = await answer.json()
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


def test_a_peer_sees_the_newest_frames() -> None:
    server = WebServer("127.0.0.1", 0, None, webrtc=True)

    try:
        levels = asyncio.run(asyncio.wait_for(watch(server), 20))
    finally:
        server.stop()
    assert levels[0] == pytest.approx(40, abs=4)
    assert levels[-1] == pytest.approx(200, abs=60)


@pytest.mark.parametrize("offer", [{}, {"type": "offer", "sdp": "nonsense"}, {"type": "offer", "sdp": 3}])
def test_what_is_no_offer_is_refused(offer: dict) -> None:
    server = WebServer("127.0.0.1", 0, None, webrtc=True)

    async def ask() -> int:
        async with (
            aiohttp.ClientSession() as client,
            client.post(f"{server.address}offer", json=offer) as answer,
        ):
            return answer.status

    try:
        assert asyncio.run(ask()) == 400
    finally:
        server.stop()
