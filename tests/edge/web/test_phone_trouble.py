"""The page in browsers that lack or refuse something, and for screen readers."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest

pytest.importorskip("aiohttp", reason="the page needs aiohttp, of the extra `live`")

from edge import phone
from keras_vst import zoo
from keras_vst.networks import open_network
from tests.edge.web.browser import IN_CHROMIUM
from tests.edge.web.sites import (
    ASKED,
    FIGURES,
    FIRST,
    GPU,
    PAINTING,
    READY,
    SAID,
    any_host,
    click,
    difference,
    errors,
    frames,
    in_python,
    moving,
    settled,
    show_file,
    story,
    visited,
)

pytestmark = IN_CHROMIUM
AXE = phone.ROOT / "node_modules" / "axe-core" / "axe.min.js"
FAILING = """{ const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wished) => {
    if (window.failure) throw new DOMException("", window.failure);
    return open(wished);
}; }"""
SEEN = "!document.querySelector('#styles button:not(.seen)')"


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
        async with visited(phone.application(files), *flags, query=f"{query}&network=base") as (browser, _):
            await show_file(browser, tmp_path / "picture.png")
            painted = await settled(browser, unlike=picture)
            assert difference(painted, in_python(open_network(zoo.find_style(FIRST).path), picture)) < 2
            await browser.until(f"{FIGURES}.endsWith({json.dumps(runtime)})")
            assert errors(browser) == []

    story(tell)


def test_a_camera_that_does_not_come_is_told_and_may_come_later(files, camera) -> None:
    told = {
        "NotAllowedError": "Allow it for this page",
        "NotReadableError": "another program may be using it",
        "AbortError": "another program may be using it",
        "NotFoundError": "Connect one and try again",
        "OverconstrainedError": "Connect one and try again",
    }

    async def tell() -> None:
        async with visited(phone.application(files), camera, ASKED, script=FAILING) as (browser, _):
            for failure, advice in told.items():
                await browser.run(f"window.failure = '{failure}'")
                await click(browser, "camera")
                await browser.until(f"{SAID}.includes('{advice}')")
                await browser.run("document.getElementById('said').textContent = ''")
            assert await browser.run(READY)
            await browser.run("window.failure = ''")
            await click(browser, "camera")
            await browser.until(PAINTING)
            await moving(browser)
            assert errors(browser) == []

    story(tell)


def test_a_refused_question_and_an_insecure_page_are_told(files, camera, tmp_path: Path) -> None:
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
            await browser.until(f"{FIGURES}.endsWith('WebAssembly')")  # without threads

    story(tell)


def test_an_old_browser_is_told_what_it_lacks(files) -> None:
    missing = [
        "WebAssembly.validate = () => false;",  # no SIMD
        "delete self.OffscreenCanvas;",
        "HTMLCanvasElement.prototype.getContext = () => null;",
    ]

    async def tell() -> None:
        old = f"{SAID}.includes('Use Chrome or Edge 113')"
        async with visited(phone.application(files), script=missing[0], state=old) as (browser, site):
            for script in missing[1:]:
                added = await browser.call("Page.addScriptToEvaluateOnNewDocument", source=script)
                await browser.open(f"http://localhost:{site.port}/?{len(script)}")
                await browser.until(old)
                assert await browser.run("document.getElementById('camera').disabled")
                await browser.call("Page.removeScriptToEvaluateOnNewDocument", **added)
            await browser.call("Emulation.setScriptExecutionDisabled", value=True)
            await browser.call("Page.reload")  # as where modules are not known
            await browser.until("document.getElementById('outdated')?.checkVisibility()")

    story(tell)


@pytest.mark.parametrize(("width", "height"), [(390, 844), (844, 390), (1280, 800)])
def test_it_fits_phones_and_desktops_and_screen_readers(
    files, camera, tmp_path: Path, width: int, height: int
) -> None:
    async def tell() -> None:
        async with visited(phone.application(files), camera, ASKED) as (browser, _):
            await browser.resize(width, height, mobile=width < 1000)
            for state in (READY, PAINTING):
                if state is PAINTING:
                    await click(browser, "camera")
                    await browser.until(SEEN, 120)
                assert await browser.run("document.documentElement.scrollWidth") <= width
                await browser.screenshot(tmp_path / f"{width}x{height}.png")
                for scheme in ("light", "dark") if AXE.exists() else ():
                    features = [{"name": "prefers-color-scheme", "value": scheme}]
                    await browser.call("Emulation.setEmulatedMedia", features=features)
                    await browser.run(f"{AXE.read_text()}; 0")
                    assert await browser.run("axe.run().then(({ violations }) => violations)") == []

    story(tell)
