"""What goes through a video: frames (H, W, 3) uint8 RGB, each with its exact time in seconds; and files by their names.

A `Source` yields such frames one at a time; a `Sink` takes them.  Files, cameras, streams, screens, windows and pages
are all derived from these two.  What opens one kind of file alone is imported when there is one.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from keras_vst.errors import UserError
from keras_vst.frames import PICTURES, Pixels
from keras_vst.video.provenance import Provenance

if TYPE_CHECKING:
    from keras_vst.video.encoding import FileSink
    from keras_vst.video.sound import Feed

WRITTEN_PICTURES = (".png", ".jpg", ".jpeg", ".webp")
WRITTEN_CLIPS = (".mp4", ".mkv", ".mov", ".webm", ".gif")


@dataclass(frozen=True)
class VideoInfo:
    """What is known of a video, a picture or a folder of pictures before its frames are read."""

    width: int  # upright, that is after the rotation
    height: int
    fps: Fraction | None = None  # the mean rate; None for a picture or when the file does not say
    frames: int | None = None  # counted by the file, else estimated from duration and rate
    duration: float | None = None  # seconds
    has_audio: bool = False
    has_words: bool = False  # more than pictures and sound: subtitles, chapters, a title, fonts
    rotation: int = 0  # degrees counter-clockwise by which the stored frames are turned: 0, 90, 180, 270
    is_image: bool = False
    time_base: Fraction | None = None  # every frame's time is a whole multiple of it
    clock_may_leap: bool = False  # as in MPEG-TS, whose length is guessed from its first and last times
    pixel_aspect: Fraction = Fraction(1)  # width of a pixel over its height
    origin: str | None = None  # the path or address it was read from
    exif: bytes = b""  # of a picture: what the camera wrote


@dataclass(frozen=True, eq=False)
class TimedFrame:
    """One upright frame and when it is shown."""

    pixels: Pixels  # (H, W, 3) RGB
    time: Fraction  # seconds, exactly as the file has it
    alpha: Pixels | None = None  # (H, W); where it is below 255 the pixels are already laid on white


@dataclass(frozen=True)
class Excerpt:
    """The sound of a file from `since` seconds on, which then is time 0, for `until` seconds.

    Sound that lasts longer than the pictures is kept, unless `with_pictures_only`.
    """

    uri: str
    until: Fraction | None = None
    since: Fraction = Fraction(0)
    with_pictures_only: bool = False
    shared: Feed | None = None  # where it comes from when the file can be read only once


class Source(AbstractContextManager["Source"]):
    """Frames in the order they are shown, to be gone through once, from any thread.  Use it in a `with`.

    Damaged frames are left out and counted in `skipped`; the others keep their times, and with them the sound.
    """

    info: VideoInfo
    live: bool = False  # frames come when they come, and a late one is worth less than a new one
    skipped: int = 0  # damaged frames left out so far
    mended: int = 0  # times that its clock leapt or ran backwards so far
    notes: tuple[str, ...] = ()  # what is not shown as the file has it, a line each
    along: Feed | None = None  # its sound and subtitles, where it can be read only once
    ends_early: bool = False  # once all is read: the file or line broke off before its end
    _closed: bool = False

    @abstractmethod
    def __iter__(self) -> Iterator[TimedFrame]:
        """Yield frames; may block, and ends when closed or exhausted."""

    def close(self) -> None:
        """Let go of the file, device or line; from any thread, and whoever waits for a frame returns."""
        self._closed = True

    def _through(self, source: Source) -> Iterator[TimedFrame]:
        """The frames of a source behind this one; what is told of it is told of this one, after those before it."""
        skipped, mended, notes = self.skipped, self.mended, self.notes
        for frame in chain(source, (None,)):
            self.skipped, self.mended = skipped + source.skipped, mended + source.mended
            self.notes = (*notes, *(note for note in source.notes if note not in notes))
            self.ends_early = source.ends_early
            if frame is not None:
                yield frame

    def __exit__(self, *error: object) -> None:
        self.close()


class Sink(AbstractContextManager["Sink"]):
    """Takes frames of one size in the order of their times; a `with` closes it, or aborts on an exception.

    A sink that cannot go on raises a UserError from `write`, within five seconds even where a peer has hung.  Nobody
    calls two methods of one sink at once, except `interrupt`, but each may come from another thread.
    """

    skipped: int = 0  # damaged packets of sound left out so far
    notes: tuple[str, ...] = ()  # what of the source it cannot hold, a line each
    closed_by_user: bool = False  # the window was closed, the reader of the pipe left: time to end
    main_thread: bool = False  # whether `write` and `idle` must come from the main thread

    @abstractmethod
    def write(self, frame: TimedFrame) -> None:
        """Take one frame; its pixels may change afterwards."""

    def close(self) -> None:
        """Finish: what was written is whole then."""

    def abort(self) -> None:
        """Throw away what is not finished; does nothing after `close`."""
        self.close()

    def idle(self) -> None:
        """Called from where `write` is, ten times a second while no frame comes."""

    def interrupt(self) -> None:
        """Called from any thread when the run is over, for a `write` that may wait longer than five seconds."""

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if kind is not None:
            self.abort()
            return
        try:
            self.close()
        except BaseException:
            self.abort()
            raise


def probe(path: str | os.PathLike[str]) -> VideoInfo:
    """Size, rate, length and so on of whatever `open_source` can open."""
    with open_source(path) as source:
        return source.info


def open_source(
    uri: str | os.PathLike[str], *, start: Fraction = Fraction(0), duration: Fraction | None = None
) -> Source:
    """Open a clip, a picture, a folder of numbered pictures, or an address such as rtsp://...

    With `start` or `duration`, in seconds, only that part of it is shown, its times counted from `start`; a clip is
    decoded from the last keyframe before it on.
    """
    source = _open(os.fspath(uri), start)
    if not start and duration is None:
        return source
    if source.info.is_image:
        source.close()
        raise UserError(f"--start and --duration are for clips, but {uri} is a picture; leave them out.")
    from keras_vst.video.pieces import CutSource

    return CutSource(source, start, duration)


def open_sink(
    path: str | os.PathLike[str],
    source_info: VideoInfo,
    *,
    codec: str | None = None,
    crf: int | None = None,
    sound: Excerpt | str | os.PathLike[str] | None = None,
    made_by: Provenance | None = None,
) -> FileSink:
    """Open an output by its name: .mp4 .mkv .mov .webm .gif .png .jpg .jpeg .webp, or a folder ending in /.

    `codec` and `crf` (quality, lower is better) are for clips.  So is `sound`, the file that has it or an excerpt
    of one; other outputs are silent.  `made_by` is written into the file.
    """
    name = os.fspath(path)
    kind = "/" if name.endswith(("/", os.sep)) else Path(name).suffix.lower()
    known = (*WRITTEN_CLIPS, *WRITTEN_PICTURES)
    if kind not in (*known, "/"):
        raise UserError(
            f"cannot write {name}: {kind or 'no extension'} is not known here; "
            f"end the name in one of {' '.join(known)}, or in / for a folder of pictures."
        )
    if (kind == ".gif" or kind not in WRITTEN_CLIPS) and (codec is not None or crf is not None):
        raise UserError(f"codec and crf do not apply to {kind}; leave them out or write a clip such as .mp4.")
    excerpt = sound if isinstance(sound, Excerpt) or sound is None else Excerpt(os.fspath(sound))
    sink: FileSink
    if kind in WRITTEN_CLIPS and kind != ".gif":
        from keras_vst.video.encoding import ClipSink

        sink = ClipSink(Path(name), source_info, codec, crf, excerpt)
    else:
        from keras_vst.video.stills import open_pictures

        sink = open_pictures(Path(name), kind, source_info, excerpt)
    sink.made_by = made_by
    return sink


def _open(name: str, start: Fraction) -> Source:
    path = Path(name)
    if "://" not in name:
        if path.is_dir():
            from keras_vst.video.stills import FolderSource

            return FolderSource(path)
        if not path.exists():
            raise UserError(f"there is no file {name}; check the name and the folder {Path.cwd()}.")
        if path.is_file() and path.stat().st_size == 0:
            raise UserError(f"{name} is empty; expected a clip or a picture. Fetch or record it again.")
        if path.suffix.lower() in PICTURES:
            from keras_vst.video.stills import open_still

            if (source := open_still(path)) is not None:
                return source
    from keras_vst.video.decoding import ClipSource

    return ClipSource(name, start=start)
