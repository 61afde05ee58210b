"""A stream from the network, through FFmpeg: connected again with growing pauses, its times in one piece.

What happens: a wrong address fails at once.  A stream that stalls for five seconds or ends is asked for again
after 0.5, 1, 2, 4, then every 8 seconds; without a picture for a minute it is lost.  Damaged frames are left out and
counted.  A picture of another size is brought to the size of the first, its aspect ratio kept.  The sound of a live
stream is not taken along; a film behind an address (one whose length is known) is read as a file is.

`read_address` reads what an address sends once, as a file is read: every frame of it, and no second connection.  Where
the sender closes the line is the end; where it falls silent or the line breaks, that is an error.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

import av
from av.container import InputContainer
from av.error import ExitError, FFmpegError

from edge.address import Address
from edge.sources.base import SourceLost, SteadyClock, ThreadedSource
from keras_vst.errors import UserError, without_passwords
from keras_vst.frames import fit
from keras_vst.video import Source, TimedFrame
from keras_vst.video.decoding import ClipSource
from keras_vst.video.pieces import CutSource

CONNECT, STALL = 8.0, 5.0  # seconds for the connection, and for the next packet
WAIT_FOR_SENDER = 300.0  # seconds that `?listen` waits for somebody to send
PATIENCE = 60.0
SYSTEMS_OWN = 1000  # error numbers below are the system's and speak of the line, above FFmpeg's, of what came
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)  # seconds before one attempt after the other; the last is repeated
# One second to find out what is in the stream, instead of five; what was read for it is shown, in a burst.
LOW_DELAY = {"flags": "low_delay", "analyzeduration": "1000000"}
OPTIONS = {
    "rtsp": {"rtsp_transport": "tcp"},  # over UDP half the cameras in the field lose packets
    "rtsps": {"rtsp_transport": "tcp"},
    "http": {"reconnect": "1", "reconnect_delay_max": "8"},
    "https": {"reconnect": "1", "reconnect_delay_max": "8"},
}
LISTEN = {
    "rtmp": {"listen": "1"},
    "rtsp": {"rtsp_flags": "listen", "listen_timeout": f"{WAIT_FOR_SENDER:.0f}"},
}


def is_address(text: str) -> bool:
    """Whether an input is a host's, not a file of this machine."""
    return "://" in text and bool(urlsplit(text).netloc)


def read_address(text: str, start: Fraction, duration: Fraction | None) -> Source:
    """Open an address; with `start` or `duration`, in seconds, only that part of it is shown."""
    source = RecordedSource(Address(text, urlsplit(text).scheme, ""), start)
    return CutSource(source, start, duration) if start or duration is not None else source


class StreamSource(ThreadedSource):
    """`rtsp://camera.local/stream`, `rtmp://0.0.0.0:1935/live?listen`, `udp://@:5000`, `http://...`."""

    patience = WAIT_FOR_SENDER
    low_delay = True

    def __init__(self, address: Address) -> None:
        self._url, self._options, self._listens = _for_ffmpeg(address.text)
        self._options = {**(LOW_DELAY if self.low_delay else {}), **self._options}
        super().__init__(without_passwords(address.text))
        self.patience = WAIT_FOR_SENDER if self._listens else PATIENCE

    def _frames(self, closing: threading.Event) -> Iterator[TimedFrame]:
        first = self._connect()
        live = first.info.duration is None
        if live and first.info.has_audio:
            self.notes = ("the sound of a live stream is not taken along",)
        self.info, self.along, self.live = first.info, first.along, live
        if not self.live:
            with first:
                yield from self._through(first)
            return
        clock = SteadyClock()
        for clip in self._connections(first, closing):
            for frame in self._through(clip):
                pixels, _ = fit(frame.pixels, (self.info.height, self.info.width), multiple=1)
                alpha = frame.alpha if frame.pixels.shape == pixels.shape else None
                yield TimedFrame(pixels, clock.time(frame.time), alpha)

    def _connections(self, clip: ClipSource | None, closing: threading.Event) -> Iterator[ClipSource]:
        """One connection after the other, each closed before the next."""
        attempt = 0
        while not closing.is_set():
            if clip is not None:
                attempt = 0
                with clip:
                    yield clip
                self.trouble = "the stream stalled or ended"
            if closing.wait(PAUSES[min(attempt, len(PAUSES) - 1)]):
                return
            attempt += 1
            try:
                clip = self._connect()
            except UserError as error:
                clip, self.trouble = None, str(error)

    def _connect(self) -> ClipSource:
        container = self._open()
        recorded = container.duration is not None
        return ClipSource(self._name, container, low_delay=not recorded, share=recorded)

    def _open(self) -> InputContainer:
        wait = WAIT_FOR_SENDER if self._listens else CONNECT
        try:
            return av.open(self._url, options=self._options, timeout=(wait, STALL), metadata_errors="replace")
        except (FFmpegError, OSError) as error:
            late = isinstance(error, ExitError)  # what FFmpeg is told when its time is up
            reason = f"no answer for {wait:g} s" if late else error.strerror or type(error).__name__
            raise UserError(
                f"{self._name} cannot be opened ({reason}); "
                "check the address, the password and that it sends."
            ) from error


class RecordedSource(StreamSource):
    """`http://host/film.mp4`, or a stream up to where its sender ends it."""

    low_delay = False

    def __init__(self, address: Address, start: Fraction = Fraction(0)) -> None:
        """Connect and decode the first frame; the last keyframe before `start` comes first."""
        self._start = start
        super().__init__(address)

    def _frames(self, closing: threading.Event) -> Iterator[TimedFrame]:
        line = _Line(self._open())
        with ClipSource(self._name, cast(InputContainer, line), start=self._start, share=True) as clip:
            self.info, self.along, self.live = clip.info, clip.along, False
            yield from self._through(clip)
        if line.error is not None:
            late = isinstance(line.error, ExitError)
            reason = "sent nothing more" if late else line.error.strerror or type(line.error).__name__
            raise SourceLost(f"{self._name} broke off ({reason}); try again, or download it first.")


class _Line:
    """A container that remembers what broke its line, which for a reader of clips is just the end."""

    def __init__(self, container: InputContainer) -> None:
        self._container = container
        self.error: FFmpegError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)

    def demux(self, *streams: Any) -> Iterator[Any]:
        try:
            yield from self._container.demux(*streams)
        except FFmpegError as error:
            if isinstance(error, ExitError) or 0 < (error.errno or 0) < SYSTEMS_OWN:
                self.error = error
            raise


def _for_ffmpeg(text: str) -> tuple[str, dict[str, str], bool]:
    """Address, options, and whether we wait to be sent to, which FFmpeg wants as an option."""
    parts = urlsplit(text)
    if not parts.netloc:
        raise UserError(f"{without_passwords(text)} names no host; write {parts.scheme}://host/path.")
    listens = "listen" in parts.query.split("&") and parts.scheme in LISTEN
    options = {**OPTIONS.get(parts.scheme, {})}
    if listens:
        options |= LISTEN[parts.scheme]
        text = urlunsplit(parts._replace(query="&".join(q for q in parts.query.split("&") if q != "listen")))
    return text, options, listens
