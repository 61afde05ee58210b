"""What keeps up on this machine: the network of a style, chosen once, and the size to work at, chosen all the while.

The network: half a second of painting decides, quality is preferred.  The size: a time per frame is held by it,
seconds in, (height, width) out, no clock of its own.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from math import sqrt
from statistics import median

import numpy as np

from edge.painter import scaled
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

SMALLEST_SIDE = 64  # of the picture inside the border; below that it is no longer recognised
STEP = 0.8  # area of one size over the next larger one: 20 % of the time
WINDOW = 8  # frames whose median counts; one slow frame changes nothing
SETTLING = 2  # frames after a change that are not counted: buffers are made anew
AIM = 0.9  # of the target, what a smaller size must promise
ROOMY = 0.8  # of the target, below which a larger size must promise to stay before it is tried
PATIENCE = 4  # windows in a row with room before a larger size is tried
RELAPSE = 12  # windows; who comes down from a larger size within them was wrong to go up
LONGEST_PATIENCE = 256  # windows, a minute or so


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


def ladder(frame: Size, margin: int, *, largest: Size | None = None, fixed: Size | None = None) -> list[Size]:
    """The sizes to choose from, the largest first, multiples of 8; a file that fixes its size has only that.

    `largest` is where to begin, by default the frame itself with its margins.
    """
    if fixed is not None:
        return [fixed]
    top = largest or tuple(-(-(side + 2 * margin) // MULTIPLE) * MULTIPLE for side in frame)
    sizes = [(top[0], top[1])]
    scale = min((top[0] - 2 * margin) / frame[0], (top[1] - 2 * margin) / frame[1])
    while min(frame) * (scale := scale * sqrt(STEP)) >= SMALLEST_SIDE:
        if (size := scaled(frame, scale, margin)) != sizes[-1]:
            sizes.append(size)
    return sizes


class LatencyController:
    """Chooses among `sizes`, the largest first, so that a frame takes at most `target` seconds.

    Down at once by as much as is needed, up by one when there has been room for a while.  Promises go by the
    area, which overstates what a larger size costs, so a steady machine never comes back from one; on an
    unsteady machine every relapse doubles the time before the next attempt.
    """

    def __init__(self, target: float, sizes: Sequence[Size], say: Callable[[str], None]) -> None:
        """Start with the largest size; `say` is told of every change."""
        self.target, self.sizes, self._say = target, list(sizes), say
        self._index = 0
        self._seconds: list[float] = []
        self._unsettled = SETTLING
        self._roomy = 0  # windows in a row
        self._since_rise: int | None = None  # windows since a larger size was tried
        self._patience = PATIENCE
        self._told_hopeless = False

    @property
    def size(self) -> Size:
        """The size to work at."""
        return self.sizes[self._index]

    def observe(self, seconds: float) -> Size:
        """Take note of what one frame took; returns the size for the next."""
        if self._unsettled:
            self._unsettled -= 1
            return self.size
        self._seconds.append(seconds)
        if len(self._seconds) == WINDOW:
            self._judge(median(self._seconds))
            self._seconds.clear()
        return self.size

    def _judge(self, seconds: float) -> None:
        self._since_rise = None if self._since_rise is None else self._since_rise + 1
        if seconds > self.target:
            self._roomy = 0
            self._lower(seconds)
            return
        self._told_hopeless = False
        if self._since_rise is not None and self._since_rise > RELAPSE:
            self._since_rise, self._patience = None, max(PATIENCE, self._patience // 2)
        has_room = self._index > 0 and self._promise(seconds, self._index - 1) < ROOMY * self.target
        self._roomy = self._roomy + 1 if has_room else 0
        if self._roomy >= self._patience:
            self._since_rise = 0
            self._change(self._index - 1, f"{_told(seconds)} a frame at {_name(self.size)} is well under")

    def _lower(self, seconds: float) -> None:
        told = f"{_told(seconds)} a frame at {_name(self.size)}"
        if self._index == len(self.sizes) - 1:
            if not self._told_hopeless:
                target = _told(self.target)
                self._say(f"{told}, the smallest size, is over {target}; this machine cannot hold it.")
            self._told_hopeless = True
            return
        if self._since_rise is not None:
            self._patience = min(LONGEST_PATIENCE, 2 * self._patience)
            self._since_rise = None
        lower = range(self._index + 1, len(self.sizes))
        fast = (index for index in lower if self._promise(seconds, index) <= AIM * self.target)
        self._change(next(fast, lower[-1]), f"{told} is over")

    def _promise(self, seconds: float, index: int) -> float:
        """What a frame should take at another size."""
        (height, width), (now_height, now_width) = self.sizes[index], self.size
        return seconds * height * width / (now_height * now_width)

    def _change(self, index: int, reason: str) -> None:
        self._index = index
        self._unsettled, self._roomy = SETTLING, 0
        self._say(f"{reason} {_told(self.target)}; working at {_name(self.size)}.")


def _name(size: Size) -> str:
    return f"{size[1]}x{size[0]}"


def _told(seconds: float) -> str:
    return f"{seconds * 1e3:.0f} ms"
