"""Frames, (H, W, 3) uint8 RGB with their times, into files that are there when all is written, or not at all; clips."""

from __future__ import annotations

import os
import shutil
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, cast

import av
import numpy as np
from av.error import FFmpegError
from av.video.stream import VideoStream

from keras_vst.errors import UserError
from keras_vst.files import Part, disk_errors
from keras_vst.frames import Pixels
from keras_vst.video.base import Excerpt, Sink, TimedFrame, VideoInfo
from keras_vst.video.pixels import EncoderFeed, choose_encoder, is_rgb, tag_bt709
from keras_vst.video.provenance import Provenance, wrote

if TYPE_CHECKING:
    from keras_vst.video.sound import Soundtrack

NOMINAL_RATE = Fraction(25)  # what a file says of itself when its input did not say
FALLBACK_TICK = Fraction(1, 90_000)
LARGE = 1920 * 1088  # pixels beyond which a frame is large
# Matroska and WebM, as FFmpeg writes them, count in milliseconds, a GIF in hundredths of a second.
TICKS = {".mkv": Fraction(1, 1000), ".webm": Fraction(1, 1000), ".gif": Fraction(1, 100)}


class FileSink(Sink):
    """Writes under a hidden name beside the target; an older target stays until the new one is whole."""

    made_by: Provenance | None = None  # what the file says of itself

    def __init__(self, path: Path, *inputs: str | os.PathLike[str] | None, folder: bool = False) -> None:
        """Check that the target can be written and is none of the inputs."""
        self.target = path.resolve()  # through a link, so that the link stays and both names share the disk
        # The extension is that of the name given; what a link leads to may be called anything.
        self._target = Part(self.target, folder=folder, suffix=path.suffix.lower())
        self._part = self._target.part
        self._count, self._open = 0, True
        if not self.target.parent.is_dir():
            raise UserError(f"cannot write {path}: there is no folder {self.target.parent}; create it first.")
        for source in inputs:
            if source is not None and _same(self.target, source):
                raise UserError(f"cannot write {path}: it is the input itself; name another output.")
        if self.target.exists():
            _check_replaceable(path, folder)
        with disk_errors(path):  # a missing permission shows now and not after an hour of work
            self._target.sweep()
            if folder:
                shutil.rmtree(self._part, ignore_errors=True)
                self._part.mkdir()
            else:
                self._part.write_bytes(b"")

    @abstractmethod
    def _add(self, frame: TimedFrame) -> None:
        """Write one frame into `_part`."""

    def _finish(self) -> None:
        """Write what is left."""

    def _release(self) -> None:
        """Let go of `_part` in any state."""

    def write(self, frame: TimedFrame) -> None:
        with disk_errors(self.target):
            self._add(frame)
        self._count += 1

    def close(self) -> None:
        """Finish and move into place what was written; what fails here leaves nothing."""
        if not self._open:
            return
        try:
            if not self._count:
                raise UserError(f"no frame came for {self.target}; check the input.")
            with disk_errors(self.target):
                self._finish()
                if self.made_by is not None:
                    self.made_by.mark(self._part)
            self._target.commit()
        except BaseException:
            self.abort()
            raise
        self._open = False
        self._release()

    def abort(self) -> None:
        if self._open:
            self._open = False
            self._release()
            self._target.discard()


class ClipSink(FileSink):
    """A clip, encoded frame by frame, its sound fed in step."""

    _fed: str | None = None  # the pixel format that is encoded from, where it is not the encoder's own

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
        self._sound: Soundtrack | None = None
        self._cut_sound = sound is not None and sound.with_pictures_only
        super().__init__(path, info.origin, sound and sound.uri)
        self.notes = (f"{extension} takes no EXIF; left out",) if info.exif else ()
        try:
            self._output = av.open(str(self._part), "w", options=muxer_options(extension, self._tick))
            stream = self._output.add_stream(self._encoder.name, rate=rate, options=self._encoder.options)
            self._stream = cast(VideoStream, stream)
            if sound is not None:
                self._add_sound(sound, extension)
        except BaseException:
            self.abort()
            raise

    def _add_sound(self, sound: Excerpt, extension: str) -> None:
        from keras_vst.video.sound import Soundtrack, may_have_sound

        if may_have_sound(sound.uri):
            self._sound = Soundtrack(sound, self._output, extension)
            self.notes += self._sound.notes

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
        if self._sound is not None:
            self._sound.finish(self._end if self._cut_sound else None)
            self.skipped = self._sound.skipped
        self._output.close()
        if self._sound is not None and self._sound.titles:
            from keras_vst.video.labels import titles_lost

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
        self._feed = EncoderFeed(self._fed or context.pix_fmt)
        if self._fed is None:
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
            self._output.mux(self._stream.encode(picture))

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


def _check_replaceable(path: Path, folder: bool) -> None:
    if folder and not path.is_dir():
        raise UserError(f"{path} is a file, but a folder was asked for; leave the / out or rename it.")
    foreign = sorted(entry.name for entry in path.iterdir() if not wrote(entry)) if folder else []
    if foreign:
        raise UserError(
            f"folder {path} holds {foreign[0]}, which vst did not write there; name an empty or a new folder."
        )
    if not folder and path.is_dir():
        raise UserError(f"{path} is a folder; for numbered pictures in it write {path}/, else name a file.")
    if not folder and not path.is_file():
        raise UserError(f"{path} is neither a file nor a folder; name an ordinary file.")


def _same(path: Path, source: str | os.PathLike[str]) -> bool:
    """Whether both name one file, be it through links; an address is never a file."""
    with suppress(OSError, ValueError):
        return path.samefile(source)
    return False
