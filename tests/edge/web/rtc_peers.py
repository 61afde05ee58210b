"""Two WebRTC peers on loopback, to be run as a program: aiortc's libsrtp and TensorFlow crash in one process.

`watch` prints the mean levels of the frames that came; `refuse OFFER` prints the status of the answer.
"""

from __future__ import annotations

import asyncio
import json
import sys

import aiohttp
import aiortc
import numpy as np

from edge.web.server import WebServer


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


async def refuse(server: WebServer, offer: str) -> int:
    """The status of the answer to an offer that is none."""
    async with (
        aiohttp.ClientSession() as client,
        client.post(f"{server.address}offer", json=json.loads(offer)) as answer,
    ):
        return answer.status


if __name__ == "__main__":
    web = WebServer("127.0.0.1", 0, None, webrtc=True)
    work = watch(web) if sys.argv[1] == "watch" else refuse(web, sys.argv[2])
    try:
        print(json.dumps(asyncio.run(asyncio.wait_for(work, 20))))
    finally:
        web.stop()
