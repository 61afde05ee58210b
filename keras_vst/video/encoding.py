"""Styled frames, (H, W, 3) uint8 RGB with their times, into a clip with sound or an animated GIF; the encoders."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream

from keras_vst.errors import UserError
from keras_vst.files import disk_errors
from keras_vst.frames import Pixels
from keras_vst.video.base import FileSink, TimedFrame, VideoInfo
from keras_vst.video.labels import titles_lost
from keras_vst.video.pixels import EncoderFeed, Palettes, is_rgb, tag_bt709
from keras_vst.video.sound import Excerpt, Soundtrack, lost, may_have_sound

NOMINAL_RATE = Fraction(25)  # what a file says of itself when its input did not say
LONGEST_LAST = 10  # seconds that the last frame of a GIF may last
FALLBACK_TICK = Fraction(1, 90_000)
# Matroska and WebM, as FFmpeg writes them, count in milliseconds, a GIF in hundredths of a second.
TICKS = {".mkv": Fraction(1, 1000), ".webm": Fraction(1, 1000), ".gif": Fraction(1, 100)}


@dataclass(frozen=True)
class Encoder:
    """One video encoder.  `crf` is its constant quality, lower is better; None is without one."""

    name: str
    extensions: tuple[str, ...]  # the files it may go into
    crf: int | None = None
    worst_crf: int = 0
    options: dict[str, str] = field(default_factory=dict)
    large: dict[str, str] = field(default_factory=dict)  # options beyond 1080p, where each frame held counts
    even_only: bool = False  # takes even sides alone: an odd one gains a pixel that repeats the last
    pixel_format: str = "yuv420p"


# Beside a network every processor counts.  Of a painted 640x360 frame, x264's `veryfast` takes 7.7 ms, and this 4.1
# for 5 % larger files and 0.4 dB less; without the lookahead they are 10 % larger.
X264 = {"preset": "superfast", "rc-lookahead": "10", "mbtree": "1"}
# At 3840x2160 this holds 264 MB instead of 546, for files within 2 % as large (24 painted frames).
X264_LARGE = {"rc-lookahead": "2", "bf": "1", "sync-lookahead": "0", "threads": "2"}
LARGE = 1920 * 1088  # pixels beyond which a frame is large
X265 = {"preset": "veryfast", "x265-params": "log-level=none"}
VP9 = {"deadline": "realtime", "cpu-used": "6", "row-mt": "1"}  # "good" takes 10 times as long
ENCODERS = (
    Encoder("libx264", (".mp4", ".mkv", ".mov"), 18, 51, X264, X264_LARGE, even_only=True),
    Encoder("libx265", (".mp4", ".mkv", ".mov"), 20, 51, X265, even_only=True),
    Encoder("libvpx-vp9", (".webm", ".mkv", ".mp4"), 24, 63, VP9),
    Encoder("libsvtav1", (".mp4", ".mkv", ".webm"), 28, 63, {"preset": "8"}),
    Encoder("ffv1", (".mkv",), options={"slicecrc": "1"}, pixel_format="bgr0"),
    Encoder("gif", (".gif",), pixel_format="pal8"),
)
WRITTEN_CLIPS = (".mp4", ".mkv", ".mov", ".webm", ".gif")


class ClipSink(FileSink):
    """A clip, encoded frame by frame, its sound fed in step; a GIF is silent and runs for ever."""

    def __init__(
        self, path: Path, info: VideoInfo, codec: str | None, crf: int | None, sound: Excerpt | None
    ) -> None:
        """Open the hidden file; the encoder starts with the first frame, which tells the size."""
        extension = path.suffix.lower()
        self._encoder = choose_encoder(extension, codec, crf)
        self._pixel_aspect = info.pixel_aspect
        self._tick = tick_of(extension, info)
        self._last_ticks = -(2**62)
        rate = info.fps or NOMINAL_RATE
        self._period, self._end = 1 / rate, Fraction(0)
        self._duration = Fraction(info.duration or 0)
        self._held: list[Packet] = []  # the last one of a GIF
        self._sound: Soundtrack | None = None
        self._cut_sound = sound is not None and sound.with_pictures_only
        super().__init__(path, info.origin, sound and sound.uri)
        self.notes = (f"{extension} takes no EXIF; left out",) if info.exif else ()
        try:
            self._output = av.open(str(self._part), "w", options=muxer_options(extension, self._tick))
            stream = self._output.add_stream(self._encoder.name, rate=rate, options=self._encoder.options)
            self._stream = cast(VideoStream, stream)
            if sound is not None and may_have_sound(sound.uri):
                if extension == ".gif":
                    self.notes += lost(sound, extension)
                else:
                    self._sound = Soundtrack(sound, self._output, extension)
                    self.notes += self._sound.notes
        except BaseException:
            self.abort()
            raise

    def _add(self, frame: TimedFrame) -> None:
        height, width = frame.pixels.shape[:2]
        if not self._count:
            self._start(width, height)
        if (width, height) != self._size:
            raise ValueError(
                "every frame of a clip must be {}x{} like the first. ".format(*self._size)
                + f"Received: {width}x{height}. Resize it before writing."
            )
        if frame.alpha is not None:
            self._note("what is transparent is shown on white")
        picture = self._feed.frame(self._evened(frame.pixels))
        # Times that fall on one tick, or go backwards, would be refused: the later one moves on by a tick.
        self._last_ticks = max(round(frame.time / self._tick), self._last_ticks + 1)
        picture.pts, picture.time_base = self._last_ticks, self._tick
        self._encode(picture)
        self._end = frame.time + self._period
        if self._sound is not None:
            self._sound.advance(frame.time)
            self.skipped = self._sound.skipped

    def _finish(self) -> None:
        self._encode(None)
        for packet in self._held:
            packet.duration = round(self._length_of_last() / self._tick)
            self._output.mux(packet)
        if self._sound is not None:
            self._sound.finish(self._end if self._cut_sound else None)
            self.skipped = self._sound.skipped
            self._sound.close()
        self._output.close()
        if self._sound is not None and self._sound.titles:
            self.notes += titles_lost(self._sound.titles, self._part)

    def _release(self) -> None:
        if self._sound is not None:
            self._sound.close()
        with suppress(AttributeError, FFmpegError, OSError, ValueError):  # it may not have been opened
            self._output.close()

    def _start(self, width: int, height: int) -> None:
        if self.made_by is not None:
            self._output.metadata.update(self.made_by.tags())
        context = self._stream.codec_context
        self._size = width, height
        self._gained = (height % 2, width % 2) if self._encoder.even_only else (0, 0)
        if any(self._gained):
            even = f"{width + self._gained[1]}x{height + self._gained[0]}"
            self._note(
                f"{width}x{height} is stored as {even}: most players show H.264 and H.265 of even sides only"
            )
        context.width, context.height = width + self._gained[1], height + self._gained[0]
        context.pix_fmt = self._encoder.pixel_format
        if width * height > LARGE:
            context.options = {**context.options, **self._encoder.large}
        context.time_base = self._tick
        self._palettes = Palettes(width, height, self._tick) if context.pix_fmt == "pal8" else None
        self._feed = EncoderFeed("rgb24" if self._palettes else context.pix_fmt)
        if self._palettes is None:
            context.sample_aspect_ratio = self._pixel_aspect
        if not is_rgb(self._feed.pixel_format):
            tag_bt709(context)

    def _evened(self, pixels: Pixels) -> Pixels:
        """An odd side's last row or column once more."""
        rows, columns = self._gained
        return np.pad(pixels, ((0, rows), (0, columns), (0, 0)), "edge") if any(self._gained) else pixels

    def _note(self, line: str) -> None:
        self.notes += (line,) if line not in self.notes else ()

    def _encode(self, picture: av.VideoFrame | None) -> None:
        """Encode and write one frame, None for what the encoder still holds."""
        with self._errors():
            if self._palettes is not None:
                for ready in self._palettes.frames(picture):
                    self._hold(self._stream.encode(ready))
            if picture is None or self._palettes is None:
                self._output.mux(self._stream.encode(picture))

    def _hold(self, packets: list[Packet]) -> None:
        """Write all but the last one, whose length is known at the end."""
        held = [*self._held, *packets]
        self._output.mux(held[:-1])
        self._held = held[-1:]

    def _length_of_last(self) -> Fraction:
        """As long as the source lasts, unless that is so long that it must have broken off."""
        left = self._duration - (self._end - self._period)
        return left if self._period < left <= LONGEST_LAST else self._period

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            with disk_errors(self.target):
                yield
        except FFmpegError as error:
            raise UserError(
                f"{self._encoder.name} cannot encode {self._stream.width}x{self._stream.height} frames "
                f"({error.strerror}); use another codec or size."
            ) from error


def choose_encoder(extension: str, codec: str | None, crf: int | None) -> Encoder:
    """The encoder for a file extension, set to the quality, or a UserError that lists what would do."""
    fitting = {encoder.name: encoder for encoder in ENCODERS if extension in encoder.extensions}
    names = ", ".join(fitting)
    encoder = fitting.get(codec) if codec else next(iter(fitting.values()))
    if encoder is None:
        raise UserError(f"codec {codec!r} does not go into {extension} files here; use one of: {names}.")
    if encoder.name not in av.codecs_available:
        raise UserError(f"this build of PyAV has no encoder {encoder.name!r}; use another of: {names}.")
    if encoder.name == "libsvtav1":
        os.environ.setdefault("SVT_LOG", "0")  # it prints its settings on stderr unless told not to
    if encoder.crf is None:
        if crf is None:
            return encoder
        raise UserError(
            f"crf {crf} was asked of {encoder.name}, which is lossless; leave crf out or name another codec."
        )
    quality = encoder.crf if crf is None else crf
    if not 0 <= quality <= encoder.worst_crf:
        raise UserError(f"crf is {crf}, but {encoder.name} takes 0 (best) to {encoder.worst_crf} (smallest).")
    return replace(encoder, options={**encoder.options, "crf": str(quality)})


def tick_of(extension: str, info: VideoInfo) -> Fraction:
    """What times of a file with that extension are whole multiples of."""
    return TICKS.get(extension) or info.time_base or FALLBACK_TICK


def muxer_options(extension: str, tick: Fraction) -> dict[str, str]:
    """What a file of that extension is written with, for times that are whole multiples of `tick`."""
    if extension not in (".mp4", ".mov"):
        return {}
    # The index at the front lets a browser start before the whole file has come; without the time scale
    # a clip that does not start at 0 has its start rounded to a millisecond.
    return {"movflags": "+faststart", "movie_timescale": str(tick.denominator)}
