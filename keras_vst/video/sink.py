"""Styled frames, (H, W, 3) uint8 RGB with their times, into a clip, an animation, a picture or a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
from av.error import FFmpegError
from av.video.stream import VideoStream

from keras_vst.errors import UserError
from keras_vst.video.audio import Excerpt, Soundtrack, may_have_sound
from keras_vst.video.codecs import DEFAULTS, Encoder, choose_encoder
from keras_vst.video.colour import EncoderFeed, is_rgb, tag_bt709
from keras_vst.video.gif import GifSink
from keras_vst.video.info import Sink, TimedFrame, VideoInfo
from keras_vst.video.pictures import WRITTEN_PICTURES, FolderSink, PictureSink
from keras_vst.video.target import Target, disk_errors

NOMINAL_RATE = Fraction(25)  # what a file says of itself when its input did not say
FALLBACK_TICK = Fraction(1, 90_000)
MATROSKA_TICK = Fraction(1, 1000)  # Matroska and WebM, as FFmpeg writes them, count in milliseconds


def open_sink(
    path: str | os.PathLike[str],
    source_info: VideoInfo,
    *,
    codec: str | None = None,
    crf: int | None = None,
    sound: Excerpt | str | os.PathLike[str] | None = None,
) -> Sink:
    """Open an output by its name: .mp4 .mkv .mov .webm .gif .png .jpg .jpeg .webp, or a folder ending in /.

    `codec` and `crf` (quality, lower is better) are for clips.  So is `sound`, the file that has it or an excerpt
    of one; other outputs are silent.
    """
    name = os.fspath(path)
    extension = _kind(name)
    folder = extension == "/"
    encoder = _encoder_for(extension, codec, crf)
    excerpt = sound if isinstance(sound, Excerpt) or sound is None else Excerpt(os.fspath(sound))
    target = Target(Path(name), source_info.origin, excerpt and excerpt.uri, folder=folder)
    if encoder is None:
        sink = FolderSink if folder else GifSink if extension == ".gif" else PictureSink
        return sink(target)
    return ClipSink(target, source_info, encoder, excerpt)


class ClipSink(Sink):
    """A clip, encoded frame by frame, its sound fed in step."""

    def __init__(
        self,
        target: Target,
        source_info: VideoInfo,
        encoder: Encoder,
        sound: Excerpt | None,
    ) -> None:
        """Open the hidden file; the encoder starts with the first frame, which tells the size."""
        self._target = target
        self._encoder = encoder
        self._pixel_aspect = source_info.pixel_aspect
        extension = target.extension
        self._tick = (
            MATROSKA_TICK if extension in (".mkv", ".webm") else source_info.time_base or FALLBACK_TICK
        )
        self._feed: EncoderFeed | None = None
        self._last_ticks = -(2**62)
        self._sound: Soundtrack | None = None
        self._cut_sound = sound is not None and sound.with_pictures_only
        rate = source_info.fps or NOMINAL_RATE
        self._period, self._end = 1 / rate, Fraction(0)
        try:
            self._output = av.open(str(target.part), "w", options=_muxer_options(extension, self._tick))
            stream = self._output.add_stream(encoder.name, rate=rate, options=encoder.settings)
            self._stream = cast(VideoStream, stream)
            if sound is not None and may_have_sound(sound.uri):
                self._sound = Soundtrack(sound.uri, self._output, extension, sound.until, sound.since)
        except BaseException:
            target.discard()
            raise

    def write(self, frame: TimedFrame) -> None:
        """Encode one frame, and hand on the sound up to it."""
        if self._feed is None:
            self._feed = self._start(frame)
        height, width = frame.pixels.shape[:2]
        if (width, height) != (self._stream.width, self._stream.height):
            raise ValueError(
                f"every frame of a clip must be {self._stream.width}x{self._stream.height} like the first. "
                f"Received: {width}x{height}. Resize it before writing."
            )
        picture = self._feed.frame(frame.pixels)
        # Times that fall on one tick, or go backwards, would be refused: the later one moves on by a tick.
        self._last_ticks = max(round(frame.time / self._tick), self._last_ticks + 1)
        picture.pts, picture.time_base = self._last_ticks, self._tick
        with self._errors(frame):
            self._output.mux(self._stream.encode(picture))
        self._end = frame.time + self._period
        if self._sound is not None:
            with disk_errors(self._target.path):
                self._sound.advance(frame.time)

    def commit(self) -> None:
        """Flush the encoder and the sound, and move the file into place."""
        if self._feed is None:
            raise UserError(f"no frame came for {self._target.path}; check the input.")
        with disk_errors(self._target.path):
            self._output.mux(self._stream.encode(None))
            if self._sound is not None:
                self._sound.finish(until=self._end if self._cut_sound else None)
                self._sound.close()
            self._output.close()
        self._target.commit()

    def discard(self) -> None:
        """Let go of everything and delete what was written."""
        if self._sound is not None:
            self._sound.close()
        with suppress(FFmpegError, OSError, ValueError):
            self._output.close()
        self._target.discard()

    def _start(self, frame: TimedFrame) -> EncoderFeed:
        height, width = frame.pixels.shape[:2]
        context = self._stream.codec_context
        context.width, context.height = width, height
        context.pix_fmt = self._encoder.pixel_format_for(width, height)
        context.time_base = self._tick
        context.sample_aspect_ratio = self._pixel_aspect
        if not is_rgb(context.pix_fmt):
            tag_bt709(context)
        return EncoderFeed(context.pix_fmt)

    @contextmanager
    def _errors(self, frame: TimedFrame) -> Iterator[None]:
        height, width = frame.pixels.shape[:2]
        try:
            with disk_errors(self._target.path):
                yield
        except FFmpegError as error:
            raise UserError(
                f"{self._encoder.name} cannot encode {width}x{height} frames ({error.strerror}); "
                "use another codec or size."
            ) from error


def _encoder_for(extension: str, codec: str | None, crf: int | None) -> Encoder | None:
    """The encoder of a clip; other outputs have none, and take no wishes for it."""
    if extension in DEFAULTS:
        return choose_encoder(extension, codec, crf)
    if codec is not None or crf is not None:
        raise UserError(
            f"codec and crf do not apply to {extension}; leave them out or write a clip such as .mp4."
        )
    return None


def _kind(name: str) -> str:
    """The extension of an output in small letters, or / for a folder."""
    if name.endswith(("/", os.sep)):
        return "/"
    extension = Path(name).suffix.lower()
    known = (*DEFAULTS, ".gif", *WRITTEN_PICTURES)
    if extension not in known:
        raise UserError(
            f"cannot write {name}: {extension or 'no extension'} is not known here; "
            f"end the name in one of {' '.join(known)}, or in / for a folder of pictures."
        )
    return extension


def _muxer_options(extension: str, tick: Fraction) -> dict[str, str]:
    if extension not in (".mp4", ".mov"):
        return {}
    # The index at the front lets a browser start before the whole file has come; without the time scale
    # a clip that does not start at 0 has its start rounded to a millisecond.
    return {"movflags": "+faststart", "movie_timescale": str(tick.denominator)}
