"""Clips, pictures and folders of pictures, read as fast as they are taken, or looped at their own speed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from edge.address import Address
from edge.sources.base import PumpedSource
from edge.sources.timing import pace
from keras_vst.video import Source, TimedFrame, open_source

STILL = Fraction(1, 25)  # how long one round of a single picture lasts


class FileSource(Source):
    """A file or a folder; every frame of it, with the times it has there."""

    live = False

    def __init__(self, address: Address) -> None:
        """Open it."""
        self._source = open_source(address.rest)
        self.info = self._source.info
        self._lock = threading.Lock()  # a container closed in the middle of a decode would crash
        self._closed = False

    def __iter__(self) -> Iterator[TimedFrame]:
        """Yield every frame that can be read, until closed."""
        frames = iter(self._source)
        while True:
            with self._lock:
                frame = None if self._closed else next(frames, None)
                self.skipped = self._source.skipped
            if frame is None:
                return
            yield frame

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._closed = True
            self._source.close()


class LoopSource(PumpedSource):
    """A file over and over, each frame when its time has come: a camera for want of one."""

    def __init__(self, address: Address) -> None:
        """Open it."""
        address.check_options()
        self._path = address.rest
        with open_source(self._path) as source:  # a wrong name is told before a thread is started
            self.info = replace(source.info, frames=None, duration=None, has_audio=False, is_image=False)
        super().__init__(address.text)

    def _frames(self, closing: threading.Event) -> Iterator[TimedFrame]:
        return pace(self._rounds(), closing)

    def _rounds(self) -> Iterator[TimedFrame]:
        shift = Fraction(0)
        while True:
            with open_source(self._path) as source:
                skipped, time, step = self.skipped, Fraction(0), STILL
                for frame in source:
                    step, time = frame.time - time or step, frame.time
                    self.skipped = skipped + source.skipped
                    yield TimedFrame(frame.pixels, shift + time)
            shift += time + step
