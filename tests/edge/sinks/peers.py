"""What sinks are fed with and read back by."""

from __future__ import annotations

import socket
import threading
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from keras_vst.video import Sink, TimedFrame, VideoInfo

INFO = VideoInfo(64, 48, fps=Fraction(25))


def frames(
    count: int, width: int = 64, height: int = 48, step: Fraction = Fraction(1, 25)
) -> list[TimedFrame]:
    """Frame k has level 8 * k."""
    return [TimedFrame(np.full((height, width, 3), 8 * k % 256, np.uint8), k * step) for k in range(count)]


def feed(sink: Sink, count: int) -> None:
    for frame in frames(count):
        sink.write(frame)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def received(path: Path | str, **how: Any) -> tuple[list[bytes], list[bytes]]:
    """The packets of pictures and of sound in a file or playlist."""
    pictures: list[bytes] = []
    sound: list[bytes] = []
    with av.open(str(path), **how) as container:
        for packet in container.demux():
            if packet.size:
                (pictures if packet.stream.type == "video" else sound).append(bytes(packet))
    return pictures, sound


class Listener:
    """A peer that waits to be sent to, in a thread; `packets` is what came, when it is over."""

    def __init__(self, url: str, **how: Any) -> None:
        self.packets: tuple[list[bytes], list[bytes]] | None = None
        self.labels: dict[str, str] = {}
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(url, how), daemon=True)
        self._thread.start()

    def join(self) -> tuple[list[bytes], list[bytes]]:
        self._thread.join(20)
        assert self.packets is not None, f"the peer heard nothing: {self.error}"
        return self.packets

    def _run(self, url: str, how: dict[str, Any]) -> None:
        pictures: list[bytes] = []
        sound: list[bytes] = []
        try:
            with av.open(url, timeout=15, **how) as container:
                self.labels = dict(container.metadata)
                for packet in container.demux():
                    if packet.size:
                        (pictures if packet.stream.type == "video" else sound).append(bytes(packet))
        except OSError as error:  # how RTMP and UDP end
            self.error = error
        self.packets = pictures, sound


def feed_slowly(sink: Sink, seconds: float) -> None:
    """A hundred frames a second, so that a peer has time to answer."""
    for frame in frames(int(100 * seconds)):
        sink.write(frame)
        time.sleep(0.01)
