"""A folder that any web server can offer and any player can play: HLS with one-second segments (H.264, AAC).

A player stays about three segments behind.  Old segments are deleted, so that the folder stays small for days; with
`window=0` all are kept.  The playlist is replaced in one step and names whole segments only: whatever happens to us,
what lies in the folder plays.
"""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from fractions import Fraction
from pathlib import Path

import av

from edge.address import Address
from edge.sinks.base import SinkOptions
from edge.sinks.encoder import LiveEncoder
from edge.sinks.stream import StreamSink
from keras_vst.errors import UserError
from keras_vst.video import VideoInfo
from keras_vst.video.target import disk_errors

PLAYLIST = "live.m3u8"
OURS = re.compile(r"live\.m3u8(\.tmp)?|live\d{6,}\.ts(\.tmp)?")


class HlsSink(StreamSink):
    """`hls:folder/`, or `hls:folder/?segment=2&window=10`: seconds of a segment, segments in the playlist.

    What lies in the folder when it is given up stays: those segments are whole.
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
            output = av.open(
                str(self.folder.absolute() / PLAYLIST),
                "w",
                format="hls",
                options=_muxer(self.folder, segment, window),
            )
            self._encoder = LiveEncoder(output, ".ts", info, options, segment)

    def _errors(self) -> AbstractContextManager[None]:
        return disk_errors(self.folder)


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
