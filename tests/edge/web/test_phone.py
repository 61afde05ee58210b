"""A real Chromium paints on its own: a camera fed from the bundled clip, pictures, every control, no network."""

from __future__ import annotations

import asyncio
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

pytest.importorskip("aiohttp", reason="the page needs aiohttp, of the extra `live`")

from edge import phone
from keras_vst import zoo
from keras_vst.networks import open_network
from keras_vst.networks.mixing import open_mix
from tests.edge.web.browser import IN_CHROMIUM
from tests.edge.web.sites import (
    ASKED,
    FIGURES,
    FIRST,
    PAINTING,
    READY,
    SAID,
    SCENE,
    SECOND,
    any_host,
    appeared,
    click,
    difference,
    errors,
    frames,
    in_python,
    move,
    moving,
    settled,
    show_file,
    shown,
    story,
    visited,
)

pytestmark = IN_CHROMIUM
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


def test_the_camera_is_painted_as_python_paints_it_and_nothing_is_asked_for_afterwards(files, camera) -> None:
    async def tell() -> None:
        flags = (camera, ASKED)
        async with visited(phone.application(files), *flags, query="?size=320x240&network=base") as (
            browser,
            site,
        ):
            assert await browser.run("crossOriginIsolated")
            loaded = sum(len(files[path[1:] or "index.html"]) for path in site.asked)
            assert loaded < 12e6
            await browser.run(WATCH)
            await click(browser, "camera")
            await browser.until(PAINTING)
            await browser.until("!document.querySelector('#styles button:not(.seen)')", 120)
            await browser.until(f"{FIGURES}.includes('frames a second')")
            await moving(browser)
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
        async with visited(phone.application(files), query="?network=base") as (browser, _):
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
            await moving(browser)

    story(tell)


@pytest.mark.parametrize(("width", "height"), [(320, 240), (160, 240)])
def test_the_line_of_the_split_view_follows_the_finger_beside_bars_too(
    files, tmp_path: Path, width: int, height: int
) -> None:
    cv2.imwrite(str(tmp_path / "picture.png"), frames((width, height))[0])

    async def tell() -> None:
        async with visited(phone.application(files)) as (browser, _):
            await browser.resize(844, 390, mobile=True)
            await show_file(browser, tmp_path / "picture.png")
            await browser.press("s")
            left, top, whole, tall = await browser.run(
                "(({ x, y, width, height }) => [x, y, width, height])(document.getElementById('canvas')"
                ".getBoundingClientRect())"
            )
            across = tall * width / height
            place = {"x": left + whole / 2 - across / 4, "y": top + 20, "button": "left", "clickCount": 1}
            await browser.call("Input.dispatchMouseEvent", type="mousePressed", **place)
            await browser.call("Input.dispatchMouseEvent", type="mouseReleased", **place)
            assert await browser.run("document.getElementById('split').value") == "25"

    story(tell)


def test_a_recording_has_the_microphone_and_a_refused_one_is_told(files, camera, tmp_path: Path) -> None:
    async def tell() -> None:
        async with visited(phone.application(files), camera, ASKED) as (browser, _):
            await browser.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
            await browser.run(WATCH)
            await click(browser, "camera")
            await moving(browser)
            await click(browser, "sound")
            await browser.press("r")
            await browser.until(f"{SAID} === 'Recording'")
            await moving(browser)
            await moving(browser)
            await browser.press("r")
            (clip,) = await appeared(tmp_path, "painted-*.[mw][pe]*")
            for kind in ("video", "audio"):
                with av.open(str(clip)) as recorded:
                    assert sum(1 for _ in recorded.decode(**{kind: 0})) > 1
            microphone = "window.tracks.filter(({ kind }) => kind === 'audio').map((each) => each.readyState)"
            assert await browser.run(microphone) == ["ended"]
            await browser.run(
                "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotAllowedError') }; 0"
            )
            await browser.press("r")
            await browser.until(f"{SAID}.includes('microphone was refused')")
            await browser.run("MediaRecorder = class { constructor() { throw new Error(); } }; 0")
            await click(browser, "sound")
            await browser.press("r")
            await browser.until(f"{SAID}.includes('does not record')")
            assert len(list(tmp_path.glob("painted-*"))) == 1

    story(tell)


def test_the_picture_fills_the_screen_and_comes_back(files, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "picture.png"), frames()[0])

    async def tell() -> None:
        async with visited(phone.application(files)) as (browser, _):
            await show_file(browser, tmp_path / "picture.png")
            await browser.press("f")
            await browser.until("document.fullscreenElement?.id === 'stage'")
            whole = "(({ width, height }) => width === innerWidth && height === innerHeight)"
            await browser.until(f"{whole}(document.getElementById('canvas').getBoundingClientRect())")
            await browser.press("f")
            await browser.until("!document.fullscreenElement")
            assert errors(browser) == []

    story(tell)
