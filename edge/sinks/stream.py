"""What sinks of one encoder have in common: frames (H, W, 3) uint8 RGB into it, the end of the stream, giving up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager

from edge.sinks.encoder import LiveEncoder
from keras_vst.video import TimedFrame


class StreamSink(ABC):
    """A stream that is being sent or written; those derived from it open `_encoder` when they are made."""

    closed_by_user = False
    _encoder: LiveEncoder
    _open = True

    @abstractmethod
    def _errors(self) -> AbstractContextManager[None]:
        """Turns what goes wrong inside into a UserError that says where the stream was to go."""

    def write(self, frame: TimedFrame) -> None:
        """Encode and hand on one frame."""
        with self._errors():
            self._encoder.write(frame)

    def close(self) -> None:
        """Hand on what is left, and the end of the stream."""
        self._open = False
        try:
            with self._errors():
                self._encoder.finish()
        finally:
            self._encoder.drop()

    def abort(self) -> None:
        """Let go as things stand."""
        if self._open:
            self._open = False
            self._encoder.drop()
