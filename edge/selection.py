"""From what is written after --style and --model to styles and their shares."""

from __future__ import annotations

from pathlib import Path

from keras_vst import zoo
from keras_vst.errors import UserError
from keras_vst.networks.mixing import check_mixable
from keras_vst.zoo import Style

Parts = list[tuple[Style, float]]


def parse_shares(text: str) -> dict[str, float]:
    """`a`, `a:0.7` or `a:0.5,b:0.3` as {name: share}; those without a share divide what is left to 1."""
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
    shares = {name: rest if share is None else share for name, share in given.items()}
    if not sum(shares.values()):
        raise UserError(f"the shares in --style {text} are all 0; give one of them more.")
    return shares


def select_parts(text: str | None, model: Path | None, quality: str = "live") -> Parts:
    """The file given as --model, or the styles of that quality that are named, and their shares; mixable."""
    if model is not None:
        if text is not None:
            raise UserError(
                "--style chooses from the zoo, whose mixes run in fp32, and --model names one file; leave one out."
            )
        return [(zoo.file_style(model), 1.0)]
    known = [style.name for style in zoo.styles(quality=quality)] if text is None or quality == "film" else []
    if quality == "film" and not known:
        raise UserError(
            "there is no network of film quality in the zoo yet: train one with `python -m training.fit --recipe "
            "film`, export it with `python -m export` and name it with --model; or use --quality live, with --native."
        )
    if text is None:
        named = ", ".join(known) or "none is installed, use --model"
        raise UserError(f"which style? Add --style with one of: {named}.")
    parts = [(zoo.find_style(name), share) for name, share in parse_shares(text).items()]
    for style, _ in parts:
        if style.quality != quality:
            raise UserError(
                f"{style.name} is of {style.quality} quality; use it with --quality {style.quality}, or choose one of: "
                f"{', '.join(each.name for each in zoo.styles(quality=quality))}."
            )
    check_mixable([style for style, _ in parts])
    return parts


def _share(text: str, whole: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise UserError(f"--style {whole}: a share is a number from 0 to 1, but {text!r} came.")
    return share
