"""Frames, (H, W, 3) uint8 RGB, as an H.264 stream: keyframes at fixed distances, no frame held back, sound in step."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import AbstractContextManager, suppress
from fractions import Fraction
from typing import cast

from av.codec.context import Flags
from av.container import OutputContainer
from av.error import FFmpegError
from av.video.frame import PictureType
from av.video.stream import VideoStream

from edge.sinks.base import SinkOptions
from keras_vst.errors import UserError
from keras_vst.video import Sink, TimedFrame, VideoInfo
from keras_vst.video.pixels import EncoderFeed, tag_bt709
from keras_vst.video.sound import Soundtrack, may_have_sound

TICK = Fraction(1, 90_000)
RATE = Fraction(25)  # what a stream says of itself when its source did not say
CRF = 23
SETTINGS = {"preset": "veryfast", "tune": "zerolatency", "forced-idr": "1", "sc_threshold": "0"}


class StreamSink(Sink):
    """A stream that is being sent or written; those derived from it call `_begin` when they are made."""

    _sound: Soundtrack | None = None
    _open = True

    @abstractmethod
    def _errors(self) -> AbstractContextManager[None]:
        """Turns what goes wrong inside into a UserError that says where the stream was to go."""

    def _begin(
        self, output: OutputContainer, kind: str, info: VideoInfo, options: SinkOptions, key_every: Fraction
    ) -> None:
        """Add the streams to an open container; `kind` is the extension that says which sound fits."""
        self._output, self._key_every = output, key_every
        self._next_key: Fraction | None = None
        self._last_ticks = -(2**62)
        self._time, self._period = Fraction(0), 1 / (info.fps or RATE)
        self._feed = EncoderFeed("yuv420p")
        try:
            self._stream = _add_stream(output, info, options)
            if options.sound is not None and may_have_sound(options.sound.uri):
                self._sound = Soundtrack(options.sound, output, kind)
                self.notes = self._sound.notes
            if (made_by := options.made_by()) is not None:
                output.metadata.update(made_by.service() if kind == ".ts" else made_by.tags())
            for stream in output.streams:
                # PyAV sees to it where it knows the format, which in `fifo` it does not.
                if stream.codec_context is not None and kind == ".flv":
                    stream.codec_context.flags |= Flags.global_header
            output.start_encoding()
        except BaseException:
            self.abort()
            raise

    def write(self, frame: TimedFrame) -> None:
        """Encode and hand on one frame, and the sound up to it."""
        height, width = (side - side % 2 for side in frame.pixels.shape[:2])
        if (width, height) != (self._stream.width, self._stream.height):
            raise ValueError(
                f"every frame of a stream must be {self._stream.width}x{self._stream.height} as announced. "
                f"Received: {width}x{height}. Resize it before writing."
            )
        picture = self._feed.frame(frame.pixels[:height, :width])
        self._last_ticks = max(round(frame.time / TICK), self._last_ticks + 1)
        picture.pts, picture.time_base = self._last_ticks, TICK
        if self._next_key is None or frame.time >= self._next_key:
            picture.pict_type = PictureType.I
            due = frame.time if self._next_key is None else self._next_key
            self._next_key = max(due + self._key_every, frame.time)
        self._time = frame.time
        with self._errors():
            self._output.mux(self._stream.encode(picture))
            if self._sound is not None:
                self._sound.advance(frame.time)

    def close(self) -> None:
        """Hand on what is left, and the end of the stream."""
        if not self._open:
            return
        try:
            with self._errors():
                self._output.mux(self._stream.encode(None))
                if self._sound is not None:
                    self._sound.finish(until=self._time + self._period)
                self._output.close()
        finally:
            self.abort()

    def abort(self) -> None:
        """Let go as things stand."""
        if not self._open:
            return
        self._open = False
        if self._sound is not None:
            self._sound.close()
        with suppress(FFmpegError, OSError, ValueError):
            self._output.close()


def _add_stream(output: OutputContainer, info: VideoInfo, options: SinkOptions) -> VideoStream:
    crf = CRF if options.crf is None else options.crf
    if not 0 <= crf <= 51:
        raise UserError(f"crf is {crf}, but H.264 takes 0 (best) to 51 (smallest).")
    settings = {**SETTINGS, "crf": str(crf)}
    stream = cast(VideoStream, output.add_stream("libx264", rate=info.fps or RATE, options=settings))
    context = stream.codec_context
    # Players of streams expect 4:2:0, which has even sides: the last column or row of an odd size is left out.
    context.width, context.height = info.width - info.width % 2, info.height - info.height % 2
    context.pix_fmt = "yuv420p"
    context.time_base = TICK
    context.gop_size = 10_000  # keyframes are asked for by time
    context.sample_aspect_ratio = info.pixel_aspect
    tag_bt709(context)
    return stream
