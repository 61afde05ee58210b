"""The page on devices of all speeds, and in Firefox."""

from __future__ import annotations

import base64
import shutil
from itertools import product
from pathlib import Path

import cv2
import pytest

pytest.importorskip("aiohttp", reason="the page needs aiohttp, of the extra `live`")

from edge import phone
from keras_vst import zoo
from keras_vst.networks import open_network
from keras_vst.networks.mixing import open_mix
from tests.edge.web.browser import IN_CHROMIUM, Firefox
from tests.edge.web.sites import (
    ASKED,
    FIGURES,
    FIRST,
    PAINTING,
    READY,
    SECOND,
    Site,
    click,
    difference,
    errors,
    frames,
    in_python,
    move,
    moving,
    settled,
    show_file,
    story,
    visited,
)

pytestmark = IN_CHROMIUM
SMALLEST = 112  # lines
SLOW = """window.Worker = class extends Worker { // a frame takes `burden` ms for each thousand pixels
    #waits = {};
    postMessage(message, transferred) {
        const { width = 0, height = 0 } = message.bitmap ?? {};
        this.#waits[message.id] = (window.burden ?? 2) * width * height / 1000;
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


def test_a_slow_device_takes_the_small_networks_and_mixes_those_alone(
    monkeypatch, camera, tmp_path: Path
) -> None:
    """Its clock runs fifty times as fast, so that everything takes fifty times as long."""
    root = shutil.copytree(phone.ROOT, tmp_path / "page", ignore=shutil.ignore_patterns("node_modules"))
    worker = (root / "worker.js").read_text()
    (root / "worker.js").write_text(
        "{ const now = performance.now.bind(performance); performance.now = () => 50 * now(); }\n" + worker
    )
    monkeypatch.setattr(phone, "ROOT", root)
    slow = phone.page(zoo.styles(quality="live"))
    small = {style.name: style for style in zoo.styles("live") if "small" in zoo.sizes(style)}
    network = zoo.of_size(small[FIRST], "small")
    picture = frames((160, 120))[0]
    cv2.imwrite(str(tmp_path / "picture.png"), picture[..., ::-1])

    async def tell() -> None:
        async with visited(phone.application(slow)) as (browser, site):
            await show_file(browser, tmp_path / "picture.png")
            painted = await settled(browser, unlike=picture)
            assert difference(painted, in_python(open_network(network.path), picture)) < 2
            assert "small network" in await browser.run(FIGURES)
            offered = await browser.run(
                "[...document.getElementById('second').options].map((each) => each.value)"
            )
            assert {FIRST, *offered} == set(small)
            await move(browser, "blend", 30)
            mixed = await settled(browser, unlike=painted)
            parts = [(network, 0.7), (zoo.of_size(small[SECOND], "small"), 0.3)]
            assert difference(mixed, in_python(open_mix(parts), picture)) < 0.5
            loaded = sum(len(slow[path[1:] or "index.html"]) for path in set(site.asked))
            assert loaded < 12e6

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


def test_a_slow_painter_is_given_small_pictures_until_it_is_quick_again(files, camera) -> None:
    async def tell() -> None:
        async with visited(phone.application(files), camera, ASKED, query="?network=small", script=SLOW) as (
            browser,
            _,
        ):
            await click(browser, "camera")
            await browser.until(f"{FIGURES}.includes('x{SMALLEST} ')", 60)
            await browser.run("window.burden = 0")
            await browser.until(f"!{FIGURES}.includes('x{SMALLEST} ')", 60)
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
