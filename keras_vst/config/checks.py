"""How a setting is refused: what came, what was expected, what to do."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from keras_vst.errors import UserError


def at_least(least: int, **values: float) -> None:
    """Each value is a number, not infinite, not below `least`."""
    for name, value in values.items():
        if not least <= value < math.inf:  # written so that a nan is refused too
            raise UserError(f"`{name}` must be a number, at least {least}. Received: {value}.")


def share(**values: float) -> None:
    """Each value is a part of the whole run: 0 is its start, 1 its end."""
    for name, value in values.items():
        if not 0 <= value <= 1:
            raise UserError(f"`{name}` is a share of the run, from 0 to 1. Received: {value}.")


def one_of(known: Iterable[Any], **values: Any) -> None:
    """Each value is among the known ones."""
    known = tuple(known)
    for name, value in values.items():
        if value not in known:
            raise UserError(f"`{name}` is one of {', '.join(map(str, known))}. Received: {value!r}.")


def filters(name: str, values: tuple[int, ...], count: int, sizes: str, example: str) -> None:
    """A number of filters, at least 1, for each of `count` sizes."""
    if len(values) != count or min(values) < 1:
        words = {3: "three", 4: "four"}
        raise UserError(
            f"{name} needs {words[count]} positive numbers, at {sizes} size. Received: {values}. "
            f"Use for example {example}."
        )
