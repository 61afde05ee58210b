"""Where the time of a frame goes: seconds per stage, told as medians and 95th percentiles in milliseconds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

DECODE, FIT, NETWORK, UNFIT, ENCODE = STAGES = ("decode", "fit", "network", "unfit", "encode")


class Timeline:
    """Collects how long each stage of each frame took."""

    def __init__(self) -> None:
        """Start with nothing measured."""
        self._seconds: dict[str, list[float]] = {stage: [] for stage in STAGES}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure what runs inside as one occurrence of the stage `name`."""
        seconds = self._seconds[name]
        start = time.perf_counter()
        yield
        seconds.append(time.perf_counter() - start)

    def clear(self) -> None:
        """Forget everything, for instance after the warm-up."""
        for seconds in self._seconds.values():
            seconds.clear()

    def milliseconds(self) -> dict[str, dict[str, float]]:
        """{"decode": {"median": 3.1, "p95": 4.0}, ...} of the stages that were seen."""
        return {
            stage: {
                "median": round(float(np.median(seconds)) * 1e3, 2),
                "p95": round(float(np.percentile(seconds, 95)) * 1e3, 2),
            }
            for stage, seconds in self._seconds.items()
            if seconds
        }
