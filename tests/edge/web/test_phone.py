"""A real Chromium paints on its own: a camera fed from the bundled clip, pictures, every control, no network."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

aiohttp = pytest.importorskip("aiohttp", reason="the page needs aiohttp, of the extra `live`")
from aiohttp import web  # noqa: E402

from edge import phone  # noqa: E402
from edge.painter import Painter  # noqa: E402
from keras_vst import zoo  # noqa: E402
from keras_vst.frames import Pixels  # noqa: E402
from keras_vst.networks import Network, open_network  # noqa: E402
from keras_vst.networks.mixing import open_mix  # noqa: E402
from keras_vst.video import TimedFrame  # noqa: E402
from tests.edge.web.browser import Browser, find_chromium  # noqa: E402
from tests.edge.web.sites import ASKED, GPU, PAINTING, READY, SCENE, filmed, frames, visited  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason="needs Chromium (Debian: apt install chromium)"),
]
FIRST, SECOND = (style.name for style in zoo.styles(quality="live")[:2])  # as the page lists them
HIDDEN = (
    "Object.defineProperty(document, 'hidden', { configurable: true, get: () => %s });"
    " document.dispatchEvent(new Event('visibilitychange'))"
)
WATCH = """window.tracks = [];
const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wished) => {
    const stream = await open(wished);
    window.tracks.push(...stream.getTracks());
    return stream;
}; true"""
SAID = "document.getElementById('said').textContent"
FIGURES = "document.getElementById('figures').textContent"


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The flag that makes a clip Chromium's camera."""
    return filmed(tmp_path_factory.mktemp("camera") / "camera.y4m", frames())


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return phone.page(zoo.styles(quality="live"))


def any_host(files: dict[str, bytes], folder: Path) -> Any:
    """The written folder behind a server that knows nothing of it."""
    phone.write(files, folder / "built")

    async def index(_: web.Request) -> web.FileResponse:
        return web.FileResponse(folder / "built" / "index.html")

    served = web.Application()
    served.router.add_get("/", index)
    served.router.add_static("/", folder / "built")
    return served


def story(tell: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(tell(), 240))


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


def difference(one: Pixels, other: Pixels) -> float:
    return float(np.abs(one.astype(float) - other.astype(float)).mean())


def errors(browser: Browser) -> list[str]:
    return [text for text in browser.complaints if "'level': 'warning'" not in text]


def test_the_camera_is_painted_as_python_paints_it_and_nothing_is_asked_for_afterwards(files, camera) -> None:
    async def tell() -> None:
        flags = (camera, ASKED)
        async with visited(phone.application(files), *flags, query="?size=320x240") as (browser, site):
            assert await browser.run("crossOriginIsolated")
            loaded = sum(len(files[path[1:] or "index.html"]) for path in site.asked)
            assert loaded < 12e6
            await browser.run(WATCH)
            await click(browser, "camera")
            await browser.until(PAINTING)
            await browser.until("document.querySelectorAll('#styles .seen').length === 5", 60)
            first = await shown(browser)
            await browser.until(f"{FIGURES}.includes('frames a second')")
            await asyncio.sleep(1)
            assert difference(first, await shown(browser)) > 1
            await click(browser, "pause")
            painted = await settled(browser)
            await move(browser, "strength", 0)
            frame = await shown(browser)
            assert difference(painted, in_python(open_network(zoo.find_style(FIRST).path), frame)) < 2
            await click(browser, "pause")
            await move(browser, "strength", 100)
            await asyncio.sleep(4)  # for the browser's own look for a new version
            site.asked.clear()
            await browser.press("ArrowRight")
            await move(browser, "strength", 70)
            await click(browser, "keep")
            await asyncio.sleep(3)
            assert site.asked == []
            live = "window.tracks.map(({ readyState }) => readyState).join() === '%s'"
            assert await browser.run(live % "live")
            await browser.run(HIDDEN % "true")
            await browser.until(live % "ended")
            await browser.run(HIDDEN % "false")
            await browser.until(live % "ended,live")
            assert errors(browser) == []

    story(tell)


def test_each_control_does_what_it_says(files, tmp_path: Path) -> None:
    picture = frames()[10]
    cv2.imwrite(str(tmp_path / "picture.png"), picture[..., ::-1])
    first, second = zoo.find_style(FIRST), zoo.find_style(SECOND)

    async def tell() -> None:
        async with visited(phone.application(files)) as (browser, _):
            await browser.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
            await show_file(browser, tmp_path / "picture.png")
            alone = await settled(browser, unlike=picture)
            assert difference(alone, in_python(open_network(first.path), picture)) < 2

            await move(browser, "blend", 30)
            mixed = await settled(browser, unlike=alone)
            expected = in_python(open_mix([(first, 0.7), (second, 0.3)]), picture)
            assert difference(mixed, expected) < 0.5
            await move(browser, "blend", 0)
            assert np.array_equal(await settled(browser, unlike=mixed), alone)

            await move(browser, "strength", 0)
            assert difference(await shown(browser), picture) < 0.5
            await browser.press("+")
            assert await browser.run("document.getElementById('strength').value") == "10"
            await move(browser, "strength", 50)
            assert difference(await shown(browser), alone / 2.0 + picture / 2.0) < 1
            await move(browser, "strength", 100)

            await click(browser, "keep")
            kept = await shown(browser)
            chroma = [cv2.cvtColor(each, cv2.COLOR_RGB2YCrCb)[..., 1:] for each in (kept, picture, alone)]
            assert difference(chroma[0], chroma[1]) < difference(chroma[2], chroma[1]) / 4
            await click(browser, "keep")

            await browser.press("s")
            halves = await shown(browser)
            assert difference(halves[:, :150], picture[:, :150]) < 0.5
            assert difference(halves[:, 170:], alone[:, 170:]) < 0.5
            box = "document.getElementById('canvas').getBoundingClientRect()"
            left, top, width = await browser.run(f"(({{ x, y, width }}) => [x, y, width])({box})")
            place = {"x": left + width / 4, "y": top + 20, "button": "left", "clickCount": 1}
            await browser.call("Input.dispatchMouseEvent", type="mousePressed", **place)
            await browser.call("Input.dispatchMouseEvent", type="mouseReleased", **place)
            assert await browser.run("document.getElementById('split').value") == "25"
            await browser.press("s")

            await browser.press("ArrowRight")
            other = await settled(browser, unlike=alone)
            assert difference(other, in_python(open_network(second.path), picture)) < 2
            assert await browser.run("document.querySelector('[aria-checked=true]').value") == SECOND

            await browser.press("i")
            (saved,) = await appeared(tmp_path, "painted-*.png")
            assert np.array_equal(cv2.imread(str(saved))[..., ::-1], other)
            await browser.press("r")
            await browser.press("ArrowRight")
            await asyncio.sleep(2)
            await browser.press("r")
            (clip,) = await appeared(tmp_path, "painted-*.[mw][pe]*")
            with av.open(str(clip)) as recorded:
                assert next(recorded.decode(video=0)).width == 320
            assert errors(browser) == []

    story(tell)


async def appeared(folder: Path, pattern: str) -> list[Path]:
    for _ in range(100):
        if found := [path for path in folder.glob(pattern) if path.suffix != ".crdownload"]:
            return found
        await asyncio.sleep(0.1)
    raise AssertionError(f"no {pattern} came")


def test_it_works_without_a_network_after_the_first_visit(files, camera) -> None:
    async def tell() -> None:
        flags = (camera, ASKED)
        async with visited(phone.application(files), *flags) as (browser, site):
            await site.stop()
            await browser.call("Page.reload")
            await asyncio.sleep(1)
            await browser.until(READY, 60)
            await click(browser, "camera")
            await browser.until(f"{FIGURES}.includes('frames a second')")
            assert await browser.run("crossOriginIsolated")

    story(tell)


def test_a_host_without_headers_gets_its_threads_from_the_service_worker(files, tmp_path: Path) -> None:
    plain = any_host(files, tmp_path)

    async def tell() -> None:
        async with visited(plain) as (browser, site):
            assert site.asked.count("/styles.json") == 1
            assert await browser.run("crossOriginIsolated")
            await show_file(browser, SCENE)
            before = await shown(browser)
            await asyncio.sleep(1)
            assert difference(before, await shown(browser)) > 1

    story(tell)


@pytest.mark.parametrize(
    ("flags", "query", "runtime"),
    [
        ((), "?threads=0", "WebAssembly"),
        ((), "?accelerator=webgpu&threads=2", "WebAssembly, 2 threads"),  # there is none
        (GPU, "?accelerator=webgpu", "WebGPU"),
    ],
)
def test_what_is_refused_falls_back(files, tmp_path: Path, flags, query: str, runtime: str) -> None:
    picture = frames((160, 120))[0]
    cv2.imwrite(str(tmp_path / "picture.png"), picture[..., ::-1])

    async def tell() -> None:
        async with visited(phone.application(files), *flags, query=query) as (browser, _):
            await show_file(browser, tmp_path / "picture.png")
            painted = await settled(browser, unlike=picture)
            assert difference(painted, in_python(open_network(zoo.find_style(FIRST).path), picture)) < 2
            await browser.until(f"{FIGURES}.endsWith({json.dumps(runtime)})")
            assert errors(browser) == []

    story(tell)


def test_refusals_say_what_to_do(files, camera, tmp_path: Path) -> None:
    plain = any_host(files, tmp_path)

    async def tell() -> None:
        async with visited(phone.application(files), camera, "--deny-permission-prompts") as (browser, _):
            await click(browser, "camera")
            await browser.until(f"{SAID}.includes('Allow it for this page')")
        elsewhere = "--host-resolver-rules=MAP phone.test 127.0.0.1"
        async with visited(plain, elsewhere, host="phone.test") as (browser, _):
            assert "https://" in await browser.run(SAID)
            cv2.imwrite(str(tmp_path / "picture.png"), frames((160, 120))[0])
            await show_file(browser, tmp_path / "picture.png")
            await browser.until(f"{FIGURES}.endsWith('WebAssembly')")

    story(tell)


@pytest.mark.parametrize(("width", "height"), [(390, 844), (844, 390), (1280, 800)])
def test_it_fits_phones_and_desktops(files, camera, tmp_path: Path, width: int, height: int) -> None:
    async def tell() -> None:
        flags = (camera, ASKED)
        async with visited(phone.application(files), *flags) as (browser, _):
            await browser.resize(width, height, mobile=width < 1000)
            await click(browser, "camera")
            await browser.until("document.querySelectorAll('#styles .seen').length === 5", 60)
            assert await browser.run("document.documentElement.scrollWidth") <= width
            unnamed = "!(each.labels?.length || each.ariaLabel || each.textContent.trim())"
            all_of = "[...document.querySelectorAll('button, select, input:not([hidden])')]"
            assert await browser.run(f"{all_of}.filter((each) => {unnamed}).length") == 0
            await browser.screenshot(tmp_path / f"{width}x{height}.png")

    story(tell)
