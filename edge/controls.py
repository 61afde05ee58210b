"""What can be changed while a network paints, from any thread: keys in a window and a web page drive this one object.

Styles are mixed by shares of their weights; a change of them is a way through such mixes, by the frames' own clock.
Styles whose weights do not fit each other follow each other at once.  Everything else holds from the next frame on.
Sliders go from 0 to 100 per cent.  What is sent are JSON objects, checked as a whole before any of it is done:

{"style": "scream"}  {"mix": {"scream": 0.5, "wave": 0.3}}  {"step": 1}  {"second": "wave", "blend": 30}
{"strength": 80}  {"detail": 20}  {"keep_color": true}  {"split": true}  {"freeze": true}  {"hud": true}
{"record": true}  {"snapshot": true}  {"quit": true}; several keys may come in one message.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from edge.painter import Look

FADE = 0.5  # seconds from one style to the next
STEP = 10  # per cent, of one press of a key
SWITCHES = ("keep_color", "split", "freeze", "hud", "record")
RANGES = {
    **dict.fromkeys(("strength", "detail", "blend"), (0, 100)),
    **dict.fromkeys(("more_strength", "more_detail", "more_blend"), (-100, 100)),
    "step": (-1, 1),
}
KNOWN = ("style", "second", "mix", "step", "strength", "detail", "blend", *SWITCHES, "snapshot", "quit")
Shares = tuple[float, ...]

KEYS = {  # key -> (what it does, for --help; the message it sends)
    "n": ("next style", {"step": 1}),
    "p": ("previous style", {"step": -1}),
    "]": ("blend 10 % more of the next style in", {"more_blend": STEP}),
    "[": ("10 % less of it", {"more_blend": -STEP}),
    "+": ("10 % stronger", {"more_strength": STEP}),
    "-": ("10 % weaker", {"more_strength": -STEP}),
    "c": ("keep the original colours, or not", {"toggle": "keep_color"}),
    ".": ("10 % more of the original's fine detail", {"more_detail": STEP}),
    ",": ("10 % less of it", {"more_detail": -STEP}),
    "s": ("split screen: the left half as it was", {"toggle": "split"}),
    "space": ("freeze, or go on", {"toggle": "freeze"}),
    "h": ("figures over the picture", {"toggle": "hud"}),
    "i": ("take a snapshot", {"snapshot": True}),
    "r": ("record into a file, or stop", {"toggle": "record"}),
    "q": ("quit (Escape too)", {"quit": True}),
}
ALIASES = {"right": "n", "left": "p", "up": "+", "down": "-", "=": "+", "escape": "q"}


class MessageError(ValueError):
    """A message that is not understood; the text says what was expected."""


class Controls:
    """The wishes of whoever watches, thread-safe."""

    def __init__(
        self,
        names: Sequence[str],
        shares: Sequence[float],
        *,
        mixable: Callable[[Sequence[int]], str | None] = lambda indices: None,
        **settings: Any,
    ) -> None:
        """`shares` is the mix to begin with; `settings` are those of a message, such as strength=80.

        `mixable` says of numbers of styles why they cannot be mixed, or None.
        """
        self.names = tuple(names)
        self._mixable = mixable
        self._lock = threading.RLock()
        self._mix: Shares | None = tuple(float(share) / sum(shares) for share in shares)
        self._first = max(range(len(self._mix)), key=self._mix.__getitem__)
        self._second, self._blend = self._first, 0
        self._settings: dict[str, Any] = {"strength": 100, "detail": 0, **dict.fromkeys(SWITCHES, False)}
        self._snapshots, self._quit = 0, False
        self._figures: dict[str, Any] = {}
        self._fade: tuple[Shares, float] | None = None  # from which shares, since when
        self._shown, self._shown_at = self._mix, 0.0
        self._carry_out(read_message(dict(settings), self.names))

    def look(self, time: float) -> Look:
        """How to paint the frame of this time; times are in seconds and do not go back."""
        with self._lock:
            self._shown, self._shown_at = self._faded(time), time
            settings = {**self._settings}
            strength, detail = settings.pop("strength") / 100, settings.pop("detail") / 100
            return Look(self._shown, strength, detail=detail, **settings)

    def apply(self, message: dict[str, Any]) -> dict[str, Any]:
        """Carry out a message, all of it or, when something in it is wrong, nothing; answers with the status."""
        with self._lock:
            try:
                self._carry_out(read_message(message, self.names))
            except MessageError as error:
                return {"ok": False, "error": str(error)}
            return {"ok": True, **self.status()}

    @property
    def wished(self) -> tuple[Shares, int | None]:
        """The shares of `names` that are wished for, and the style that the first is blended with, if any."""
        with self._lock:
            return self._target(), None if self._second == self._first else self._second

    def add(self, name: str) -> None:
        """One more style, which whoever paints has already; the picture goes over to it."""
        with self._lock:
            self.names += (name,)
            self._shown += (0.0,)
            self._mix = None if self._mix is None else (*self._mix, 0.0)
            self._fade = self._fade and ((*self._fade[0], 0.0), self._fade[1])
            self.apply({"style": name})

    def press(self, key: str) -> bool:
        """Carry out what a key stands for; False for keys that stand for nothing."""
        entry = KEYS.get(ALIASES.get(key, key))
        return entry is not None and self.apply(entry[1])["ok"]

    def status(self) -> dict[str, Any]:
        """How things stand, ready for JSON."""
        with self._lock:
            return {
                "styles": list(self.names),
                "shares": [round(share, 4) for share in self._target()],
                "style": self.names[self._first],
                "second": self.names[self._second],
                "blend": self._blend,
                **self._settings,
                "quit": self._quit,
                "figures": self._figures,
            }

    def report(self, figures: dict[str, Any]) -> None:
        """Tell how it goes (frames per second and so on), for whoever asks for the status."""
        with self._lock:
            self._figures = figures

    def take_snapshot(self) -> bool:
        """Whether one was asked for since the last call."""
        with self._lock:
            wanted, self._snapshots = self._snapshots > 0, 0
            return wanted

    @property
    def quitting(self) -> bool:
        """Whether it is time to end."""
        return self._quit

    def _carry_out(self, message: dict[str, Any]) -> None:
        before, chosen = self._target(), (self._mix, self._first, self._second, self._blend)
        self._choose_style(message)
        if reason := self._mixable(_used(self._target())):
            self._mix, self._first, self._second, self._blend = chosen
            raise MessageError(reason)
        for key, value in message.items():
            if key in self._settings:
                self._settings[key] = value
            elif key == "toggle":
                self._settings[value] = not self._settings[value]
            elif key in ("more_strength", "more_detail"):
                name = key.removeprefix("more_")
                self._settings[name] = min(100, max(0, self._settings[name] + value))
        self._snapshots += bool(message.get("snapshot"))
        self._quit = self._quit or bool(message.get("quit"))
        if self._target() != before:
            both = _used(tuple(map(max, self._shown, self._target())))
            self._fade = None if self._mixable(both) else (self._shown, self._shown_at)

    def _choose_style(self, message: dict[str, Any]) -> None:
        count = len(self.names)
        if "mix" in message:
            self._mix, self._blend = message["mix"], 0
            self._first = self._second = max(range(count), key=message["mix"].__getitem__)
        if "style" in message or "step" in message:
            self._first = message.get("style", (self._first + message.get("step", 0)) % count)
            self._second, self._blend, self._mix = self._first, 0, None
        if "second" in message:
            self._second, self._mix = message["second"], None
        if "blend" in message or "more_blend" in message:
            if self._second == self._first:
                others = [(self._first + step) % count for step in range(1, count)]
                fitting = (other for other in others if not self._mixable([self._first, other]))
                self._second = next(fitting, self._first)
            wanted = message.get("blend", self._blend + message.get("more_blend", 0))
            self._blend, self._mix = min(100, max(0, wanted)), None

    def _target(self) -> Shares:
        if self._mix is not None:
            return self._mix
        shares = [0.0] * len(self.names)
        shares[self._first] += 1 - self._blend / 100
        shares[self._second] += self._blend / 100
        return tuple(shares)

    def _faded(self, time: float) -> Shares:
        target = self._target()
        if self._fade is None:
            return target
        start, since = self._fade
        done = (time - since) / FADE
        if not 0 <= done < 1:  # over, or a source that began anew
            self._fade = None
            return target
        return tuple((1 - done) * old + done * new for old, new in zip(start, target, strict=True))


def read_message(message: Any, names: Sequence[str]) -> dict[str, Any]:
    """The message with styles as numbers and a mix as shares of all styles, their sum 1, or a MessageError."""
    if not isinstance(message, Mapping):
        raise MessageError(f"a message is an object such as {{'strength': 80}}, but {message!r} came")
    return {key: _read(key, value, names) for key, value in message.items()}


def _read(key: Any, value: Any, names: Sequence[str]) -> Any:
    if key in RANGES:
        least, most = RANGES[key]
        if not _is_number(value, least, most):
            raise MessageError(f"{key} is a number from {least} to {most}, but {value!r} came")
        return round(value) if key == "step" else value
    if key in (*SWITCHES, "snapshot", "quit"):
        if not isinstance(value, bool):
            raise MessageError(f"{key} is true or false, but {value!r} came")
        return value
    if key == "toggle":
        if value not in SWITCHES:
            raise MessageError(f"{value!r} cannot be toggled; expected one of: {', '.join(SWITCHES)}")
        return value
    if key in ("style", "second"):
        return _index(value, names)
    if key == "mix":
        return _mix(value, names)
    raise MessageError(f"{key!r} is not known; expected one of: {', '.join(KNOWN)}")


def _is_number(value: Any, least: float, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most


def _index(value: Any, names: Sequence[str]) -> int:
    if not isinstance(value, str) or value not in names:
        raise MessageError(f"there is no style {value!r}; known: {', '.join(names)}")
    return names.index(value)


def _mix(value: Any, names: Sequence[str]) -> Shares:
    if not isinstance(value, Mapping) or not value:
        raise MessageError(f"mix is an object of styles and shares, but {value!r} came")
    shares = [0.0] * len(names)
    for name, share in value.items():
        if not _is_number(share, 0, 1):
            raise MessageError(f"the share of {name} is a number from 0 to 1, but {share!r} came")
        shares[_index(name, names)] = float(share)
    if not (total := sum(shares)):
        raise MessageError("the shares of a mix are all 0; give one of them more")
    return tuple(share / total for share in shares)


def _used(shares: Shares) -> list[int]:
    return [index for index, share in enumerate(shares) if share > 0]
