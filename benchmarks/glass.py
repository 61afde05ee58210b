"""How old a picture is when it is shown: from a source that stamps the time into it to the sink, or to a browser.

    python -m benchmarks.glass [--style NAME | --model FILE] [--frame 640x360] [--rate 30] [--seconds 20]

The source behaves as a camera: a thread of its own, 30 frames a second, each stamped in the moment it is there.
They go through what `vst live` runs (source, network, sink, each its thread, the newest frame wins).  The strength is
0: the network does all its work, and the squares of the stamp come out as they went in.  `sink` reads them
where a window or an encoder would take the frame; `web` where a page would: Motion JPEG through a connection on
this machine, decoded.  What a camera and a screen add is not in it.  One JSON row each, in milliseconds.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from itertools import count, islice
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import cv2
import numpy as np

from benchmarks import Size, described, film_frames, parse_size
from edge.cli import keep_freed_memory
from edge.live import Session
from edge.live_painter import LivePainter, open_live_painter
from edge.options import add_network_options
from edge.output import Output
from edge.sinks import open_sink
from edge.sources import pace
from edge.sources.base import ThreadedSource
from keras_vst.frames import Pixels
from keras_vst.machine import processor
from keras_vst.video import Sink, TimedFrame, VideoInfo

WARM_UP = 15  # frames that are not counted
LOOP = 60  # frames of the film that are kept ready, so that decoding them is not part of it

# The time of day as black and white squares in a corner: of 16 pixels, which come through JPEG and 4:2:0.
SIDE = 16
BITS = 24  # count tenths of milliseconds for 28 minutes
UNIT = 1e-4  # seconds
WEIGHTS = 1 << np.arange(BITS)


def write_stamp(pixels: Pixels, seconds: float) -> None:
    """Draw a time into the upper left corner, in place."""
    bits = (round(seconds / UNIT) & WEIGHTS) > 0
    pixels[:SIDE, : BITS * SIDE] = np.repeat(bits * np.uint8(255), SIDE)[None, :, None]


def age(pixels: Pixels, seconds: float) -> float:
    """How long before `seconds` the picture's stamp was written."""
    squares = pixels[:SIDE, : BITS * SIDE].reshape(SIDE, BITS, SIDE, 3).mean(axis=(0, 2, 3))
    stamp = int(WEIGHTS[squares > 127].sum())
    return ((round(seconds / UNIT) - stamp) % (1 << BITS)) * UNIT


class StampedCamera(ThreadedSource):
    """The film at camera pace, each frame stamped with the moment it comes."""

    def __init__(self, size: Size, rate: Fraction) -> None:
        """Start filming."""
        self._pictures = list(islice(film_frames(size), LOOP))
        self._rate = rate
        self.info = VideoInfo(*size, fps=rate)
        super().__init__("the stamped camera")

    def _frames(self, closing: threading.Event) -> Iterator[TimedFrame]:
        copies = (TimedFrame(self._pictures[index % LOOP].copy(), index / self._rate) for index in count())
        for frame in pace(copies, closing):
            write_stamp(frame.pixels, time.monotonic())
            yield frame


class ReadingSink(Sink):
    """Reads the stamp of every frame it is given."""

    def __init__(self) -> None:
        """Start without a frame."""
        self.ages: list[float] = []

    def write(self, frame: TimedFrame) -> None:
        """Note how old it is."""
        self.ages.append(age(frame.pixels, time.monotonic()))


def watch(address: str, ages: list[float]) -> None:
    """Read the Motion JPEG of a page until it ends, as a browser does, and note how old each picture is."""
    with urlopen(f"{address}stream.mjpg") as stream:
        while line := stream.readline():
            if line.lower().startswith(b"content-length:"):
                stream.readline()
                content = np.frombuffer(stream.read(int(line.split(b":")[1])), np.uint8)
                pixels = np.asarray(cv2.imdecode(content, cv2.IMREAD_COLOR), np.uint8)
                ages.append(age(pixels, time.monotonic()))


def film(painter: LivePainter, camera: StampedCamera, sink: Sink, seconds: float) -> str:
    """Run the session of `vst live` for so long and close everything; its summary."""
    output = Output(sink, camera.info, painter, Path(), time.monotonic)
    session = Session(camera, painter, output, seconds)
    try:
        session.run()
    finally:
        camera.close()
        output.close()
    return session.summary()


def measure_sink(painter: LivePainter, camera: StampedCamera, seconds: float) -> dict[str, Any]:
    """How old frames are where the sink takes them."""
    sink = ReadingSink()
    return {"at": "sink", "session": film(painter, camera, sink, seconds), **_figures(sink.ages)}


def measure_web(painter: LivePainter, camera: StampedCamera, seconds: float) -> dict[str, Any]:
    """How old frames are when a viewer of the page has decoded them."""
    sink: Any = open_sink("web:0", camera.info)
    ages: list[float] = []
    viewer = threading.Thread(target=watch, args=(sink.address, ages), daemon=True)
    viewer.start()
    summary = film(painter, camera, sink, seconds)
    viewer.join(5)
    return {"at": "web", "session": summary, **_figures(ages)}


def _figures(ages: list[float]) -> dict[str, Any]:
    counted = np.asarray(ages[WARM_UP:]) * 1e3
    if not len(counted):
        raise SystemExit(f"only {len(ages)} frames came, and {WARM_UP} are for warming up; add --seconds.")
    median, high = (round(float(np.percentile(counted, each)), 1) for each in (50, 95))
    return {"frames": len(counted), "median_ms": median, "p95_ms": high}


def main() -> None:
    """Parse the command line, measure, print."""
    parser = described(__doc__)
    add_network_options(parser)
    parser.add_argument("--frame", type=parse_size, default=(640, 360), help="what the camera films")
    parser.add_argument("--rate", type=Fraction, default=Fraction(30), help="frames a second")
    parser.add_argument("--seconds", type=float, default=20, help="for each of the two")
    parser.set_defaults(strength=0.0)
    options = parser.parse_args()
    if options.model is None and options.style is None:
        options.style = "great-wave"

    keep_freed_memory()
    painter = open_live_painter(options)
    about = {
        "frame": "x".join(map(str, options.frame)),
        "rate": float(options.rate),
        "processor": processor(),
    }
    for measure in (measure_sink, measure_web):
        camera = StampedCamera(options.frame, options.rate)
        print(json.dumps({**measure(painter, camera, options.seconds), **about}), flush=True)


if __name__ == "__main__":
    main()
