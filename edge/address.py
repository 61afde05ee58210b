"""How sources and sinks are named, and what else the command line tells a sink.

A name is `scheme:rest?key=value&...`, an address with ://, a path, a number or `-`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qsl

from keras_vst.errors import UserError
from keras_vst.video import Excerpt, Provenance

if TYPE_CHECKING:
    from keras_vst.video.sound import Feed

SCHEME = re.compile(r"([a-z][a-z0-9+]+):(.*)", re.DOTALL)  # two letters at least: C: is a drive
PATH = "file"


@dataclass(frozen=True)
class Address:
    """One parsed name; `rest` and `options` are what the scheme's class makes something of."""

    text: str  # as it was written
    scheme: str
    rest: str
    options: Mapping[str, str] = field(default_factory=dict)

    def check_options(self, *known: str) -> None:
        """Refuse an option that would be ignored."""
        for name in self.options:
            if name not in known:
                allowed = f"it takes {', '.join(known)}" if known else "it takes no options"
                raise UserError(f"{self.text} has the option {name!r}, which is not known there; {allowed}.")

    def size(self, default: tuple[int, int] | None = None) -> tuple[int, int] | None:
        """The option `size=WxH` as (width, height)."""
        if (text := self.options.get("size")) is None:
            return default
        match = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", text)
        if not match or 0 in (sides := (int(match[1]), int(match[2]))):
            raise UserError(
                f"{self.text}: a size is written WIDTHxHEIGHT like 640x360, but {text!r} came; correct it."
            )
        return sides

    def number(self, name: str, default: Fraction) -> Fraction:
        """The option `name` as a positive number, exactly; 30000/1001 may be written so."""
        text = self.options.get(name)
        try:
            value = default if text is None else Fraction(text)
        except (ValueError, ZeroDivisionError):
            value = Fraction(0)
        if value <= 0:
            raise UserError(f"{self.text}: {name} is a number above 0, but {text!r} came; correct it.")
        return value

    def flag(self, name: str, default: bool) -> bool:
        """The option `name` as yes or no, written 1 or 0."""
        text = self.options.get(name, "1" if default else "0")
        if text not in ("0", "1"):
            raise UserError(f"{self.text}: {name} is 0 or 1, but {text!r} came; correct it.")
        return text == "1"


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
    audio_from: str | None = None  # the file whose sound goes along
    made_by: Callable[[], Provenance | None] = lambda: None  # what is written now says of itself
    along: Feed | None = None  # where it comes from when that can be read only once
    controls: Controls | None = None  # for pages
    on_key: Callable[[str], None] | None = None  # for windows: told of every key
    # For pages: a picture's name and content in, the name of its style out.
    on_painting: Callable[[str, bytes], str] | None = None

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


def parse_address(text: str, schemes: Collection[str], what: str) -> Address:
    """Split a name by the schemes that exist; `what` (source, sink) is for the message.

    A scheme with nothing behind it may go without its colon: `web`.  A query belongs to us only in schemes of our
    own; in an address with :// it is the server's.
    """
    if re.fullmatch(r"\d{1,3}", text) and "camera" in schemes:
        return Address(text, "camera", text)
    if text == "-" or text.startswith("-?"):
        return Address(text, "-", "", _query(text, text[2:]))
    if text in schemes and text != PATH:
        text = f"{text}:"
    match = SCHEME.fullmatch(text)
    if match and match[1] in schemes:
        rest, _, query = match[2].partition("?")
        if rest.startswith("//"):
            return Address(text, match[1], match[2])
        return Address(text, match[1], rest, _query(text, query))
    if match and match[2].startswith("//"):
        raise UserError(
            f"{text} is not a {what} known here; expected a path or one of: {', '.join(sorted(schemes))}."
        )
    return Address(text, PATH, text)


def _query(text: str, query: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
    except ValueError:
        raise UserError(f"{text}: options are written ?key=value&key=value; correct {query!r}.") from None
