"""Frames as H.264 for streams: keyframes at fixed distances, no frame held back, the sound of a file in step.

(H, W, 3) uint8 RGB in, packets of a container out; times are the frames' own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from typing import cast

from av.codec.context import Flags
from av.container import OutputContainer
from av.error import FFmpegError
from av.video.frame import PictureType
from av.video.stream import VideoStream

from edge.sinks.base import SinkOptions
from keras_vst.errors import UserError
from keras_vst.frames import Pixels
from keras_vst.video import TimedFrame, VideoInfo
from keras_vst.video.audio import Soundtrack, may_have_sound
from keras_vst.video.colour import EncoderFeed, tag_bt709

TICK = Fraction(1, 90_000)
RATE = Fraction(25)  # what a stream says of itself when its source did not say
PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow")
CRF = 23


class LiveEncoder:
    """One H.264 stream, and the sound beside it, in a container that is open for writing."""

    def __init__(
        self, output: OutputContainer, kind: str, info: VideoInfo, options: SinkOptions, key_every: Fraction
    ) -> None:
        """Add the streams and start; `kind` is the extension that says which sound fits, `key_every` is in seconds."""
        self._output = output
        self._key_every = key_every
        self._next_key: Fraction | None = None
        self._last_ticks = -(2**62)
        self._time, self._period = Fraction(0), 1 / (info.fps or RATE)
        self._stream = _add_stream(output, info, options)
        self._feed = EncoderFeed("yuv420p")
        self._sound: Soundtrack | None = None
        try:
            if options.audio_from is not None and may_have_sound(options.audio_from):
                self._sound = Soundtrack(
                    options.audio_from, output, kind, options.audio_until, options.audio_since
                )
            for (
                stream
            ) in output.streams:  # PyAV sees to it where it knows the format, which in `fifo` it does not
                if stream.codec_context is not None and kind == ".flv":
                    stream.codec_context.flags |= Flags.global_header
            output.start_encoding()
        except BaseException:
            self.drop()
            raise

    def write(self, frame: TimedFrame) -> None:
        """Encode one frame and hand on the sound up to it."""
        pixels = even(frame.pixels)
        height, width = pixels.shape[:2]
        if (width, height) != (self._stream.width, self._stream.height):
            raise ValueError(
                f"every frame of a stream must be {self._stream.width}x{self._stream.height} as announced. "
                f"Received: {width}x{height}. Resize it before writing."
            )
        picture = self._feed.frame(pixels)
        self._last_ticks = max(round(frame.time / TICK), self._last_ticks + 1)
        picture.pts, picture.time_base = self._last_ticks, TICK
        if self._next_key is None or frame.time >= self._next_key:
            picture.pict_type = PictureType.I
            due = frame.time if self._next_key is None else self._next_key
            self._next_key = max(due + self._key_every, frame.time)
        self._output.mux(self._stream.encode(picture))
        self._time = frame.time
        if self._sound is not None:
            self._sound.advance(frame.time)

    def finish(self) -> None:
        """Write what the encoder and the sound still hold, and the container's end."""
        self._output.mux(self._stream.encode(None))
        if self._sound is not None:
            self._sound.finish(until=self._time + self._period)
        self.release()

    def release(self) -> None:
        """Let go of the sound and the container."""
        if self._sound is not None:
            self._sound.close()
        self._output.close()

    def drop(self) -> None:
        """The same, whatever state the container is in."""
        with suppress(FFmpegError, OSError, ValueError):
            self.release()


def even(pixels: Pixels) -> Pixels:
    """Without the last column or row of an odd size: players of streams expect 4:2:0, which has even sides."""
    height, width = pixels.shape[:2]
    return pixels[: height - height % 2, : width - width % 2]


@contextmanager
def peer_errors(name: str) -> Iterator[None]:
    """Turn what a dead or stubborn peer raises inside into a UserError."""
    try:
        yield
    except (FFmpegError, OSError) as error:
        reason = error.strerror or type(error).__name__
        raise UserError(
            f"{name} does not take the stream ({reason}); check that it runs, listens and has room."
        ) from error


def _add_stream(output: OutputContainer, info: VideoInfo, options: SinkOptions) -> VideoStream:
    stream = output.add_stream("libx264", rate=info.fps or RATE, options=_settings(options))
    context = cast(VideoStream, stream).codec_context
    context.width, context.height = info.width - info.width % 2, info.height - info.height % 2
    context.pix_fmt = "yuv420p"
    context.time_base = TICK
    context.gop_size = 10_000  # keyframes are asked for by time
    context.sample_aspect_ratio = info.pixel_aspect
    tag_bt709(context)
    return cast(VideoStream, stream)


def _settings(options: SinkOptions) -> dict[str, str]:
    preset = options.preset or "veryfast"
    if preset not in PRESETS:
        raise UserError(f"preset {preset!r} is not known here; use one of: {', '.join(PRESETS)}.")
    crf = CRF if options.crf is None else options.crf
    if not 0 <= crf <= 51:
        raise UserError(f"crf is {crf}, but H.264 takes 0 (best) to 51 (smallest).")
    return {"preset": preset, "tune": "zerolatency", "crf": str(crf), "forced-idr": "1", "sc_threshold": "0"}
