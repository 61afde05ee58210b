"""The page of `vst web` in a Chromium whose camera is a clip; for tests and for benchmarks/browser_speed.py."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from aiohttp import web

from edge import phone
from edge.painter import Painter
from keras_vst import zoo
from keras_vst.frames import Pixels
from keras_vst.networks import Network
from keras_vst.video import TimedFrame
from tests.edge.web.browser import FLAGS, Browser, find_chromium

SCENE = Path(phone.__file__).parents[1] / "keras_vst" / "assets" / "scene.mp4"
READY, PAINTING = (f"document.body?.dataset.state === '{state}'" for state in ("ready", "painting"))
GPU = ("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan")
SAID = "document.getElementById('said').textContent"
FIGURES = "document.getElementById('figures').textContent"
ASKED = "--use-fake-ui-for-media-stream"  # the question for the camera is answered with yes


FIRST, SECOND = [  # as the page lists them
    style.name for style in zoo.styles("live") if "look" not in style.card
][:2]


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
    application: Any,
    *flags: str,
    query: str = "",
    host: str = "localhost",
    script: str = "",
    state: str = READY,
) -> AsyncIterator[Any]:
    """The page opened, its script after `script`, once it has come to a state."""
    site = Site(application)
    await site.start()
    software = [flag for flag in FLAGS if not (flag == "--disable-gpu" and set(GPU) <= set(flags))]
    fake = ("--use-fake-device-for-media-stream", "--enable-unsafe-swiftshader")
    try:
        async with Browser(find_chromium() or "", flags=(*software, *fake, *flags)) as browser:
            await browser.call("Page.addScriptToEvaluateOnNewDocument", source=script)
            await browser.open(f"http://{host}:{site.port}/{query}")
            await browser.until(state, 60)
            yield browser, site
    finally:
        await site.stop()


def any_host(files: dict[str, bytes], folder: Path) -> Any:
    """The written folder behind a server that knows nothing of it."""
    phone.write(files, folder / "built")

    async def index(_: web.Request) -> web.FileResponse:
        return web.FileResponse(folder / "built" / "index.html")

    served = web.Application()
    served.router.add_get("/", index)
    served.router.add_static("/", folder / "built")
    return served


def story(tell: Callable[[], Awaitable[Any]]) -> Any:
    return asyncio.run(asyncio.wait_for(tell(), 400))


async def click(browser: Browser, name: str) -> None:
    await browser.run(f"document.getElementById('{name}').click()")


async def move(browser: Browser, name: str, value: float) -> None:
    await browser.run(
        f"{{ const slider = document.getElementById('{name}'); slider.value = {value};"
        " slider.dispatchEvent(new Event('input')); }"
    )


async def shown(browser: Browser) -> Pixels:
    address = await browser.run("document.getElementById('canvas').toDataURL('image/png')")
    png = np.frombuffer(base64.b64decode(address.partition(",")[2]), np.uint8)
    return cv2.cvtColor(cv2.imdecode(png, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


async def moving(browser: Browser, seconds: float = 60) -> None:
    """Wait for another picture than the one shown now."""
    before, end = await shown(browser), time.monotonic() + seconds
    while (now := await shown(browser)).shape == before.shape and difference(before, now) <= 1:
        assert time.monotonic() < end, "the picture stands still"
        await asyncio.sleep(0.2)


async def show_file(browser: Browser, path: Path) -> None:
    document = await browser.call("DOM.getDocument")
    node = await browser.call("DOM.querySelector", nodeId=document["root"]["nodeId"], selector="#file")
    await browser.call("DOM.setFileInputFiles", nodeId=node["nodeId"], files=[str(path)])
    await browser.until(f"{PAINTING} && {FIGURES} !== ''", 60)


async def settled(browser: Browser, unlike: Pixels | None = None) -> Pixels:
    """What is shown once it has stopped changing."""
    for _ in range(100):
        before = await shown(browser)
        await asyncio.sleep(0.4)
        if np.array_equal(before, after := await shown(browser)) and not np.array_equal(after, unlike):
            return after
    raise AssertionError("the picture does not settle")


def in_python(network: Network, frame: Pixels) -> Pixels:
    return Painter(network).repaint(TimedFrame(frame, Fraction(0))).after.pixels


def difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(float) - other.astype(float)).mean())


def errors(browser: Browser) -> list[str]:
    return [text for text in browser.complaints if "'level': 'warning'" not in text]


async def appeared(folder: Path, pattern: str) -> list[Path]:
    for _ in range(100):
        if found := [path for path in folder.glob(pattern) if path.suffix != ".crdownload"]:
            return found
        await asyncio.sleep(0.1)
    raise AssertionError(f"no {pattern} came")
