"""Servers on loopback that behave in one way after the other, one for each connection."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Line = Callable[[socket.socket], None]


@contextmanager
def serving() -> Iterator[Callable[..., str]]:
    """What takes ways of behaving, repeats the last of them, and gives the address."""
    listeners: list[socket.socket] = []

    def start(*lines: Line) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        threading.Thread(target=_run, args=(listener, lines), daemon=True).start()
        return f"tcp://127.0.0.1:{listener.getsockname()[1]}"

    try:
        yield start
    finally:
        for listener in listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()


def _run(listener: socket.socket, lines: tuple[Line, ...]) -> None:
    for line in itertools.chain(lines, itertools.repeat(lines[-1])):
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            try:
                line(connection)
            except OSError:
                continue


def sends(content: bytes) -> Line:
    return lambda connection: connection.sendall(content)


def stalls_after(content: bytes) -> Line:
    def line(connection: socket.socket) -> None:
        connection.sendall(content)
        connection.settimeout(5)
        while connection.recv(4096):  # until the other side gives up
            pass

    return line


def answers(path: Path, *, stalls_at: int | None = None) -> Line:
    """An HTTP server with one film, which may fall silent in its middle."""
    film = path.read_bytes()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: {len(film)}\r\n\r\n".encode()

    def line(connection: socket.socket) -> None:
        connection.recv(4096)
        (sends(head + film) if stalls_at is None else stalls_after(head + film[:stalls_at]))(connection)

    return line
