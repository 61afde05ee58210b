"""The page in browsers that lack or refuse something, on slow devices, for screen readers, and in Firefox."""

from __future__ import annotations

import base64
import json
import shutil
from itertools import product
from pathlib import Path

import cv2
import pytest

pytest.importorskip("aiohttp", reason="the page needs aiohttp, of the extra `live`")

from edge import phone
from keras_vst import zoo
from keras_vst.networks import open_network
from tests.edge.web.browser import Firefox, find_chromium
from tests.edge.web.sites import (
    ASKED,
    FIGURES,
    FIRST,
    GPU,
    PAINTING,
    READY,
    SAID,
    Site,
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

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason="needs Chromium (Debian: apt install chromium)"),
]
AXE = phone.ROOT / "node_modules" / "axe-core" / "axe.min.js"
FAILING = """{ const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wished) => {
    if (window.failure) throw new DOMException("", window.failure);
    return open(wished);
}; }"""
SEEN = "!document.querySelector('#styles button:not(.seen)')"
SMALLEST = 112  # lines
SLOW = """window.Worker = class extends Worker { // a frame takes 2 ms for each thousand pixels
    #waits = {};
    postMessage(message, transferred) {
        const { width = 0, height = 0 } = message.bitmap ?? {};
        this.#waits[message.id] = 2 * width * height / 1000;
        setTimeout(() => super.postMessage(message, transferred), this.#waits[message.id]);
    }
    set onmessage(then) {
        super.onmessage = (event) => {
            if (event.data.result?.rgb) event.data.result.milliseconds += this.#waits[event.data.id];
            then(event);
        };
    }
};"""
CHOSEN = """{ const bytes = Uint8Array.from(atob("%s"), (letter) => letter.charCodeAt());
const files = new DataTransfer();
files.items.add(new File([bytes], "picture.png", { type: "image/png" }));
document.getElementById("file").files = files.files;
document.getElementById("file").dispatchEvent(new Event("change")); }"""
# A device that paints a frame of 112 lines in `cost` milliseconds and takes `rest` for all else, with a camera of 30
# frames a second; what it comes to in each phase: the shorter side, frames a second, changes in the last ten seconds.
DEVICE = """(async () => {
    const { Pace } = await import("./pace.js");
    const pace = new Pace();
    pace.begin(65536, %(cost)f * 65536 / (112 * 200));
    let now = 0;
    const told = [];
    for (const [factor, seconds] of %(phases)s) {
        const end = now + 1000 * seconds;
        let [shown, changes, before] = [0, 0, null];
        while (now < end) {
            const { width, height } = pace.size(1280, 720);
            const network = factor * %(cost)f * width * height / (112 * 200);
            const whole = Math.max(network + %(rest)f, 1000 / 30);
            now += whole;
            pace.observe(network + %(rest)f, network, now, { width: 1280, height: 720 });
            if (now > end - 10000) shown++, changes += before !== null && before !== height;
            before = height;
        }
        told.push([before, shown / 10, changes]);
    }
    return told;
})()"""


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


def test_the_size_holds_24_frames_a_second_and_grows_again(files) -> None:
    phases = "[[1, 30], [4, 30], [1, 90]]"  # as it is, four times as slow, as it was

    async def tell() -> None:
        async with visited(phone.application(files)) as (browser, _):
            for cost, rest in product((0.3, 2.0, 8.0, 30.0), (4.0, 15.0)):
                told = await browser.run(DEVICE % {"cost": cost, "rest": rest, "phases": phases})
                for short, rate, changes in told:
                    assert rate >= 24 or short == SMALLEST, (cost, rest, told)
                    assert changes <= 2, (cost, rest, told)
                (first, *_), (slow, *_), (again, *_) = told
                assert slow < first or slow == SMALLEST, (cost, rest, told)
                assert again >= 0.8 * first, (cost, rest, told)

    story(tell)


def test_a_slow_painter_is_given_small_pictures(files, camera) -> None:
    async def tell() -> None:
        async with visited(phone.application(files), camera, ASKED, script=SLOW) as (browser, _):
            await click(browser, "camera")
            await browser.until(f"{FIGURES}.includes('x{SMALLEST} ')", 60)
            assert errors(browser) == []

    story(tell)


@pytest.mark.skipif(
    not (shutil.which("firefox-esr") and shutil.which("xvfb-run")),
    reason="needs Firefox, a display and Mesa (Debian: apt install firefox-esr xvfb xauth libgl1-mesa-dri libegl1)",
)
def test_firefox_paints_pictures_and_its_camera(files) -> None:
    picture = frames((160, 120))[0]
    png = base64.b64encode(cv2.imencode(".png", picture[..., ::-1])[1]).decode()

    async def tell() -> None:
        site = Site(phone.application(files))
        await site.start()
        async with Firefox(shutil.which("firefox-esr") or "") as browser:
            await browser.open(f"http://localhost:{site.port}/?network=base")
            await browser.until(READY, 120)
            assert await browser.run("crossOriginIsolated")
            await browser.run(CHOSEN % png)
            await browser.until(f"{PAINTING} && {FIGURES} !== ''", 60)
            painted = await settled(browser, unlike=picture)
            assert difference(painted, in_python(open_network(zoo.find_style(FIRST).path), picture)) < 2
            await click(browser, "camera")
            await moving(browser)
        await site.stop()

    story(tell)
