"""Is a file as fast as it should be?  Milliseconds a frame, all files of one size in one run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from export.gate.same import Reference
from export.results import Check, rounded
from keras_vst.frames import Pixels
from keras_vst.networks import open_network
from keras_vst.networks.film_clip import Film

# Relative to the fp32 file in the same run, and generous: int8 gains nothing on x86 processors without VNNI
# (1.13-1.25 x the time of fp32 was measured on AVX2), where it is made for others anyway.
SLOWEST = {"fp32": 1.3, "fp16": 1.3, "int8": 1.6}
WARM_UP = 5  # frames
THREADS = (1, 2)

Step = Callable[[Any], Any]  # paints a frame (H, W, 3)
Opener = Callable[[int], Step]  # number of threads -> a network ready to paint


@dataclass(frozen=True)
class Timed:
    """Milliseconds a frame with one number of threads."""

    median: float
    p95: float


Timings = Mapping[str, Mapping[int, Timed]]  # name -> threads -> times


def ready(path: Path, sha256: str, reference: Reference, threads: int) -> Step:
    """A file to be timed: live with bytes in and out, of film quality with the maps of a moving clip."""
    network = open_network(path, threads=threads, sha256=sha256)
    if not reference.film:
        return network.paint
    clip = reference.clip
    film = Film(network, clip.fitting, clip.flow)
    film.paint_over(clip.frames[0], {})
    maps = film.look(clip.frames[1])
    return lambda frame: network.paint_film(frame, maps)


def measure(openers: Mapping[str, Opener], frames: Pixels, count: int) -> dict[str, dict[int, Timed]]:
    """Time all files, one frame of each in turn, so that noise hits all alike."""
    timings: dict[str, dict[int, Timed]] = {name: {} for name in openers}
    for threads in THREADS:
        steps = {name: opener(threads) for name, opener in openers.items()}
        times: dict[str, list[float]] = {name: [] for name in openers}
        for index in range(WARM_UP + count):
            for name, step in steps.items():
                start = time.perf_counter()
                step(frames[index % len(frames)])
                times[name].append(1000 * (time.perf_counter() - start))
        for name, taken in times.items():
            median, p95 = np.percentile(taken[WARM_UP:], (50, 95))
            timings[name][threads] = Timed(float(median), float(p95))
    return timings


def speed(name: str, timings: Timings, baseline: str | None, precision: str | None) -> Check:
    """Told beside the fp32 file `baseline` of the same run, by the better of the two numbers of threads.

    It never fails a file: on a busy machine a ratio says too little.  Too slow is a warning, where the file is made
    for this machine (it has a `precision`) and there is something to compare with.
    """
    own = timings[name]
    measured: dict[str, float] = {}
    for threads, timed in own.items():
        measured[f"median_{threads}"], measured[f"p95_{threads}"] = rounded(timed.median), rounded(timed.p95)
    if baseline is None:
        return Check("speed", name, None, "told only", measured, "no fp32 file was made beside it")
    if precision is None:
        reason = "made for other devices than this one, or for films"
        return Check("speed", name, None, "told only", measured, reason)
    ratio = min(own[threads].median / timings[baseline][threads].median for threads in own)
    measured = {"ratio": rounded(ratio), **measured}
    limit = f"<= {SLOWEST[precision]} x fp32, ms a frame at 1 and 2 threads in one run"
    if ratio <= SLOWEST[precision]:
        return Check("speed", name, True, limit, measured)
    message = (
        f"{ratio:.2f} x the time of the fp32 file: released all the same, for the machine may have been busy. Export "
        "it again when it is not, and look at the checks of `operations` for what runs outside XNNPACK."
    )
    return Check("speed", name, None, limit, measured, message, warning=True)
