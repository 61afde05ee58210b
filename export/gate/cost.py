"""Is a file as small and as fast as it should be?  Times are milliseconds a frame."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from export.anatomy import Anatomy
from export.footage import Frames
from export.gate.check import Check, rounded

# Its type and what is stored beside: int8 has 12 bytes a channel for scales, in both signatures.  Stored in the wrong
# type a file has twice the bytes.
BYTES_PER_PARAMETER = {"fp32": 4.3, "fp16": 2.3, "int8": 1.6}
# The graph beside the weights: in .tflite twice (two signatures), 15-40 kB in our networks; in a SavedModel three
# times, 750 kB, with the names of everything.  Keras writes each weight of a SavedModel twice, under two names.
GRAPH_BYTES = {"tflite": 64 * 1024, "onnx": 64 * 1024, "savedmodel": 1024**2}
COPIES = {"tflite": 1, "onnx": 1, "savedmodel": 2}

# Relative to the fp32 file in the same run, and generous: int8 gains nothing on x86 processors without VNNI
# (1.13-1.25 x the time of fp32 was measured on AVX2), where it is made for others anyway.
SLOWEST = {"fp32": 1.3, "fp16": 1.3, "int8": 1.6}
WARM_UP = 5  # frames
THREADS = (1, 2)


def most_bytes(format: str, precision: str, parameters: int) -> int:
    """What an artifact may weigh."""
    return int(COPIES[format] * BYTES_PER_PARAMETER[precision] * parameters) + GRAPH_BYTES[format]


def size(content_bytes: int, most: int, parameters: int, precision: str, anatomy: Anatomy | None) -> Check:
    """Bytes of the artifact against `most`."""
    message = ""
    if content_bytes > most:
        stored = anatomy.weight_types if anatomy else {}
        types = ", ".join(f"{count} values as {kind}" for kind, count in sorted(stored.items()))
        cause = f"it stores {types}" if types else "something else than weights is stored in it"
        message = (
            f"{content_bytes} bytes for {parameters} parameters at {precision}: {cause}. "
            f"Convert it as {precision}."
        )
    measured = {"bytes": float(content_bytes), "per parameter": rounded(content_bytes / max(parameters, 1))}
    return Check("size", "bytes", content_bytes <= most, f"<= {most} bytes", measured, message)


def stored(anatomy: Anatomy, precision: str) -> Check:
    """Whether the weights are stored as the file's name says."""
    own = anatomy.precision
    passed = own == precision
    message = ""
    if not passed:
        message = (
            f"the weights, those of `{anatomy.example(own).layer}` for instance, are stored as {own}; convert the "
            f"network as {precision}, or call the file {own}."
        )
    return Check("size", "stored as", passed, precision, message=message)


@dataclass(frozen=True)
class Timed:
    """Milliseconds a frame with one number of threads."""

    median: float
    p95: float


Step = Callable[[Any], Any]  # paints a frame (H, W, 3)
Opener = Callable[[int], Step]  # number of threads -> a network ready to paint
Timings = Mapping[str, Mapping[int, Timed]]  # name -> threads -> times


def measure(openers: Mapping[str, Opener], frames: Frames, count: int) -> dict[str, dict[int, Timed]]:
    """Time all files, one frame of each in turn, so that noise hits all alike."""
    by_threads = {threads: _measure(openers, frames, threads, count) for threads in THREADS}
    return {name: {threads: times[name] for threads, times in by_threads.items()} for name in openers}


def speed(name: str, timings: Timings, baseline: str | None, precision: str | None) -> Check:
    """Told beside the fp32 file `baseline` of the same run, by the better of the two numbers of threads.

    It never fails a file: on a busy machine a ratio says too little.  Too slow is a warning, where the file is made
    for this machine (it has a `precision`) and there is something to compare with.
    """
    own = timings[name]
    measured: dict[str, float] = {}
    for threads, timed in own.items():
        measured[f"median_{threads}"], measured[f"p95_{threads}"] = rounded(timed.median), rounded(timed.p95)
    if baseline is None or precision is None:
        reason = (
            "made for other devices than this one, or for films"
            if baseline
            else "no fp32 file was made beside it"
        )
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


def _measure(openers: Mapping[str, Opener], frames: Frames, threads: int, count: int) -> dict[str, Timed]:
    steps = {name: opener(threads) for name, opener in openers.items()}
    times: dict[str, list[float]] = {name: [] for name in openers}
    for index in range(WARM_UP + count):
        for name, step in steps.items():
            start = time.perf_counter()
            step(frames[index % len(frames)])
            times[name].append(1000 * (time.perf_counter() - start))
    return {
        name: Timed(float(np.median(taken[WARM_UP:])), float(np.percentile(taken[WARM_UP:], 95)))
        for name, taken in times.items()
    }
