"""What many viewers and many videos need: queues of frames and of pieces, simulated with service times in seconds.

    python -m benchmarks.scale                 the tables of docs/scale.md
    python -m benchmarks.scale --measure       the service times of this machine, in processor time

Frames of 640x360, each on one core.  A machine of viewers is a line in which a viewer's newer frame takes the place of
the one that still waits; videos fall into pieces, which wait in one line for the next free core of all machines.
"""

from __future__ import annotations

import argparse
import heapq
import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path
from time import process_time
from typing import Any

import cv2
import numpy as np

from edge.painter import Painter
from keras_vst import zoo
from keras_vst.files import SCENE
from keras_vst.networks import open_network
from keras_vst.video import open_sink, open_source

DAY, MINUTE = 86_400, 60  # seconds
FPS = 30.0  # of videos; viewers send VIEWER_FPS
VIEWER_FPS = 25.0
CORES = 16  # of a machine
PIECE = 20.0  # seconds of video
LENGTH = 5.0  # minutes of a video in the mean, lognormal with sigma 1: most are shorter, a few last an hour
PEAK = 2.0  # the busiest moment of a day over its mean
LATENCY, SHOWN = (
    0.1,
    0.99,
)  # what a viewer is promised: seconds for 95 % of frames, and the share that is shown


@dataclass(frozen=True)
class Times:
    """Seconds of one core: for a frame, and for a piece beside its frames; as measured (docs/scale.md)."""

    decode: float = 0.0045  # and to and from the network's size
    network: float = 0.0127
    encode: float = 0.0041
    jpeg: float = 0.0027  # out of a JPEG and into one
    piece: float = 0.12

    @property
    def video(self) -> float:
        """One frame from file to file."""
        return self.decode + self.network + self.encode

    @property
    def live(self) -> float:
        """One frame from viewer to viewer."""
        return self.jpeg + self.network


def waits(arrivals: np.ndarray, services: np.ndarray, cores: int) -> np.ndarray:
    """How long each job waits for the next free core, first come first served."""
    free, starts = [0.0] * cores, np.empty(len(arrivals))
    for job, (arrival, service) in enumerate(zip(arrivals.tolist(), services.tolist(), strict=True)):
        starts[job] = start = max(arrival, free[0])
        heapq.heapreplace(free, start + service)
    return starts - arrivals


def watch(number: int, cores: int, service: float, rng: np.random.Generator) -> tuple[float, float]:
    """A minute of so many viewers at one machine: the share of frames shown, and the latency of 95 % of them.

    A service varies by a tenth.
    """
    events = [(float(start), viewer) for viewer, start in enumerate(rng.uniform(0, 1 / VIEWER_FPS, number))]
    heapq.heapify(events)  # when a viewer sends its next frame; -1 is a core that becomes free
    waiting: dict[int, float] = {}  # of each viewer the newest frame, in the line's order
    idle, sent, latencies = cores, 0, []
    while events[0][0] < MINUTE:
        now, viewer = heapq.heappop(events)
        if viewer < 0:
            idle += 1
        else:
            sent += 1
            waiting[viewer] = now  # a newer frame takes the older one's place
            heapq.heappush(events, (now + 1 / VIEWER_FPS, viewer))
        while idle and waiting:
            came = waiting.pop(next(iter(waiting)))
            end = now + service * rng.uniform(0.9, 1.1)
            idle -= 1
            latencies.append(end - came)
            heapq.heappush(events, (end, -1))
    return len(latencies) / sent, float(np.percentile(latencies, 95))


def most_viewers(cores: int, service: float) -> int:
    """How many a machine can take and keep what they are promised."""

    def kept(number: int) -> bool:
        shown, latency = watch(number, cores, service, np.random.default_rng(0))
        return shown >= SHOWN and latency <= LATENCY

    return _largest(kept, int(1.2 * cores / service / VIEWER_FPS) + 1)


def day_of_videos(minutes: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """When the videos of a day come, by a wave with its peak at noon, and how many seconds each lasts."""
    clock = np.linspace(0, DAY, 1441)
    came = np.cumsum(1 - (PEAK - 1) * np.cos(2 * np.pi * clock / DAY))
    arrivals = np.interp(rng.uniform(came[0], came[-1], rng.poisson(minutes / LENGTH)), came, clock)
    lengths = MINUTE * LENGTH * rng.lognormal(-0.5, 1.0, len(arrivals))
    return np.sort(arrivals), lengths


def turnarounds(arrivals: np.ndarray, lengths: np.ndarray, cores: int, times: Times) -> np.ndarray:
    """Seconds from the coming of each video to the end of its last piece."""
    pieces = np.ceil(lengths / PIECE).astype(int)
    came = np.repeat(arrivals, pieces)
    services = np.repeat(lengths / pieces * FPS * times.video + times.piece, pieces)
    first = np.cumsum(pieces) - pieces
    return np.maximum.reduceat(waits(came, services, cores) + services, first)


def core_seconds(times: Times) -> float:
    """Of one core, for a minute of video."""
    return MINUTE * (FPS * times.video + times.piece / PIECE)


def measured() -> Times:
    """The service times of this machine, as processor time with one thread for the network; of a piece, the default."""
    style = zoo.find_style("great-wave")
    painter = Painter(open_network(style.path, threads=1, sha256=style.sha256), margin=style.margin)
    with open_source(SCENE) as source:
        info = source.info
        decode, frames = _timed(lambda: list(source))
    network, painted = _timed(lambda: [painter.repaint(frame).after for frame in frames])
    jpegs = [cv2.imencode(".jpg", frame.pixels)[1] for frame in painted]
    jpeg, _ = _timed(lambda: [cv2.imencode(".jpg", cv2.imdecode(each, cv2.IMREAD_COLOR)) for each in jpegs])

    def write() -> None:
        with tempfile.TemporaryDirectory() as folder, open_sink(Path(folder) / "clip.mp4", info) as sink:
            for frame in painted:
                sink.write(frame)

    encode, _ = _timed(write)
    return Times(*(round(seconds / len(frames), 5) for seconds in (decode, network, encode, jpeg)))


def live_table(times: Times) -> list[str]:
    """Viewers of one machine, around the most that it can take."""
    most = most_viewers(CORES, times.live)
    rows = ["| viewers a machine | cores busy | frames shown | latency, 95 % |", "|---|---|---|---|"]
    for number in sorted({most // 2, most, ceil(1.1 * most), 2 * most}):
        shown, latency = watch(number, CORES, times.live, np.random.default_rng(0))
        busy = number * VIEWER_FPS * shown * times.live / CORES
        rows.append(f"| {number} | {busy:.0%} | {shown:.1%} | {latency * 1e3:.0f} ms |")
    return [*rows, "", f"1,000 viewers: {ceil(1000 / most)} machines of {CORES} cores"]


def video_table(times: Times, minutes: float) -> list[str]:
    """A day's videos on so many machines, around what the mean and the peak ask for."""
    rng = np.random.default_rng(0)
    arrivals, lengths = day_of_videos(minutes, rng)
    mean = core_seconds(times) * lengths.sum() / MINUTE / DAY / CORES
    rows = [
        "| machines | cores busy, mean | minutes to the last piece: median | 95 % | most |",
        "|---|---|---|---|---|",
    ]
    for share in (1.1, 1.5, 1.8, 2.0, 2.2):
        machines = ceil(share * mean)
        took = turnarounds(arrivals, lengths, machines * CORES, times) / MINUTE
        middle, late = np.percentile(took, (50, 95))
        rows.append(f"| {machines} | {mean / machines:.0%} | {middle:.1f} | {late:.1f} | {took.max():.1f} |")
    told = f"{len(arrivals)} videos, {lengths.sum() / MINUTE:.0f} minutes, {core_seconds(times):.1f} core seconds each"
    return [told, "", *rows]


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description="what many viewers and many videos need")
    parser.add_argument("--measure", action="store_true", help="measure the service times here first")
    parser.add_argument("--minutes", type=float, default=1e6, help="of video a day")
    options = parser.parse_args()
    times = measured() if options.measure else Times()
    print(json.dumps(asdict(times)))
    print("\n".join([*live_table(times), "", *video_table(times, options.minutes)]))


def _largest(kept: Callable[[int], bool], above: int) -> int:
    """The largest number that is kept, below one that is not; 0 where none is."""
    below = 0
    while above - below > 1:
        middle = (below + above) // 2
        below, above = (middle, above) if kept(middle) else (below, middle)
    return below


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of processor time, of all threads, and the result."""
    begin = process_time()
    result = work()
    return process_time() - begin, result


if __name__ == "__main__":
    main()
