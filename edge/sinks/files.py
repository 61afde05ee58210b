"""Clips, animations, pictures and folders of pictures: the target appears when all is written, or not at all.

A disk that fills up raises a UserError that says so; the unfinished file is removed.  What must survive a power cut
is better written as `hls:folder/`, of which every segment is whole.
"""

from __future__ import annotations

from edge.address import Address
from edge.sinks.base import SinkOptions
from keras_vst.video import Excerpt, TimedFrame, VideoInfo, open_sink


class FileSink:
    """A file of `keras_vst.video`, its kind told by its name."""

    closed_by_user = False

    def __init__(self, address: Address, info: VideoInfo, options: SinkOptions) -> None:
        """Open it under a hidden name."""
        options.check_unused(address, "preset")
        sound = None
        if options.audio_from is not None:  # no longer than the pictures: a run may be ended at any moment
            sound = Excerpt(
                options.audio_from, options.audio_until, options.audio_since, with_pictures_only=True
            )
        self._sink = open_sink(address.rest, info, codec=options.codec, crf=options.crf, sound=sound)
        self._open = True

    def write(self, frame: TimedFrame) -> None:
        """Add one frame."""
        self._sink.write(frame)

    def close(self) -> None:
        """Finish the file and move it into place."""
        try:
            self._sink.commit()
        except BaseException:
            self.abort()
            raise
        self._open = False

    def abort(self) -> None:
        """Delete what was written."""
        if self._open:
            self._open = False
            self._sink.discard()
