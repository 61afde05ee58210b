"""A source, a sink and a network that only pretend, for tests of what runs between them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from edge.controls import Controls
from edge.live_painter import LivePainter, Mixer
from keras_vst.frames import to_float
from keras_vst.networks.base import Runtime
from keras_vst.video import Sink, Source, TimedFrame, VideoInfo

WIDTH, HEIGHT, FPS = 48, 32, 25


def frame(index: int, level: int | None = None) -> TimedFrame:
    pixels = np.full((HEIGHT, WIDTH, 3), index if level is None else level, np.uint8)
    return TimedFrame(pixels, Fraction(index, FPS))


class FakeSource(Source):
    """`count` frames whose level is their number; then it waits until closed, as a camera does, or ends."""

    def __init__(self, count: int, *, live: bool = True, waits: bool = False, error: Exception | None = None):
        self.info = VideoInfo(WIDTH, HEIGHT, fps=Fraction(FPS), time_base=Fraction(1, FPS))
        self.live, self.skipped, self.closed = live, 0, threading.Event()
        self._count, self._waits, self._error = count, waits, error

    def __iter__(self) -> Iterator[TimedFrame]:
        for index in range(self._count):
            yield frame(index)
        if self._waits:
            self.closed.wait(10)
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        self.closed.set()


class FakeSink(Sink):
    """Keeps what it gets; after `closes_after` frames its user has closed it, at `fails_at` it breaks."""

    def __init__(self, *, closes_after: int | None = None, fails_at: int | None = None):
        self.frames: list[TimedFrame] = []
        self.ended: list[str] = []
        self.closed_by_user = False
        self._closes_after, self._fails_at = closes_after, fails_at

    def write(self, frame: TimedFrame) -> None:
        if len(self.frames) == self._fails_at:
            raise OSError("the sink broke")
        self.frames.append(frame)
        self.closed_by_user = len(self.frames) == self._closes_after

    def close(self) -> None:
        self.ended.append("close")

    def abort(self) -> None:
        self.ended.append("abort")


class FakeNetwork:
    """Paints `share` of the negative into the frame, and remembers the sizes it saw."""

    path, runtime = Path("fake.tflite"), Runtime("fake", "1", None)
    threads, size, margin = 1, None, None

    def __init__(self, share: float = 1.0, sizes: list[tuple[int, int]] | None = None):
        self.map_channels: dict[str, int] = {}
        self.share = share
        self.sizes = [] if sizes is None else sizes

    def paint(self, frame):
        self.sizes.append(frame.shape[:2])
        return np.rint(frame * (1 - self.share) + (255 - frame) * self.share).astype(np.uint8)

    def paint_film(self, frame, maps):
        return to_float(self.paint(frame))[np.newaxis]


def fake_painter(network: FakeNetwork | None = None, **settings: object) -> LivePainter:
    return LivePainter(network or FakeNetwork(), Controls(["dark"], [1.0], **settings))


def fake_mixing_painter(sizes: list[tuple[int, int]]) -> LivePainter:
    """Of two styles: the negative, and the frame itself."""
    mixer = Mixer(lambda shares, size: FakeNetwork(shares[0], sizes), (1.0, 0.0))
    return LivePainter(mixer.ready, Controls(["dark", "light"], [1.0, 0.0]), mixer)
