"""What the command line tells the sinks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from edge.address import Address
from keras_vst.errors import UserError
from keras_vst.video import Excerpt, Provenance
from keras_vst.video.feeding import Feed


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
    made_by: Callable[[], Provenance | None] = lambda: None  # what is written now says of itself
    along: Feed | None = None  # where it comes from when that can be read only once
    controls: Controls | None = None  # for pages
    on_key: Callable[[str], None] | None = None  # for windows: told of every key
    on_painting: Callable[[str, bytes], str] | None = (
        None  # for pages: name and content in, the style's name out
    )

    @property
    def sound(self) -> Excerpt | None:
        """The sound that goes along, no longer than the pictures: a run may be ended at any moment."""
        return (
            Excerpt(self.audio_from, with_pictures_only=True, shared=self.along) if self.audio_from else None
        )

    def check_unused(self, address: Address, *unused: str) -> None:
        """Refuse what a sink would ignore although it was asked for."""
        for name in unused:
            if getattr(self, name) is not None:
                raise UserError(f"{name} does not apply to {address.text}; leave it out or write a file.")
