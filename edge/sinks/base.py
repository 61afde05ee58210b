"""What a sink is and what it may be told: frames (H, W, 3) uint8 RGB with times in seconds.

A sink that cannot go on raises a UserError from `write`, within five seconds even where a peer has hung; what to do
then is for whoever writes.  Nobody calls two methods of one sink at once, but each may come from another thread.

What a sink may have besides: `main_thread = True`, where `write` must come from the main thread; a method `idle`,
called from where `write` is called, ten times a second while no frame comes; a method `interrupt`, called from any
thread when the run is over, for a `write` that may wait longer than five seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

from edge.address import Address
from keras_vst.errors import UserError
from keras_vst.video import TimedFrame


class FrameSink(Protocol):
    """Takes frames of one size in the order of their times."""

    closed_by_user: bool  # the window was closed, the reader of the pipe left: time to end

    def write(self, frame: TimedFrame) -> None:
        """Take one frame; its pixels may change afterwards."""
        ...

    def close(self) -> None:
        """Finish: what was written is whole then."""
        ...

    def abort(self) -> None:
        """Throw away what is not finished; does nothing after `close`."""
        ...


class Controls(Protocol):
    """What can be changed while it runs, see edge.controls."""

    def apply(self, message: dict[str, Any]) -> dict[str, Any]:
        """Carry out one message and say how things stand."""
        ...

    def status(self) -> dict[str, Any]:
        """How things stand."""
        ...


@dataclass(frozen=True)
class SinkOptions:
    """What the command line knows and a sink may need; each takes what concerns it."""

    codec: str | None = None  # encoder of a file
    crf: int | None = None  # quality of encoded video, lower is better
    preset: str | None = None  # x264's, for streams
    audio_from: str | None = None  # the file whose sound goes along
    audio_since: Fraction = Fraction(0)  # where in that file time 0 is
    audio_until: Fraction | None = None  # how much of it, in seconds
    controls: Controls | None = None  # for pages
    on_key: Callable[[str], None] | None = None  # for windows: told of every key

    def check_unused(self, address: Address, *unused: str) -> None:
        """Refuse what a sink would ignore although it was asked for."""
        for name in unused:
            if getattr(self, name) is not None:
                raise UserError(f"{name} does not apply to {address.text}; leave it out or write a file.")
