"""A real Chromium opens the page, moves sliders and presses keys, and the picture changes."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("aiohttp", reason="the page needs aiohttp, of the extra `live`")

from edge.controls import Controls
from edge.sinks import open_sink
from keras_vst.video import TimedFrame, VideoInfo
from tests.edge.web.browser import IN_CHROMIUM, Browser, find_chromium

pytestmark = IN_CHROMIUM
LEVEL = """(() => {
    const shown = document.getElementById(document.getElementById('video').hidden ? 'picture' : 'video');
    const copy = Object.assign(document.createElement('canvas'), { width: 8, height: 8 }).getContext('2d');
    copy.drawImage(shown, 0, 0, 8, 8);
    return copy.getImageData(6, 4, 1, 1).data[0];
})()"""


class Show:
    """Frames at 30 a second whose grey is the strength, until it is stopped; the left half is the original."""

    def __init__(self, uri: str) -> None:
        self.controls = Controls(["great-wave", "scream", "starry-night"], [1.0, 0.0, 0.0])
        self.sink = open_sink(uri, VideoInfo(640, 360, fps=Fraction(30)), controls=self.controls)
        self.address: str = self.sink.address  # pyright: ignore
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        start = time.monotonic()
        while not self._over.wait(1 / 30):
            moment = time.monotonic() - start
            look = self.controls.look(moment)
            pixels = np.full((360, 640, 3), round(40 + 180 * look.strength), np.uint8)
            if look.split:
                pixels[:, :320] = 20
            self.sink.write(TimedFrame(pixels, Fraction(moment)))
            self.controls.report({"fps": 30.0, "latency_ms": 12, "dropped": 0, "size": "640x360"})

    def stop(self) -> None:
        self._over.set()
        self._thread.join()
        self.sink.close()


@pytest.fixture(params=["web", "webrtc"])
def show(request: pytest.FixtureRequest) -> Iterator[Show]:
    if request.param == "webrtc":
        pytest.importorskip("aiortc", reason="WebRTC needs aiortc, of the extra `webrtc`")
    running = Show(f"{request.param}://127.0.0.1:0")
    yield running
    running.stop()


def test_sliders_and_keys_change_the_picture(show: Show, tmp_path: Path) -> None:
    async def story() -> Browser:
        async with Browser(find_chromium() or "") as browser:
            await browser.open(show.address)
            await browser.until("document.getElementById('state').className === 'live'")
            if show.sink.webrtc:  # pyright: ignore
                await browser.until("!document.getElementById('video').hidden")
            await browser.until(f"Math.abs({LEVEL} - 220) < 8")
            await browser.run(
                "(() => { const slider = document.getElementById('strength'); slider.value = 10;"
                " slider.dispatchEvent(new Event('input')); })()"
            )
            await browser.until(f"Math.abs({LEVEL} - 58) < 8")
            assert show.controls.status()["strength"] == 10
            await browser.press("ArrowRight")
            await browser.until("document.querySelector('[aria-checked=true]').value === 'scream'")
            await browser.press("]")
            await browser.until("document.getElementById('blend').value === '10'")
            await browser.press("s")
            await browser.until("document.getElementById('split').getAttribute('aria-pressed') === 'true'")
            show.controls.apply({"strength": 70})  # by a key in a window, or another page
            await browser.until("document.getElementById('strength').value === '70'")
            await browser.screenshot(tmp_path / "wide.png")
            await browser.resize(360, 760, mobile=True)
            assert await browser.run("document.documentElement.scrollWidth") <= 360
            await browser.screenshot(tmp_path / "phone.png")
            return browser

    browser = asyncio.run(story())
    assert browser.complaints == []


def test_a_page_comes_back_after_vst_was_started_again(tmp_path: Path) -> None:
    first = Show("web://127.0.0.1:0")
    port = int(first.address.rstrip("/").rpartition(":")[2])

    async def story() -> None:
        async with Browser(find_chromium() or "") as browser:
            await browser.open(first.address)
            await browser.until(f"Math.abs({LEVEL} - 220) < 8")
            start = time.monotonic()
            await asyncio.to_thread(first.stop)
            assert time.monotonic() - start < 3
            await browser.until("document.getElementById('state').textContent === 'vst has ended'")
            second = await asyncio.to_thread(Show, f"web:{port}")
            try:
                second.controls.apply({"strength": 0})
                await browser.until(f"Math.abs({LEVEL} - 40) < 8")
            finally:
                await asyncio.to_thread(second.stop)

    asyncio.run(story())
