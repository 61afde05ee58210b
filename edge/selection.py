"""From what is written after --style and --model to a network file and its style vector.

A style vector has one share per style of the network, each >= 0, their sum at most 1; what is missing to 1
leaves the frame as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from keras_vst import zoo
from keras_vst.errors import UserError
from keras_vst.zoo import Network

Shares = dict[str, float]


def parse_shares(text: str) -> Shares:
    """`a`, `a:0.7` or `a:0.5,b:0.3` as {name: share}; those without a share divide what is left."""
    given: dict[str, float | None] = {}
    for part in text.split(","):
        name, colon, share = part.strip().partition(":")
        if not name or name in given:
            raise UserError(
                f"--style {text} names {'a style twice' if name else 'no style'}; write name:share,..."
            )
        given[name] = _share(share, text) if colon else None
    total = sum(share for share in given.values() if share is not None)
    if total > 1 + 1e-6:
        raise UserError(f"the shares in --style {text} add up to {total:g}; they may add up to 1 at most.")
    open_names = [name for name, share in given.items() if share is None]
    rest = max(0.0, 1 - total) / max(1, len(open_names))
    return {name: rest if share is None else share for name, share in given.items()}


def select_network(shares: Shares | None, model: Path | None, quality: str = "live") -> Network:
    """The file given as --model, or the bundled network of that quality that has the wanted styles."""
    if model is not None:
        return zoo.network_file(model)
    styles = zoo.styles(quality=quality)
    if quality == "film" and not styles:
        raise UserError(
            "there is no network of film quality in the zoo yet: train one with `python -m training.fit --recipe "
            "film`, export it with `python -m export` and name it with --model; or use --quality live, with --native."
        )
    if shares is None:
        known = ", ".join(style.name for style in styles)
        raise UserError(f"which style? Add --style with one of: {known or 'none is installed, use --model'}.")
    wanted = {zoo.find_style(name, quality=quality).network for name in shares}
    if len(wanted) > 1:
        raise UserError(
            f"{', '.join(shares)} belong to different networks ({', '.join(sorted(wanted))}); "
            "only styles of one network can be mixed."
        )
    return zoo.find_network(wanted.pop())


def style_names(names: Sequence[str], num_styles: int) -> list[str]:
    """What the styles of a network are called; those without names take their numbers, from 0."""
    if names and len(names) != num_styles:
        raise UserError(
            f"the card names {len(names)} styles, but the network has {num_styles}; export the network again."
        )
    return list(names) or [str(index) for index in range(num_styles)]


def style_vector(shares: Shares | None, names: Sequence[str], num_styles: int) -> npt.NDArray[np.float32]:
    """The shares in the order of the network's styles; without shares all of the first."""
    known = style_names(names, num_styles)
    vector = np.zeros(num_styles, np.float32)
    for name, share in (shares or {known[0]: 1.0}).items():
        if name not in known:
            raise UserError(zoo.unknown_style(name, known))
        vector[known.index(name)] = share
    return vector


def _share(text: str, whole: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise UserError(f"--style {whole}: a share is a number from 0 to 1, but {text!r} came.")
    return share
