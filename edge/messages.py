"""What may be said to a running `vst live`: JSON objects, checked as a whole before anything of them is done.

{"style": "scream"}  {"mix": {"scream": 0.5, "wave": 0.3}}  {"step": 1}  {"second": "wave", "blend": 30}
{"strength": 80}  {"detail": 20}  {"keep_color": true}  {"split": true}  {"freeze": true}  {"hud": true}
{"record": true}  {"snapshot": true}  {"quit": true}; several keys may come in one message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

PERCENTAGES = ("strength", "detail", "blend")
CHANGES = ("more_strength", "more_detail", "more_blend")
SWITCHES = ("keep_color", "split", "freeze", "hud", "record")
ORDERS = ("snapshot", "quit")


class MessageError(ValueError):
    """A message that is not understood; the text says what was expected."""


def read_message(message: Any, names: Sequence[str]) -> dict[str, Any]:
    """The message with styles as numbers and a mix as shares of all styles, their sum 1, or a MessageError."""
    if not isinstance(message, Mapping):
        raise MessageError(f"a message is an object such as {{'strength': 80}}, but {message!r} came")
    return {key: _read(key, value, names) for key, value in message.items()}


def _read(key: Any, value: Any, names: Sequence[str]) -> Any:
    if key in PERCENTAGES:
        return _number(key, value, 0, 100)
    if key in CHANGES:
        return _number(key, value, -100, 100)
    if key == "step":
        return round(_number(key, value, -1, 1))
    if key in SWITCHES or key in ORDERS:
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
    known = ("style", "second", "mix", "step", *PERCENTAGES, *SWITCHES, *ORDERS)
    raise MessageError(f"{key!r} is not known; expected one of: {', '.join(known)}")


def _number(key: str, value: Any, least: int, most: int) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise MessageError(f"{key} is a number from {least} to {most}, but {value!r} came")
    return value


def _index(value: Any, names: Sequence[str]) -> int:
    if not isinstance(value, str) or value not in names:
        raise MessageError(f"there is no style {value!r}; known: {', '.join(names)}")
    return names.index(value)


def _mix(value: Any, names: Sequence[str]) -> tuple[float, ...]:
    if not isinstance(value, Mapping) or not value:
        raise MessageError(f"mix is an object of styles and shares, but {value!r} came")
    vector = [0.0] * len(names)
    for name, share in value.items():
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
            raise MessageError(f"the share of {name} is a number from 0 to 1, but {share!r} came")
        vector[_index(name, names)] = float(share)
    if not (total := sum(vector)):
        raise MessageError("the shares of a mix are all 0; give one of them more")
    return tuple(share / total for share in vector)
