"""A real Chromium drops a picture on the page of a real `vst live`, and the picture goes over to it."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("aiohttp", reason="the page needs aiohttp, of the extra `live`")

from tests.conftest import draw_picture
from tests.edge.web.browser import IN_CHROMIUM, Browser, find_chromium

ROOT = Path(__file__).parents[3]
pytestmark = IN_CHROMIUM
DROP = """(async () => {
    const content = Uint8Array.from(atob('%s'), (letter) => letter.charCodeAt(0));
    const data = new DataTransfer();
    data.items.add(new File([content], '%s', { type: 'image/png' }));
    document.dispatchEvent(new DragEvent('drop', { dataTransfer: data, cancelable: true }));
})()"""
CHOSEN = "document.querySelector('[aria-checked=true]').value"
IN_SIGHT = """(() => {
    const [list, button] = ["#styles", "#styles [aria-checked=true]"].map((it) => document.querySelector(it));
    const [outer, inner] = [list, button].map((it) => it.getBoundingClientRect());
    return inner.top >= outer.top && inner.bottom <= outer.bottom + 1;
})()"""


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Of the page of a command that paints the bundled film."""
    film = ROOT / "keras_vst" / "assets" / "scene.mp4"
    command = [
        sys.executable,
        "-m",
        "edge",
        "live",
        f"loop:{film}",
        "--sink",
        "web://127.0.0.1:0",
        "--size",
        "320x184",
    ]
    own = {"KERAS_VST_ZOO": str(tmp_path / "own"), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=tmp_path, env={**os.environ, **own}, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        found = next(told for line in lines if (told := re.search(r"open (http://\S+) in a browser", line)))
        yield found[1]
        process.terminate()


def test_a_picture_dropped_on_the_page_becomes_the_look(address: str, tmp_path: Path) -> None:
    red = (draw_picture(3, 240, 320) * [1.0, 0.3, 0.2]).astype(np.uint8)
    content = base64.b64encode(cv2.imencode(".png", red[..., ::-1])[1].tobytes()).decode()

    async def story() -> Browser:
        async with Browser(find_chromium() or "") as browser:
            await browser.open(address)
            await browser.until(
                "!document.getElementById('drop').hidden && document.getElementById('waiting').hidden"
            )
            await browser.screenshot(tmp_path / "before.png")
            await browser.run(DROP % (content, "my red.png"))
            await browser.until(f"{CHOSEN} === 'my-red'", 60)
            assert await browser.run(IN_SIGHT)
            await browser.run("new Promise((done) => setTimeout(done, 2500))")
            await browser.screenshot(tmp_path / "after.png")
            await browser.run(DROP % (base64.b64encode(b"no picture").decode(), "x.png"))
            await browser.until(
                "document.getElementById('notice').textContent.startsWith('x.png is no PNG')", 30
            )
            assert await browser.run(CHOSEN) == "my-red"
            return browser

    browser = asyncio.run(story())
    assert all("400" in each for each in browser.complaints)  # what was refused, and nothing else
    shown = cv2.imread(str(tmp_path / "after.png"))[60:300, 60:600].mean((0, 1))
    assert shown[2] > shown[0] + 10
