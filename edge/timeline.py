"""Where the time of a frame goes: seconds per stage, told as medians and 95th percentiles in milliseconds."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

# In the order of a frame.  What is done to the painted frame beyond unfitting it (colours, detail) is `finish`.
CAPTURE, FIT, FLOW, NETWORK, UNFIT, FINISH, SINK = STAGES = (
    "capture",
    "fit",
    "flow",
    "network",
    "unfit",
    "finish",
    "sink",
)
KEPT = 4096  # occurrences of each stage: two minutes of a camera, and no more memory after hours


class Timeline:
    """Collects how long each stage of each frame took; stages may be measured in several threads."""

    def __init__(self) -> None:
        """Start with nothing measured."""
        self._seconds: dict[str, deque[float]] = {stage: deque(maxlen=KEPT) for stage in STAGES}

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

    def milliseconds(self, last: int = KEPT) -> dict[str, dict[str, float]]:
        """{"capture": {"median": 3.1, "p95": 4.0}, ...} of the stages that were seen, by the `last` frames."""
        seen = {stage: list(seconds)[-last:] for stage, seconds in self._seconds.items()}
        return {
            stage: {
                "median": round(float(np.median(seconds)) * 1e3, 2),
                "p95": round(float(np.percentile(seconds, 95)) * 1e3, 2),
            }
            for stage, seconds in seen.items()
            if seconds
        }

    def table(self) -> str:
        """One line for each stage that was seen."""
        return "\n".join(
            f"  {stage:8} {times['median']:7.2f} ms, 95 % below {times['p95']:.2f} ms"
            for stage, times in self.milliseconds().items()
        )
