"""A film that never ends, over a line that stalls, and somebody who reads a page slowly; threads of this process."""

from __future__ import annotations

import itertools
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import av

from benchmarks import FILM

CHUNK = 188 * 64  # bytes sent at once, whole packets of MPEG-TS
STALL_EVERY, STALL = 20.0, 2.0  # seconds; of five a receiver gives the line up
BUFFER = 2**17  # bytes
SLOWLY = 2048  # bytes a tenth of a second
Content = tuple[bytes, float]  # MPEG-TS, and the seconds it lasts


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
def reading_slowly(port: int, wanted: bool) -> Iterator[None]:
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
    if wanted:
        viewer.start()
    try:
        yield
    finally:
        over.set()
        if wanted:
            viewer.join()


def _film() -> Content:
    """The bundled film as MPEG-TS, its length a whole number of packets."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.ts"
        with av.open(str(FILM)) as film, av.open(str(path), "w") as container:
            source = film.streams.video[0]
            stream = container.add_stream_from_template(source)
            for packet in film.demux(source):
                if packet.dts is not None:
                    packet.stream = stream
                    container.mux(packet)
            length = float((source.duration or 0) * (source.time_base or 0))
        return path.read_bytes(), length
