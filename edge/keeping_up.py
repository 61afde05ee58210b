"""Which network of a style keeps up on this machine: half a second of painting decides, quality is preferred."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from statistics import median

import numpy as np

from keras_vst import zoo
from keras_vst.errors import tell
from keras_vst.networks import open_network
from keras_vst.networks.base import MULTIPLE, Size
from keras_vst.zoo import OWN_SIZE, SIZE_CLASSES, Style

SECONDS = 0.5
WARM_UP = 2  # frames; the first makes the buffers
RATE = 30.0  # frames a second that are to be reached, unless --fps says otherwise
ROOM = 0.8  # of a frame's time; capture, the way back and delivery have threads, and cores, of their own
USUAL = (360, 640)  # height and width at which a frame is painted, unless --size says otherwise


def choose(styles: Sequence[Style], options: argparse.Namespace) -> str:
    """The best size class up to base that all styles have and that keeps up; else the cheapest."""
    upto = SIZE_CLASSES[: SIZE_CLASSES.index(OWN_SIZE) + 1]
    offered = [name for name in upto if all(name in zoo.sizes(style) for style in styles)]
    if len(offered) == 1 or not styles:  # nothing to choose
        return offered[0]
    best = zoo.of_size(styles[0], offered[-1])
    size, allowed = options.size or USUAL, ROOM / (getattr(options, "fps", None) or RATE)
    taken = seconds_a_frame(best, size, options)
    fits = [name for name in offered if taken * _cost(styles[0], name, best) <= allowed]
    chosen = fits[-1] if fits else offered[0]
    tell(
        f"vst: --size-class auto: {chosen}, for {offered[-1]} takes {1000 * taken:.1f} ms a frame of "
        f"{size[1]}x{size[0]} here, and {1000 * allowed:.0f} are allowed."
    )
    return chosen


def seconds_a_frame(style: Style, size: Size, options: argparse.Namespace) -> float:
    """The median of what frames of (height, width) take."""
    network = open_network(style.path, runtime=options.runtime, threads=options.threads, sha256=style.sha256)
    sides = network.size or [-(-(side + 2 * style.margin) // MULTIPLE) * MULTIPLE for side in size]
    frame = np.random.default_rng(0).integers(0, 256, (*sides, 3), np.uint8)
    for _ in range(WARM_UP):
        network.paint(frame)
    times: list[float] = []
    end = time.perf_counter() + SECONDS
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        network.paint(frame)
        times.append(time.perf_counter() - start)
    return median(times)


def _cost(style: Style, name: str, best: Style) -> float:
    """What a size takes, in units of the best one's time, by the arithmetic that their cards tell."""
    arithmetic = zoo.of_size(style, name).gmacs
    return arithmetic / best.gmacs if arithmetic and best.gmacs else 1.0
