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
from export.stepper import Steps

# Its type and 7-30 % for int8's scales and biases (12 bytes a channel, in both signatures), up to 60 % where a small
# network has ten styles, each a scale and a shift of every channel.  Stored in the wrong type it has twice the bytes.
BYTES_PER_PARAMETER = {"fp32": 4.3, "fp16": 2.3, "int8": 1.6}
# The graph beside the weights: in .tflite twice (two signatures), 15-40 kB in our networks; in a SavedModel three
# times, 750 kB, with the names of everything.  Keras writes each weight of a SavedModel twice, under two names.
GRAPH_BYTES = {"tflite": 64 * 1024, "onnx": 64 * 1024, "savedmodel": 1024**2}
COPIES = {"tflite": 1, "onnx": 1, "savedmodel": 2}

# Relative to the fp32 file in the same run, and generous: the machine may be busy, and int8 gains nothing on x86
# processors without VNNI (1.13-1.25 x the time of fp32 was measured on AVX2), where it is made for others anyway.
SLOWEST = {"fp32": 1.3, "fp16": 1.3, "int8": 1.6}
WARM_UP = 5  # frames
THREADS = (1, 2)


def most_bytes(format: str, precision: str, parameters: int, kept: int = 0) -> int:
    """What an artifact may weigh; `kept` parameters stay float in an int8 file."""
    per, kept_per = BYTES_PER_PARAMETER[precision], BYTES_PER_PARAMETER["fp32"]
    return int(COPIES[format] * (per * (parameters - kept) + kept_per * kept)) + GRAPH_BYTES[format]


def size(content_bytes: int, most: int, parameters: int, precision: str, anatomy: Anatomy | None) -> Check:
    """Bytes of the artifact against `most`."""
    message = ""
    if content_bytes > most:
        stored = anatomy.weight_types if anatomy else {}
        types = ", ".join(f"{count} values as {kind}" for kind, count in sorted(stored.items()))
        cause = f"it stores {types}" if types else "something else than weights is stored in it"
        message = (
            f"{content_bytes} bytes for {parameters} parameters at {precision}: {cause}. "
            f"Convert it as {precision}, and keep as few layers float as it takes."
        )
    measured = {"bytes": float(content_bytes), "per parameter": rounded(content_bytes / max(parameters, 1))}
    return Check("size", "bytes", content_bytes <= most, f"<= {most} bytes", measured, message)


def stored(anatomy: Anatomy, precision: str) -> Check:
    """Whether the weights are stored as the file's name says; an int8 file may keep layers float."""
    own = anatomy.precision
    passed = own == precision or (precision == "int8" and "INT8" in anatomy.weight_types)
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


Opener = Callable[[int], Steps]  # number of threads -> a network ready to play
Timings = Mapping[str, Mapping[int, Timed]]  # name -> threads -> times


def measure(
    openers: Mapping[str, Opener], frames: Frames, styles: int, count: int, tick: Callable[[], None]
) -> dict[str, dict[int, Timed]]:
    """Time all files, one frame of each in turn, so that noise hits all alike; `tick` is called once a frame."""
    by_threads = {threads: _measure(openers, frames, styles, (threads, count), tick) for threads in THREADS}
    return {name: {threads: times[name] for threads, times in by_threads.items()} for name in openers}


def speed(name: str, timings: Timings, baseline: str, precision: str | None) -> Check:
    """Judged by the better of the two numbers of threads, beside the fp32 file `baseline` of the same run.

    Without a precision it is only reported: the file is made for another device than this.
    """
    own, other = timings[name], timings[baseline]
    ratio = min(own[threads].median / other[threads].median for threads in own)
    measured = {"ratio": rounded(ratio)}
    for threads, timed in own.items():
        measured[f"median_{threads}"], measured[f"p95_{threads}"] = rounded(timed.median), rounded(timed.p95)
    if precision is None:
        return Check(
            "speed",
            name,
            None,
            "reported only",
            measured,
            "made for other devices than this one, or for films",
        )
    most = SLOWEST[precision]
    message = ""
    if ratio > most:
        message = (
            f"{ratio:.2f} x the time of the fp32 file. Look at the checks of `operations` for what runs outside "
            "XNNPACK; float layers inside an int8 file cost two conversions each."
        )
    limit = f"<= {most} x fp32, ms a frame at 1 and 2 threads in one run"
    return Check("speed", name, ratio <= most, limit, measured, message)


def _measure(
    openers: Mapping[str, Opener],
    frames: Frames,
    styles: int,
    effort: tuple[int, int],
    tick: Callable[[], None],
) -> dict[str, Timed]:
    threads, count = effort
    steps = {name: opener(threads) for name, opener in openers.items()}
    style = np.eye(1, styles, dtype=np.float32)
    states: dict[str, Any] = dict.fromkeys(openers)
    times: dict[str, list[float]] = {name: [] for name in openers}
    for index in range(WARM_UP + count):
        frame = frames[index % len(frames)][None]
        for name, step in steps.items():
            start = time.perf_counter()
            _, states[name] = step(frame, style, states[name])
            times[name].append(1000 * (time.perf_counter() - start))
        tick()
    return {
        name: Timed(float(np.median(taken[WARM_UP:])), float(np.percentile(taken[WARM_UP:], 95)))
        for name, taken in times.items()
    }
