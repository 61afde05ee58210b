"""A part of another source: from one moment on, for so long."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from keras_vst.errors import UserError
from keras_vst.video.base import Source, TimedFrame


class CutSource(Source):
    """What another source shows from `start` on, `duration` seconds of it or all; time 0 is `start`.

    It begins with the first frame that comes then; where none comes any more, with the one that is still seen.
    """

    def __init__(self, source: Source, start: Fraction, duration: Fraction | None) -> None:
        """Take over an open source; it is closed with this."""
        self._source, self._start = source, start
        self._end = None if duration is None else start + duration
        whole = source.info.duration
        if whole is not None and start >= whole and not source.info.clock_may_leap:
            source.close()
            raise UserError(
                f"{source.info.origin} lasts {whole:.1f} s, but --start asks for second {float(start):g}; "
                "begin earlier."
            )
        lengths = [] if whole is None else [max(whole - float(start), 0.0)]
        left = min([*lengths, float(duration)] if duration is not None else lengths, default=None)
        fps = source.info.fps
        frames = max(1, round(left * fps)) if left is not None and fps else None
        self.info, self.along = replace(source.info, duration=left, frames=frames), source.along

    def __iter__(self) -> Iterator[TimedFrame]:
        before, empty = None, True
        for frame in self._source:
            self._take_over()
            if self._end is not None and frame.time >= self._end:
                break
            if frame.time >= self._start:
                empty = False
                yield replace(frame, time=frame.time - self._start)
            else:
                before = frame
        self._take_over()
        if empty and before is not None:
            yield replace(before, time=Fraction(0))

    def close(self) -> None:
        self._source.close()

    def _take_over(self) -> None:
        self.skipped, self.mended = self._source.skipped, self._source.mended
        self.ends_early, self.notes = self._source.ends_early, self._source.notes
