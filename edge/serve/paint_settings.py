"""What somebody wants: a style or a mix, and how it is laid over the picture; from the parameters of a request.

style        scream, or a mix like great-wave:0.7,scream:0.3      strength, detail    0 to 1
size         what the network works at, 320x240                  keep_color, native  true or false
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from edge.options import fraction, size
from edge.painter import Look
from edge.serve.limits import Limits, Refusal
from edge.style_choice import parse_shares
from keras_vst.errors import UserError
from keras_vst.networks.base import Size
from keras_vst.networks.mixing import check_mixable
from keras_vst.zoo import Style, unknown_style

Parts = tuple[tuple[str, float], ...]  # name and share of each style
LONGEST = 500  # characters of a parameter


@dataclass(frozen=True)
class Settings:
    """One way to paint; equal ones can share a network."""

    parts: Parts
    size: Size | None = None
    native: bool = False
    look: Look = field(default_factory=Look)


def read_settings(
    styles: Mapping[str, Style], style: str, parameters: Mapping[str, Any], limits: Limits
) -> Settings:
    """`style` is what is painted where the parameters name none; a Refusal says what cannot be understood."""
    known = {"style", "size", "native", "strength", "keep_color", "detail"}
    unknown = sorted(set(parameters) - known)
    if unknown:
        raise Refusal(
            "invalid", f"there is no parameter {unknown[0][:60]!r}; known are {', '.join(sorted(known))}."
        )
    given = {name: _text(name, value) for name, value in parameters.items()}
    look = Look(
        strength=_read("strength", given, fraction, 1.0),
        keep_color=_read("keep_color", given, _flag, False),
        detail=_read("detail", given, fraction, 0.0),
    )
    parts = _parts(styles, given.get("style", style))
    works_at = _read("size", given, size, None)
    if works_at is not None:
        limits.check_picture(works_at)
        if min(works_at) <= (least := 2 * styles[parts[0][0]].margin):
            raise Refusal("invalid", f"size: more than {least} pixels along each side are needed.")
    return Settings(parts, works_at, _read("native", given, _flag, False), look)


def _parts(styles: Mapping[str, Style], text: str) -> Parts:
    try:
        shares = parse_shares(text)
    except UserError as error:
        raise Refusal("invalid", str(error).replace("--style", "style")) from error
    check_known(shares, styles)
    taken = tuple((name, share) for name, share in shares.items() if share > 0)
    try:
        check_mixable([styles[name] for name, _ in taken])
    except UserError as error:
        raise Refusal("invalid", str(error)) from error
    return taken


def check_known(names: Collection[str], styles: Mapping[str, Style]) -> None:
    """Refuse a name that is not served; names lead nowhere but into this table."""
    for name in names:
        if name not in styles:
            raise Refusal("unknown", unknown_style(name[:60], styles))


def _read(name: str, given: Mapping[str, str], convert: Callable[[str], Any], default: Any) -> Any:
    if name not in given:
        return default
    try:
        return convert(given[name])
    except argparse.ArgumentTypeError as error:
        raise Refusal("invalid", f"{name}: {error}.") from error


def _text(name: str, value: Any) -> str:
    """Values come as JSON, as text of an address or as a parameter of gRPC; all are read as text."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if not isinstance(value, str | bool | int | float) or len(text) > LONGEST:
        raise Refusal(
            "invalid", f"{name} is a word, a number or true or false, of at most {LONGEST} characters."
        )
    return text


def _flag(text: str) -> bool:
    if text not in ("true", "false", "1", "0"):
        raise argparse.ArgumentTypeError(f"true or false is needed, but {text[:60]!r} came")
    return text in ("true", "1")
