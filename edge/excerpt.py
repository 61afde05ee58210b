"""Part of a clip: its frames (H, W, 3) uint8 RGB from one moment on and for so long, times counted from there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction

import av
from av.container import InputContainer
from av.error import FFmpegError

from keras_vst.errors import UserError
from keras_vst.video import Source, TimedFrame, open_source
from keras_vst.video.source import ClipSource, open_container, time_origin


class Excerpt(Source):
    """Passes on what another source shows from `start` on, `duration` seconds of it or all."""

    def __init__(self, source: Source, start: Fraction, duration: Fraction | None = None) -> None:
        """Take over an open source; it is closed with this."""
        self._source, self._start = source, start
        self._end = None if duration is None else start + duration
        whole = source.info.duration
        if whole is not None and start >= whole:
            source.close()
            raise UserError(
                f"{source.info.origin} lasts {whole:.1f} s, but --start asks for second {float(start):g}; "
                "begin earlier."
            )
        left = None if whole is None else whole - float(start)
        if duration is not None:
            left = float(duration) if left is None else min(left, float(duration))
        fps = source.info.fps
        frames = round(left * fps) if left is not None and fps else None
        self.info = replace(source.info, duration=left, frames=frames)

    def __iter__(self) -> Iterator[TimedFrame]:
        """Yield the frames inside; time 0 is `start`."""
        for frame in self._source:
            self.skipped = self._source.skipped
            if self._end is not None and frame.time >= self._end:
                return
            if frame.time >= self._start:
                yield TimedFrame(frame.pixels, frame.time - self._start)

    def close(self) -> None:
        """Let go of the file."""
        self._source.close()


def open_excerpt(
    uri: str | os.PathLike[str], start: Fraction = Fraction(0), duration: Fraction | None = None
) -> Source:
    """Open whatever `open_source` can; a clip is decoded from the last keyframe before `start` on."""
    source = open_source(uri)
    if not start and duration is None:
        return source
    if source.info.is_image:
        source.close()
        raise UserError(f"--start and --duration are for clips, but {uri} is a picture; leave them out.")
    if isinstance(source, ClipSource) and start:
        source.close()
        source = ClipSource(os.fspath(uri), _open_at(os.fspath(uri), start))
    return Excerpt(source, start, duration)


def _open_at(uri: str, start: Fraction) -> InputContainer:
    container = open_container(uri)
    with suppress(FFmpegError):  # a stream that cannot be wound forward is read from its beginning
        container.seek(int((start + time_origin(container)) * av.time_base))
    return container
