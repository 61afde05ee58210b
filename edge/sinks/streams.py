"""Streams to watch elsewhere, in H.264: an HLS folder for any web server, or pushed over RTMP, RTSP and UDP.

Keyframes come at fixed distances, no frame is held back, and sound is in step.
"""

from __future__ import annotations

import errno
import re
import shutil
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple, cast
from urllib.parse import urlsplit

import av
from av.codec.context import Flags
from av.container import OutputContainer
from av.error import FFmpegError
from av.video.frame import PictureType
from av.video.stream import VideoStream

from edge.address import Address, SinkOptions
from keras_vst.errors import UserError
from keras_vst.files import disk_errors
from keras_vst.video import Sink, TimedFrame, VideoInfo
from keras_vst.video.pixels import EncoderFeed, tag_bt709
from keras_vst.video.sound import Soundtrack, may_have_sound

PLAYLIST = "live.m3u8"
OURS = re.compile(r"live\.m3u8(\.tmp)?|live\d{6,}\.ts(\.tmp)?")
ROOM = 2**20  # bytes free that there must be beside those of two segments
PATIENCE = "5000000"  # microseconds
KEY_EVERY = Fraction(2)  # a viewer who joins waits this long at most
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
            if (info.width, info.height) != (self._stream.width, self._stream.height):
                even = f"{self._stream.width}x{self._stream.height}"
                self.notes += (f"{info.width}x{info.height} is sent as {even}: streams have even sides",)
            for stream in output.streams:
                # PyAV sees to it where it knows the format, which in `fifo` it does not.
                if stream.codec_context is not None and kind == ".flv":
                    stream.codec_context.flags |= Flags.global_header
            output.start_encoding()
        except BaseException:
            self.abort()
            raise

    def write(self, frame: TimedFrame) -> None:
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
        if not self._open:
            return
        self._open = False
        if self._sound is not None:
            self._sound.close()
        with suppress(FFmpegError, OSError, ValueError):
            self._output.close()


class HlsSink(StreamSink):
    """`hls:folder/`, or `hls:folder/?segment=2&window=10`: seconds of a segment, segments in the playlist.

    A player stays about three segments behind.  Old segments are deleted, so that the folder stays small for days;
    with `window=0` all are kept.  The playlist is replaced in one step and names whole segments only: whatever happens
    to us, what lies in the folder plays, and stays there.
    """

    def __init__(self, address: Address, info: VideoInfo, options: SinkOptions) -> None:
        """Make the folder ready; the playlist appears with the first segment."""
        address.check_options("segment", "window")
        options.check_unused(address, "codec")
        if not address.rest:
            raise UserError(f"{address.text} names no folder; write hls:folder/.")
        self.folder = Path(address.rest)
        segment = address.number("segment", Fraction(1))
        window = 0 if address.options.get("window") == "0" else int(address.number("window", Fraction(6)))
        with self._errors():
            _clear(self.folder)
            playlist, muxer = str(self.folder.absolute() / PLAYLIST), _muxer(self.folder, segment, window)
            self._begin(av.open(playlist, "w", format="hls", options=muxer), ".ts", info, options, segment)

    def write(self, frame: TimedFrame) -> None:
        """Encode one frame; FFmpeg says nothing of a full disk, so that room is looked for before every segment."""
        if self._next_key is None or frame.time >= self._next_key:
            with self._errors():
                largest = max((part.stat().st_size for part in self.folder.glob("*.ts*")), default=0)
                # What is still in the encoder belongs to the segment before.
                if shutil.disk_usage(self.folder).free < ROOM + 2 * largest:
                    raise OSError(errno.ENOSPC, "no room for a segment")
        super().write(frame)

    def _errors(self) -> AbstractContextManager[None]:
        return disk_errors(self.folder)


class Protocol(NamedTuple):
    """How FFmpeg is told to send."""

    format: str
    sound: str  # the kind of container, which says what sound fits
    options: dict[str, str]
    query: str = ""


def in_thread(form: str, **options: str) -> Protocol:
    """FFmpeg's `fifo` around a format: it connects and sends in a thread of its own.

    Without it PyAV would hold up all of Python while it connects, and for ever when the peer then says nothing.
    """
    listed = ":".join(f"{name}={value}" for name, value in options.items())
    return Protocol("fifo", ".flv", {"fifo_format": form, "format_opts": listed})


PROTOCOLS = {
    "rtmp": in_thread("flv", rw_timeout=PATIENCE),
    "rtmps": in_thread("flv", rw_timeout=PATIENCE),
    "rtsp": in_thread("rtsp", rtsp_transport="tcp", timeout=PATIENCE),
    "udp": Protocol("mpegts", ".ts", {}, query="?pkt_size=1316"),  # seven TS packets fit an Ethernet frame
}


class PushSink(StreamSink):
    """`rtmp://server/app/key`, `rtsp://server:8554/name`, `udp://127.0.0.1:5000`, to whoever listens there.

    A peer that is away, goes away, or takes nothing for five seconds is told by a UserError from one of the next
    writes.
    """

    def __init__(self, address: Address, info: VideoInfo, options: SinkOptions) -> None:
        """Set up; who listens is found out meanwhile."""
        options.check_unused(address, "codec")
        parts = urlsplit(address.text)
        if not parts.hostname:
            raise UserError(f"{address.text} names no host; write {address.scheme}://host/path.")
        self._name = f"{address.scheme}://{parts.netloc.rpartition('@')[2]}"  # without keys and passwords
        protocol = PROTOCOLS[address.scheme]
        url = address.text if parts.query else address.text + protocol.query
        with self._errors():
            output = av.open(url, "w", format=protocol.format, options=dict(protocol.options))
            self._begin(output, protocol.sound, info, options, KEY_EVERY)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (FFmpegError, OSError) as error:
            reason = error.strerror or type(error).__name__
            raise UserError(
                f"{self._name} does not take the stream ({reason}); check that it runs, listens and has room."
            ) from error


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


def _muxer(folder: Path, segment: Fraction, window: int) -> dict[str, str]:
    # A segment is cut at the first keyframe after its time; keyframes come at just that distance.
    flags = "independent_segments+temp_file+program_date_time" + ("+delete_segments" if window else "")
    return {
        "hls_time": f"{float(segment) * 0.9:.3f}",
        "hls_list_size": str(window),
        "hls_delete_threshold": "2",  # players that are behind may still be fetching them
        "hls_flags": flags,
        "hls_segment_filename": str(folder.absolute() / "live%06d.ts"),
        **({} if window else {"hls_playlist_type": "event"}),
    }


def _clear(folder: Path) -> None:
    """Make the folder, or empty it of an earlier run; somebody else's files are left alone."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file, but HLS needs a folder; name another.")
    if not folder.absolute().parent.is_dir():
        raise UserError(f"cannot write {folder}: there is no folder {folder.absolute().parent}; create it.")
    folder.mkdir(exist_ok=True)
    entries = list(folder.iterdir())
    if any(not OURS.fullmatch(entry.name) for entry in entries):
        raise UserError(f"folder {folder} holds other things than an HLS stream; name an empty one.")
    for entry in entries:
        entry.unlink()
