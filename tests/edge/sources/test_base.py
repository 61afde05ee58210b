"""The thread that reads: whoever waits is let go, errors cross over, silence has an end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest

from edge.sources.base import SourceLost, ThreadedSource
from keras_vst.errors import UserError
from keras_vst.video import TimedFrame, VideoInfo


def frame(number: int) -> TimedFrame:
    return TimedFrame(np.full((4, 6, 3), number, np.uint8), Fraction(number, 25))


class Scripted(ThreadedSource):
    """Plays a list: a frame by its number, an exception to raise, or None for a silence without end."""

    def __init__(self, *script: int | Exception | None, patience: float | None = None) -> None:
        self._script = script
        self.patience = patience
        self.released = threading.Event()
        super().__init__("camera 7")

    def _frames(self, closing: threading.Event) -> Iterator[TimedFrame]:
        self.info = VideoInfo(6, 4)
        try:
            for item in self._script:
                if isinstance(item, Exception):
                    raise item
                if item is None:
                    closing.wait(30)
                else:
                    yield frame(item)
        finally:
            self.released.set()


def numbers(source: ThreadedSource) -> list[int]:
    return [int(frame.pixels[0, 0, 0]) for frame in source]


def test_all_frames_come_in_order() -> None:
    source = Scripted(*range(20))
    assert numbers(source) == list(range(20))
    source.close()


def test_a_reader_who_waits_is_let_go_within_a_second_of_close() -> None:
    source = Scripted(1, None)
    seen: list[int] = []
    reader = threading.Thread(target=lambda: seen.extend(numbers(source)))
    reader.start()
    time.sleep(0.05)
    start = time.monotonic()
    source.close()
    reader.join(5)
    assert time.monotonic() - start < 1
    assert seen == [1]
    assert source.released.wait(1)


def test_close_frees_the_device_while_nobody_takes_the_frames() -> None:
    source = Scripted(*range(100))
    source.close()
    assert source.released.wait(1)
    assert numbers(source) == []


def test_an_error_of_the_thread_is_raised_where_frames_are_taken() -> None:
    source = Scripted(1, 2, UserError("the cable burns"))
    seen = []
    with pytest.raises(UserError, match="the cable burns"):
        seen.extend(frame.time for frame in source)
    source.close()


def test_an_error_before_the_first_frame_is_raised_at_once() -> None:
    with pytest.raises(UserError, match="no such camera"):
        Scripted(UserError("no such camera"))


def test_a_source_without_a_frame_says_so() -> None:
    with pytest.raises(UserError, match="camera 7 ended before its first picture"):
        Scripted()


def test_silence_longer_than_the_patience_is_a_loss() -> None:
    source = Scripted(1, None, patience=0.2)
    seen = []
    with pytest.raises(SourceLost, match=r"no picture came from camera 7 for 0\.2 s \(nothing came\)"):
        seen.extend(frame.time for frame in source)
    source.close()
