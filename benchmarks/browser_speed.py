"""The page of `vst web` in Chromium beside the Python edge, by turns, on the bundled scene; needs Chromium.

    python -m benchmarks.browser_speed [--sizes 256x256,320x240,640x360] [--threads 0,1,2] [--seconds 8] [--rounds 2]
    python -m benchmarks.browser_speed --memory 300

The page has the scene as its camera and is given the next frame as soon as it asks; `fps` is what it paints then, `ms`
what its worker takes for a frame.  Threads 0: the build for browsers without threads.  `python` is the median of
`Painter` with the same int8 file, `python_fp32` that with the file that `vst live` runs.  The best of the rounds
is told, as the machine may be busy.  One JSON row each.  With --memory the page paints as it would for a visitor, and
what all of Chromium's processes hold is told for each half minute of so many seconds after every style has its
thumbnail; growth is from their first to their second half (Linux only).
"""

from __future__ import annotations

import asyncio
import json
import re
import statistics
import tempfile
import time
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks import Size, described, film_frames, parse_size
from edge import phone
from edge.painter import Painter
from keras_vst import zoo
from keras_vst.frames import Pixels
from keras_vst.machine import processor
from keras_vst.networks import open_network
from keras_vst.video import TimedFrame
from tests.edge.web.sites import ASKED, FIGURES, filmed, visited

STYLE = "great-wave"
LOOP = 60  # frames of the scene that are kept ready
EVERY = 30.0  # seconds from one look at the memory to the next
WARM_UP = 3.0  # seconds that are not counted
AT_ONCE = "HTMLVideoElement.prototype.requestVideoFrameCallback = (then) => setTimeout(then, 0)"


def main() -> None:
    """Print one row for each size and number of threads."""
    parser = described(__doc__)
    parser.add_argument("--sizes", default="256x256,320x240,640x360")
    parser.add_argument("--threads", default="0,1,2")
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--memory", type=float, metavar="SECONDS")
    options = parser.parse_args()
    files = phone.page(zoo.styles(quality="live"))
    if options.memory:
        row = asyncio.run(_memory(files, list(islice(film_frames((640, 360)), LOOP)), options.memory))
        print(json.dumps({**row, "processor": processor()}))
        return
    for size in map(parse_size, options.sizes.split(",")):
        pictures = list(islice(film_frames(size), LOOP))
        for threads in map(int, options.threads.split(",")):
            rounds = [_round(files, pictures, size, threads, options.seconds) for _ in range(options.rounds)]
            best = {key: (max if key == "fps" else min)(row[key] for row in rounds) for key in rounds[0]}
            print(
                json.dumps(
                    {"size": "{}x{}".format(*size), "threads": threads, **best, "processor": processor()}
                ),
                flush=True,
            )


def _round(
    files: dict[str, bytes], pictures: list[Pixels], size: Size, threads: int, seconds: float
) -> dict[str, Any]:
    style = zoo.find_style(STYLE)
    int8 = style.path.parent / style.card["files"]["int8"]["file"]
    return {
        **asyncio.run(_in_page(files, pictures, size, threads, seconds)),
        "python": _in_python(int8, pictures, max(threads, 1), seconds / 2),
        "python_fp32": _in_python(style.path, pictures, max(threads, 1), seconds / 2),
    }


async def _in_page(
    files: dict[str, bytes], pictures: list[Pixels], size: Size, threads: int, seconds: float
) -> dict[str, Any]:
    query = "?network=base&size={}x{}&threads={}".format(*size, threads)
    with tempfile.TemporaryDirectory() as folder:
        camera = filmed(Path(folder) / "camera.y4m", pictures)
        async with visited(phone.application(files), camera, ASKED, query=query) as (browser, _):
            await browser.run(AT_ONCE)
            await browser.run(f"document.querySelector('#styles [value={STYLE}]').click()")
            await browser.run("document.getElementById('camera').click()")
            await asyncio.sleep(WARM_UP)
            read = []
            for _ in range(round(2 * seconds)):
                await asyncio.sleep(0.5)
                told = await browser.run(FIGURES)
                read.append([float(number) for number in re.findall(r"[\d.]+", told)[:2]])
    return {
        name: statistics.median(column)
        for name, column in zip(("fps", "ms"), zip(*read, strict=True), strict=True)
    }


async def _memory(files: dict[str, bytes], pictures: list[Pixels], seconds: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        camera = filmed(Path(folder) / "camera.y4m", pictures)
        async with visited(phone.application(files), camera, ASKED) as (browser, _):
            await browser.run("document.getElementById('camera').click()")
            await browser.until("!document.querySelector('#styles button:not(.seen)')", 600)
            held: list[int] = []
            for _ in range(round(seconds / EVERY) + 1):
                held.append(round(_resident(browser.pid)))
                await asyncio.sleep(EVERY)
            told = await browser.run(FIGURES)
    half = len(held) // 2
    growth = statistics.median(held[half:]) - statistics.median(held[:half])
    return {"seconds": seconds, "memory_mb": held, "growth_mb": growth, "at_the_end": told}


def _resident(process: int) -> float:
    """MB of a process and of all that it started; what is shared counts once."""
    rollup = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii")
    own = int(re.search(r"^Pss: +(\d+)", rollup, re.MULTILINE)[1]) / 1024  # type: ignore[index]
    children = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii").split()
    return own + sum(_resident(int(child)) for child in children)


def _in_python(file: Path, pictures: list[Pixels], threads: int, seconds: float) -> float:
    painter = Painter(open_network(file, threads=threads))
    frames = [TimedFrame(picture, Fraction(index)) for index, picture in enumerate(pictures)]
    painter.repaint(frames[0])
    times: list[float] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        before = time.perf_counter()
        painter.repaint(frames[len(times) % LOOP])
        times.append(1000 * (time.perf_counter() - before))
    return round(statistics.median(times), 1)


if __name__ == "__main__":
    main()
