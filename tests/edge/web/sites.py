"""The page of `vst web` in a Chromium whose camera is a clip; for tests and for benchmarks/phone.py."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import av
import cv2
from aiohttp import web

from edge import phone
from keras_vst.frames import Pixels
from tests.edge.web.browser import FLAGS, Browser, find_chromium

SCENE = Path(phone.__file__).parents[1] / "keras_vst" / "assets" / "scene.mp4"
READY, PAINTING = (f"document.body?.dataset.state === '{state}'" for state in ("ready", "painting"))
GPU = ("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan")
ASKED = "--use-fake-ui-for-media-stream"  # the question for the camera is answered with yes


def frames(size: tuple[int, int] = (320, 240), count: int = 40) -> list[Pixels]:
    with av.open(str(SCENE)) as clip:
        return [
            frame.to_ndarray(format="rgb24", width=size[0], height=size[1])
            for frame, _ in zip(clip.decode(video=0), range(count), strict=False)
        ]


def filmed(path: Path, pictures: Iterable[Pixels]) -> str:
    """The flag that makes a clip Chromium's camera."""
    with path.open("wb") as file:
        for number, frame in enumerate(pictures):
            if number == 0:
                file.write(b"YUV4MPEG2 W%d H%d F30:1 Ip A1:1 C420jpeg\n" % frame.shape[1::-1])
            file.write(b"FRAME\n" + cv2.cvtColor(frame, cv2.COLOR_RGB2YUV_I420).tobytes())
    return f"--use-file-for-fake-video-capture={path}"


class Site:
    """The page served on a port of its own, and what was asked of it."""

    def __init__(self, application: Any) -> None:
        self.asked: list[str] = []
        self._runner = web.AppRunner(application, access_log=None)
        application.on_response_prepare.append(self._note)

    async def start(self) -> None:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _note(self, request: web.Request, response: web.StreamResponse) -> None:
        self.asked.append(request.path)


@asynccontextmanager
async def visited(
    application: Any, *flags: str, query: str = "", host: str = "localhost"
) -> AsyncIterator[Any]:
    site = Site(application)
    await site.start()
    software = [flag for flag in FLAGS if not (flag == "--disable-gpu" and set(GPU) <= set(flags))]
    fake = ("--use-fake-device-for-media-stream", "--enable-unsafe-swiftshader")
    try:
        async with Browser(find_chromium() or "", flags=(*software, *fake, *flags)) as browser:
            await browser.open(f"http://{host}:{site.port}/{query}")
            await browser.until(READY, 60)
            yield browser, site
    finally:
        await site.stop()
