"""Whether `vst` stays as it is over many minutes: memory, threads and open files.

    python -m benchmarks.soak [--seconds 600] [--what stylize,file,page,hls] [--style NAME | --model FILE]

Runs the very command, once for a moment, so that what lives as long as the process (thread pools, libraries) is there
before anything is counted, and then for so long.  The film comes over a line that stalls for two seconds every twenty;
the page has a viewer that reads a few kB a second.  Prints a JSON row for each: how much memory grew
after the first minute (medians of ten seconds), and threads and file descriptors before and after.  Linux only: the
figures come from /proc.  Status 1 when something was left behind.
"""

from __future__ import annotations

import gc
import itertools
import json
import os
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import av

from benchmarks import described
from edge.cli import main as vst
from keras_vst.files import SCENE
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
CHUNK = 188 * 64  # bytes sent at once, whole packets of MPEG-TS
STALL_EVERY, STALL = 20.0, 2.0  # seconds; of five a receiver gives the line up
BUFFER = 2**17  # bytes
SLOWLY = 2048  # bytes a tenth of a second


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
        reading_slowly(PORT) if what == "page" else nullcontext(),
    ):
        words = [word.replace("SOURCE", line.address).replace("FOLDER", folder) for word in WHAT[what]]
        if what != "stylize":  # which ends with its source
            words += ["--seconds", str(seconds)]
        status = vst([*words, *network])
    if status:
        raise SystemExit(f"vst {words[0]} ended with status {status} instead of 0; see above.")


def main() -> int:
    """Parse the command line, run, print."""
    parser = described(__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    told = "some of them, with commas between (default: all)"
    parser.add_argument("--what", default=",".join(WHAT), help=told)
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


class LongLine:
    """Serves the film over TCP as MPEG-TS, over and over, at its own speed, to everybody who comes, for so long."""

    def __init__(self, seconds: float) -> None:
        """Listen; `address` is what to open."""
        self._content, self._seconds = _film(), seconds
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> LongLine:
        """Enter the `with`."""
        return self

    def __exit__(self, *error: object) -> None:
        """Hang up."""
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with suppress(OSError):
            while not self._over.is_set():
                connection, _ = self._listener.accept()
                # Else minutes of film wait there, and a run lasts as much longer.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
                self._threads.append(threading.Thread(target=self._serve, args=(connection,), daemon=True))
                self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        """Send what is due; a film of 10 s takes 10 s, and what a stall held back comes in a burst."""
        content, length = self._content
        size = len(content)
        content += content[:CHUNK]  # what runs over its end goes on at its beginning
        begin, stalled = time.monotonic(), STALL_EVERY
        with connection, suppress(OSError):
            for sent in itertools.count():
                passed = time.monotonic() - begin
                if self._over.is_set() or passed > self._seconds:
                    return
                if passed > stalled:
                    stalled += STALL_EVERY
                    self._over.wait(STALL)
                place = sent * CHUNK % size
                connection.sendall(content[place : place + CHUNK])
                self._over.wait(max(0.0, sent * CHUNK / size * length - passed))


@contextmanager
def reading_slowly(port: int) -> Iterator[None]:
    """Somebody on the page who takes 20 kB a second and comes back when the line breaks."""
    over = threading.Event()

    def read() -> None:
        while not over.wait(0.2):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as line:
                line.settimeout(1)
                line.sendall(b"GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n")
                while not over.wait(0.1) and line.recv(SLOWLY):
                    pass

    viewer = threading.Thread(target=read, daemon=True)
    viewer.start()
    try:
        yield
    finally:
        over.set()
        viewer.join()


def _film() -> tuple[bytes, float]:
    """The bundled film as MPEG-TS, its length a whole number of packets, and the seconds it lasts."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.ts"
        with av.open(str(SCENE)) as film, av.open(str(path), "w") as container:
            source = film.streams.video[0]
            stream = container.add_stream_from_template(source)
            for packet in film.demux(source):
                if packet.dts is not None:
                    packet.stream = stream
                    container.mux(packet)
            length = float((source.duration or 0) * (source.time_base or 0))
        return path.read_bytes(), length


if __name__ == "__main__":
    raise SystemExit(main())
