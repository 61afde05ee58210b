"""Whether `vst live` stays as it is: memory, threads and open files over many minutes of the looped film.

    python -m benchmarks.soak [--minutes 10] [--sink null:] [--style NAME | --model FILE]

Runs the very command, once for a moment, so that what lives as long as the process (thread pools, libraries) is there
before anything is counted, and then for so long.  Prints one JSON row: how much memory grew after the first
minute (medians of ten seconds), and threads and file descriptors before and after.  `--sink file` writes
into a temporary folder.  Linux only: the figures come from /proc.  Status 1 when something was left behind.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks import FILM
from edge.cli import main as vst
from keras_vst.machine import processor

EVERY = 0.5  # seconds from one look at the memory to the next
FIRST = 60.0  # seconds in which it may still grow; of a short run, a third
SPAN = 10.0  # seconds whose median counts
SHORT = 3.0  # seconds of the run before
MOST_GROWTH = 5.0  # MB


class Watch:
    """Looks at the memory of this process again and again, in a thread."""

    def __init__(self) -> None:
        """Start looking."""
        self.looks: list[tuple[float, float]] = []  # seconds since the start, MB
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch")
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join()

    def growth(self, first: float, span: float) -> float:
        """MB from the `span` seconds after `first` to the last ones."""
        end = self.looks[-1][0]
        early = [size for moment, size in self.looks if first <= moment < first + span]
        late = [size for moment, size in self.looks if moment >= end - span]
        return statistics.median(late) - statistics.median(early)

    def by_minute(self) -> list[float]:
        """MB at the end of each minute that was begun."""
        ends = {int(moment // 60): size for moment, size in self.looks}
        return [round(ends[minute], 1) for minute in sorted(ends)]

    def _run(self) -> None:
        start = time.monotonic()
        while not self._over.wait(EVERY):
            self.looks.append((time.monotonic() - start, memory()))


def memory() -> float:
    """MB of this process that are in the machine's memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def held() -> dict[str, int]:
    """Threads of Python and of libraries, and open files, as they are when all that can go is gone."""
    gc.collect()
    count = {"threads": "/proc/self/task", "files": "/proc/self/fd"}
    return {name: len(list(Path(folder).iterdir())) for name, folder in count.items()}


def soak(seconds: float, sink: str, network: list[str]) -> dict[str, Any]:
    """Run `vst live` for so long; a row of what was held before and after, and of how memory grew."""
    _live(SHORT, sink, network)
    before, watch = held(), Watch()
    try:
        _live(seconds, sink, network)
    finally:
        watch.stop()
    after = held()
    first = min(FIRST, seconds / 3)
    return {
        "seconds": seconds,
        "sink": sink,
        "growth_mb": round(watch.growth(first, min(SPAN, seconds / 6)), 2),
        "counted_from_second": first,
        "memory_mb": round(watch.looks[-1][1], 1),
        "memory_by_minute_mb": watch.by_minute(),
        "before": before,
        "after": after,
        "kept": watch.growth(first, min(SPAN, seconds / 6)) < MOST_GROWTH
        and all(after[name] <= before[name] for name in before),
    }


def _live(seconds: float, sink: str, network: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        target = str(Path(folder) / "soak.mp4") if sink == "file" else sink
        status = vst(["live", f"loop:{FILM}", "--sink", target, "--seconds", str(seconds), *network])
    if status:
        raise SystemExit(f"vst live ended with status {status} instead of 0; see above.")


def main() -> int:
    """Parse the command line, run, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--sink", default="null:", help="as of `vst live`, or `file` (default: null:)")
    parser.add_argument("--style", default="great-wave")
    parser.add_argument("--model", help="a network by its file instead")
    options = parser.parse_args()
    network = ["--model", options.model] if options.model else ["--style", options.style]
    row = soak(60 * options.minutes, options.sink, network)
    print(json.dumps({**row, "processor": processor()}))
    return 0 if row["kept"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
