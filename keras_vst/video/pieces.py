"""Parts of a clip: from one moment on, for so long; and pieces, cut so that no frame changes and put together again.

A piece holds the frames (H, W, 3) of its span at the times that they have in the whole clip; sound is not cut, it comes
from the input when all is put together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import av
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream

from keras_vst.errors import UserError
from keras_vst.files import atomic
from keras_vst.video.base import Excerpt, Source, TimedFrame
from keras_vst.video.containers import SteadyTimes, open_container
from keras_vst.video.decoding import ClipSource, picture_stream
from keras_vst.video.encoding import muxer_options
from keras_vst.video.labels import titles_lost
from keras_vst.video.provenance import carried_tags, carry
from keras_vst.video.sound import Soundtrack

DEEPEST = 16  # frames that an encoder may hold back, the most that H.264 and H.265 know


class CutSource(Source):
    """What another source shows from `start` on, `duration` seconds of it or all; time 0 is `start`.

    It begins with the first frame that comes then; where none comes any more, with the one that is still seen.
    """

    def __init__(self, source: Source, start: Fraction, duration: Fraction | None) -> None:
        """Take over an open source; it is closed with this."""
        self._source, self._start = source, start
        self._end = None if duration is None else start + duration
        whole = source.info.duration
        if whole is not None and start >= whole and not source.info.clock_may_leap:
            source.close()
            raise UserError(
                f"{source.info.origin} lasts {whole:.1f} s, but --start asks for second {float(start):g}; "
                "begin earlier."
            )
        lengths = [] if whole is None else [max(whole - float(start), 0.0)]
        left = min([*lengths, float(duration)] if duration is not None else lengths, default=None)
        fps = source.info.fps
        frames = max(1, round(left * fps)) if left is not None and fps else None
        self.info, self.along = replace(source.info, duration=left, frames=frames), source.along

    def __iter__(self) -> Iterator[TimedFrame]:
        before, empty = None, True
        for frame in self._through(self._source):
            if self._end is not None and frame.time >= self._end:
                break
            if frame.time >= self._start:
                empty = False
                yield replace(frame, time=frame.time - self._start)
            else:
                before = frame
        if empty and before is not None:
            yield replace(before, time=Fraction(0))

    def close(self) -> None:
        self._source.close()


class CannotCut(Exception):
    """A piece does not begin with its keyframe, or not in the size of the whole: its frames would be others."""


class PieceSource(Source):
    """The frames of a clip from the keyframe at `start` up to `end`, at the times that they have in the whole.

    What the packets could not tell shows in its first frame: one that is not there yet, because the picture is
    refreshed piece by piece, or is damaged, or has another size than `size`.
    """

    def __init__(self, path: str, start: Fraction, end: Fraction | None, size: tuple[int, int]) -> None:
        self._start, self._end = start, end
        try:
            self._source = ClipSource(path, start=start)
        except UserError as error:  # nothing can be decoded from here; the whole will show what to make of it
            raise CannotCut from error
        self.info = replace(self._source.info, frames=None, duration=None)
        if size != (self.info.width, self.info.height):
            self.close()
            raise CannotCut

    def __iter__(self) -> Iterator[TimedFrame]:
        begun = False
        for frame in self._through(self._source):
            if self._end is not None and frame.time >= self._end:
                break
            if frame.time >= self._start:
                if not begun and self._start and frame.time != self._start:
                    raise CannotCut
                begun = True
                yield frame
        if not begun:
            raise CannotCut

    def close(self) -> None:
        self._source.close()


def cut_times(path: Path, apart: Fraction) -> list[Fraction]:
    """Times of keyframes, `apart` seconds or more from each other and from both ends, at which a clip can be cut.

    From each of them on a decoder shows the very frames that it shows when it comes from the beginning, as far as the
    packets tell.  There are none where frames go without a time or the clock may leap.
    """
    with closing(open_container(str(path))) as container:
        stream = picture_stream(container, str(path))
        base = stream.time_base
        if SteadyTimes(container).active or base is None:
            return []
        packets = [(packet.pts, packet.is_keyframe) for packet in _packets(container.demux(stream))]
    times = [time for time, _ in packets if time is not None]
    if len(times) != len(packets) or not times or min(times) < 0:
        return []
    cuts: list[Fraction] = []
    last, end = times[0] * base, max(times) * base
    for time in clean_cuts(times, [key for _, key in packets]):
        if time * base - last >= apart and end - time * base >= apart:
            last = time * base
            cuts.append(last)
    return cuts


def clean_cuts(times: Sequence[int], keys: Sequence[bool]) -> Iterator[int]:
    """Times of keyframes that part the others cleanly: what is decoded before is shown before, the rest after.

    Pictures that lead a keyframe, decoded after it and shown before it, stand right behind it and belong before.
    """
    later = [*accumulate(reversed(times), min)][::-1]  # the earliest from each packet on
    before = [-1, *accumulate(times, max)]  # the latest until each
    for index, (time, key) in enumerate(zip(times, keys, strict=True)):
        if not key or before[index] >= time:
            continue
        follows = index + 1
        while follows < len(times) and times[follows] < time:
            follows += 1
        if follows == len(times) or later[follows] > time:
            yield time


def join(
    pieces: Sequence[Path], target: Path, sound: Excerpt | None, tick: Fraction
) -> tuple[int, tuple[str, ...]]:
    """Put encoded pieces together into `target`, in their order, and the sound of the input; whole or not at all.

    `tick` is that of the pieces' times.  Returns how many damaged packets of sound were left out, and what
    of the input the file cannot hold, a line each.
    """
    with atomic(target) as part, ExitStack() as stack:
        options = muxer_options(target.suffix.lower(), tick)
        output = stack.enter_context(av.open(str(part), "w", options=options))
        stream: VideoStream | None = None
        track: Soundtrack | None = None
        last = None
        for piece in pieces:
            with open_container(str(piece)) as container:
                source = container.streams.video[0]
                if stream is None:
                    output.metadata.update(carried_tags(container.metadata))
                    stream = output.add_stream_from_template(source)
                    assert stream.codec_context is not None
                    stream.codec_context.framerate = source.average_rate or Fraction(0)  # or Matroska guesses
                    track = Soundtrack(sound, output, target.suffix.lower()) if sound else None
                    if track is not None:
                        stack.callback(track.close)
                _check_alike(stream, source, piece)
                for packet in _packets(container.demux(source)):
                    last = _in_order(packet, last)
                    if track is not None and source.time_base:
                        track.advance(last * source.time_base)
                    packet.stream = stream
                    output.mux(packet)
        if track is not None:
            track.finish()
        output.close()
        notes = track.notes + titles_lost(track.titles, part) if track is not None else ()
        carry(pieces[0], part)
    return (track.skipped if track is not None else 0), notes


def _packets(demuxed: Iterator[Packet]) -> Iterator[Packet]:
    """Those that hold something to be shown, up to where the file breaks off."""
    with suppress(FFmpegError):
        yield from (packet for packet in demuxed if packet.size and not packet.is_discard)


def _in_order(packet: Packet, last: int | None) -> int:
    """Give a packet a decoding time after the last one's; Matroska has none, and at a seam it may be too early."""
    assert packet.pts is not None
    if last is None:
        packet.dts = packet.pts - DEEPEST if packet.dts is None else packet.dts
    elif packet.dts is None or packet.dts <= last:
        packet.dts = last + 1
    return packet.dts


def _check_alike(stream: VideoStream, source: VideoStream, piece: Path) -> None:
    ours, theirs = ((each.width, each.height, each.codec_context.extradata) for each in (stream, source))
    if ours != theirs:
        raise UserError(
            f"{piece} was encoded in another way than the pieces before it; install the same versions on all "
            "machines, remove it and run again."
        )
