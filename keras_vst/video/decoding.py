"""Clips and addresses as a stream of (H, W, 3) uint8 RGB frames with exact times, whole or from one moment on."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from av.video.stream import VideoStream

from keras_vst.errors import UserError
from keras_vst.video.base import Source, TimedFrame, VideoInfo
from keras_vst.video.containers import (
    BRANDS,
    FILM_BRANDS,
    SteadyTimes,
    ends_early,
    has_words,
    open_container,
    time_origin,
)
from keras_vst.video.pixels import RgbReader

if TYPE_CHECKING:
    from keras_vst.video.sound import SharedFeed

FALLBACK_PERIOD = Fraction(1, 25)  # between frames of which neither the times nor the rate are known
LONGEST_FRAME = 1  # second that the last frame may still be seen
# Pixels beyond which the decoder's threads are counted, down to one.
LARGE, LARGEST = (1920 * 1088, 3840 * 2160)
FAREWELL = 1.0  # seconds that `close` waits for a frame that is being read


class ClipSource(Source):
    """A file or address that FFmpeg reads: decoded frame by frame, upright, damaged frames left out."""

    def __init__(
        self,
        uri: str,
        container: InputContainer | None = None,
        *,
        start: Fraction = Fraction(0),
        low_delay: bool = False,
        share: bool = False,
    ) -> None:
        """Open and decode the first frame, which tells the true size.

        `container` is what to read when it is open already.  The last keyframe before `start` comes first.
        `low_delay` leaves out the frame threads, which decode faster and hold one frame back for each of them.
        `share` lays sound and subtitles aside in `along`, for what can be read only once.
        """
        self._lock = threading.Lock()  # a container closed in the middle of a decode would crash
        self._file = Path(uri) if container is None and "://" not in uri else None
        self._size = _size(self._file)
        self._shared: SharedFeed | None = None
        self._container = open_container(uri) if container is None else container
        # A HEIC or AVIF, of which PyAV does not hand on all.
        self._of_parts = self._container.metadata.get("major_brand") in BRANDS and self._file is not None
        try:
            if self._of_parts:
                from keras_vst.video.picture_head import check_parts

                check_parts(Path(uri))
            self._stream, self._times = picture_stream(self._container, uri), SteadyTimes(self._container)
            if start and not self._times.active:  # clocks that leap are to be followed from the beginning
                self._wind_to(start)
            if share:
                from keras_vst.video.sound import SharedFeed

                self.along = self._shared = SharedFeed(self._container)
            self._stream.thread_type = "SLICE" if low_delay else "AUTO"
            self._limit_threads()
            self._decoded = self._decode(start)
            first = self._decode_first(uri, start)
            self._first: av.VideoFrame | None = first
            exif = self._read_head(first)
            if self._reader.hdr:
                self.notes += (
                    f"its high dynamic range ({self._reader.hdr}) is shown as a usual screen has it",
                )
            self.info = replace(_describe(self._container, self._stream, self._reader, uri), exif=exif)
        except BaseException:
            self.close()
            raise

    def _decode_first(self, uri: str, start: Fraction) -> av.VideoFrame:
        first = next(self._decoded, None)
        if first is None and start:
            raise UserError(f"{uri} shows nothing from --start {float(start):g} on; begin earlier.")
        if first is None:
            raise UserError(
                f"{uri} holds no frame that can be decoded; check that it plays, or export it again."
            )
        return first

    def _read_head(self, first: av.VideoFrame) -> bytes:
        """Make the reader; the EXIF of a HEIC or AVIF."""
        if not self._of_parts or self._file is None:
            self._reader = RgbReader(first)
            return b""
        from keras_vst.video.pictures import beside

        size, mirrored, alpha, exif, notes = beside(self._file, first)
        self._reader = RgbReader(first, size, mirrored, alpha)
        self.notes += notes
        return exif

    def _wind_to(self, start: Fraction) -> None:
        """To the last keyframe before it; what cannot be wound forward is read from its beginning."""
        base = self._stream.time_base or Fraction(1, av.time_base)
        with suppress(FFmpegError):
            self._container.seek(int(start / base), stream=self._stream)  # in ticks, to the very keyframe

    def __iter__(self) -> Iterator[TimedFrame]:
        start = time_origin(self._container)
        period = 1 / self.info.fps if self.info.fps else FALLBACK_PERIOD
        time = -period
        while (frame := self._next()) is not None:
            ticks = frame.dts if frame.pts is None else frame.pts
            base = frame.time_base or self._stream.time_base
            time = time + period if ticks is None or base is None else ticks * base - start
            yield self._reader.timed(frame, time)

    def close(self) -> None:
        """Let go of the file; a thread that is stuck in a dead line is left with it."""
        self._closed = True
        if self._lock.acquire(timeout=FAREWELL):
            (self._shared or self._container).close()
            self._lock.release()

    def _limit_threads(self) -> None:
        """Each thread of the decoder holds frames of its own, 30 MB of 4K, which one decodes faster than we paint."""
        context = self._stream.codec_context
        pixels = context.width * context.height
        if pixels > LARGE:
            context.thread_count = min(os.cpu_count() or 1, max(1, LARGEST // pixels))

    def _next(self) -> av.VideoFrame | None:
        with self._lock:
            if self._closed:
                return None
            frame, self._first = self._first or next(self._decoded, None), None
            return frame

    def _decode(self, start: Fraction) -> Iterator[av.VideoFrame]:
        for packet in self._from_keyframe(start) if start and self._times.active else self._packets():
            try:
                frames = packet.decode()
            except FFmpegError:
                self.skipped += 1
                continue
            for frame in frames:
                if isinstance(frame, av.VideoFrame) and not frame.is_corrupt:
                    yield frame
                else:
                    self.skipped += 1

    def _from_keyframe(self, start: Fraction) -> Iterator[av.Packet]:
        """Packets from the last keyframe before `start` on; none where `start` is never reached."""
        waiting: list[av.Packet] = []
        packets, origin, last = self._packets(), time_origin(self._container), Fraction(0)
        for packet in packets:
            time = None if packet.pts is None else packet.pts * packet.time_base - origin
            if packet.is_keyframe and time is not None and time <= start:
                waiting.clear()
            waiting.append(packet)
            if time is not None and time >= start:
                yield from waiting
                yield from packets
                return
            last = last if time is None else time
        if start - last < LONGEST_FRAME:
            yield from waiting

    def _packets(self) -> Iterator[av.Packet]:
        """The packets of our stream, their times in one piece, and an empty one at the end."""
        others = self._shared.streams if self._shared else []
        packets = self._container.demux(self._times.streams(self._container, [self._stream, *others]))
        while True:
            try:
                packet = next(packets, None)
            except FFmpegError:  # the file breaks off, or the line went down: what came so far counts
                self.ends_early = True
                packet = av.Packet()
                packet.stream = self._stream
                packets = iter(())
            if packet is None:
                self.ends_early |= self._breaks_off()
                return
            self._times.mend(packet)
            if packet.stream.index == self._stream.index:
                self.mended = self._times.mended
                yield packet
            elif self._shared is not None:
                self._shared.put(packet)

    def _breaks_off(self) -> bool:
        """Whether the file holds less than it states, or than it held when it was opened."""
        return self._file is not None and (_size(self._file) < self._size or ends_early(self._file))


def picture_stream(container: InputContainer, uri: str) -> VideoStream:
    """The first stream of moving pictures; the cover of a song is not one, nor the still beside an AVIF's animation."""
    streams = [
        stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic
    ]
    if container.metadata.get("major_brand") in FILM_BRANDS:
        streams.sort(key=lambda stream: stream.frames, reverse=True)
    if not streams:
        raise UserError(f"{uri} holds no pictures, only sound or data; expected a clip or a picture.")
    if streams[0].codec_context is None:
        raise UserError(f"the video codec of {uri} is not known here; convert it to H.264 first.")
    return streams[0]


def _size(path: Path | None) -> int:
    """Bytes of a file; 0 of what is none, or is gone."""
    with suppress(OSError):
        return path.stat().st_size if path is not None else 0
    return 0


def _describe(container: InputContainer, stream: VideoStream, reader: RgbReader, uri: str) -> VideoInfo:
    width, height = reader.upright
    fps = stream.average_rate or stream.guessed_rate or None
    duration = None
    if stream.duration and stream.time_base:
        duration = float(stream.duration * stream.time_base)
    elif container.duration:
        duration = container.duration / av.time_base
    aspect = stream.sample_aspect_ratio or Fraction(1)
    return VideoInfo(
        width=width,
        height=height,
        fps=fps,
        frames=stream.frames or (round(duration * fps) if duration and fps else None),
        duration=duration,
        has_audio=bool(container.streams.audio),
        has_words=has_words(container),
        rotation=reader.rotation,
        time_base=stream.time_base,
        clock_may_leap=SteadyTimes(container).active,
        pixel_aspect=aspect if reader.rotation % 180 == 0 else 1 / aspect,
        origin=uri,
    )
