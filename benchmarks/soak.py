"""Whether `vst` stays as it is over many minutes: memory, threads and open files.

    python -m benchmarks.soak [--seconds 600] [--what stylize,file,page,hls] [--style NAME | --model FILE]

Runs the very command, once for a moment, so that what lives as long as the process (thread pools, libraries) is there
before anything is counted, and then for so long.  The film comes over a line that stalls for two seconds every twenty
(long_line.py); the page has a viewer that reads a few kB a second.  Prints a JSON row for each: how much memory grew
after the first minute (medians of ten seconds), and threads and file descriptors before and after.  Linux only: the
figures come from /proc.  Status 1 when something was left behind.
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

from benchmarks.long_line import LongLine, reading_slowly
from edge.cli import main as vst
from keras_vst.machine import processor

EVERY = 0.5  # seconds from one look at the memory to the next
FIRST = 60.0  # seconds in which it may still grow; of a short run, a third
SPAN = 10.0  # seconds whose median counts
LAST = 2.0  # seconds that do not count: the network and the encoder's frames go before the command is over
SHORT = 6.0  # seconds of the run before
LEAVING = 3.0  # seconds that a thread may take to end after the command
MOST_GROWTH = 5.0  # MB
PORT = 8097  # of the page
WHAT = {
    "stylize": ["stylize", "SOURCE", "-o", "FOLDER/soak.mp4", "--quiet"],
    "file": ["live", "SOURCE", "--sink", "FOLDER/soak.mp4"],
    "page": ["live", "SOURCE", "--sink", f"web:{PORT}"],
    "hls": ["live", "SOURCE", "--sink", "hls:FOLDER/hls/"],
}


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

    def growth(self, first: float, span: float, end: float) -> float:
        """MB from the `span` seconds after `first` to those before `end`."""
        early = [size for moment, size in self.looks if first <= moment < first + span]
        late = [size for moment, size in self.looks if end - span <= moment < end]
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
    end = time.monotonic() + LEAVING
    while any(thread.name.startswith("vst-") for thread in threading.enumerate()) and time.monotonic() < end:
        time.sleep(EVERY)  # the page's last JPEG may still be in work
    gc.collect()
    count = {"threads": "/proc/self/task", "files": "/proc/self/fd"}
    return {name: len(list(Path(folder).iterdir())) for name, folder in count.items()}


def soak(seconds: float, what: str, network: list[str]) -> dict[str, Any]:
    """Run one command for so long; a row of what was held before and after, and of how memory grew."""
    _run(SHORT, what, network)
    before, watch = held(), Watch()
    try:
        _run(seconds, what, network)
    finally:
        watch.stop()
    after = held()
    first = min(FIRST, seconds / 3)
    end = watch.looks[-1][0] - LAST
    growth = watch.growth(first, min(SPAN, seconds / 6), end)
    return {
        "what": what,
        "seconds": round(end),
        "growth_mb": round(growth, 2),
        "counted_from_second": first,
        "memory_by_minute_mb": watch.by_minute(),
        "before": before,
        "after": after,
        "kept": growth < MOST_GROWTH and all(after[name] <= before[name] for name in before),
    }


def _run(seconds: float, what: str, network: list[str]) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        LongLine(seconds) as line,
        reading_slowly(PORT, what == "page"),
    ):
        words = [word.replace("SOURCE", line.address).replace("FOLDER", folder) for word in WHAT[what]]
        if what != "stylize":  # which ends with its source
            words += ["--seconds", str(seconds)]
        status = vst([*words, *network])
    if status:
        raise SystemExit(f"vst {words[0]} ended with status {status} instead of 0; see above.")


def main() -> int:
    """Parse the command line, run, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument(
        "--what", default=",".join(WHAT), help="some of them, with commas between (default: all)"
    )
    parser.add_argument("--style", default="great-wave")
    parser.add_argument("--model", help="a network by its file instead")
    options = parser.parse_args()
    wanted = options.what.split(",")
    if unknown := [each for each in wanted if each not in WHAT]:
        parser.error(f"there is no {unknown[0]!r}; use some of {','.join(WHAT)}")
    network = ["--model", options.model] if options.model else ["--style", options.style]
    rows = []
    for what in wanted:
        rows.append(soak(options.seconds, what, network))
        print(json.dumps({**rows[-1], "processor": processor()}), flush=True)
    return 0 if all(row["kept"] for row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
