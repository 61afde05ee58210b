"""A source, a sink and an engine that only pretend, for tests of what runs between them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from edge.controls import Controls
from edge.painter import Painter
from edge.stylizer import Stylizer
from keras_vst.runners.tflite import Runtime
from keras_vst.video import TimedFrame, VideoInfo
from keras_vst.zoo import Network

WIDTH, HEIGHT, FPS = 48, 32, 25


def frame(index: int, level: int | None = None) -> TimedFrame:
    pixels = np.full((HEIGHT, WIDTH, 3), index if level is None else level, np.uint8)
    return TimedFrame(pixels, Fraction(index, FPS))


class FakeSource:
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


class FakeSink:
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


class FakeEngine:
    """Answers with the negative, mixed by the sum of the styles, and remembers the sizes it saw."""

    path, runtime = Path("fake.tflite"), Runtime("fake", "1", None)
    threads, size, state_channels = 1, None, 1
    style_names, margin = (), None

    def __init__(self, num_styles: int = 2):
        self.num_styles = num_styles
        self.sizes: list[tuple[int, int]] = []
        self.styles: list[np.ndarray] = []

    def run_pixels(self, frame, style, state=None):
        self.sizes.append(frame.shape[:2])
        self.styles.append(style[0].copy())
        share = float(style.sum())
        mixed = frame * (1 - share) + (255 - frame) * share
        return np.rint(mixed).astype(np.uint8), np.zeros(
            (1, frame.shape[0] // 4, frame.shape[1] // 4, 1), "f"
        )


def fake_painter(engine: FakeEngine | None = None, **settings: object) -> Painter:
    engine = engine or FakeEngine()
    controls = Controls(["dark", "light"][: engine.num_styles], [1.0, 0.0][: engine.num_styles], **settings)
    return Painter(Network("fake", engine.path, {}, ()), Stylizer(engine, margin=8), controls)
