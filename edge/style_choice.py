"""From what is written after --style, --model and --quality to a painter with its network open."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

from edge.options import AUTO
from edge.painter import FilmPainter, Look, Painter, Parts
from keras_vst import zoo
from keras_vst.errors import UserError, tell
from keras_vst.networks import Network, open_network
from keras_vst.video import Provenance
from keras_vst.zoo import Style

ROUNDING = 1e-3  # of shares that add up to 1
TOLD = ("title", "artist", "year")  # of a card; a look has no artist


def open_painter(options: argparse.Namespace) -> Painter:
    """Open what the options name; wrong names and files are a UserError."""
    parts = in_size(chosen_parts(options), options)
    style = parts[0][0]
    if getattr(options, "react", None) or getattr(options, "react_from", None):
        from edge.reaction import check

        check(options, parts)
    if len(parts) > 1 or style.content is not None:
        from keras_vst.networks.mixing import open_mix

        network: Network = open_mix(parts, runtime=options.runtime, threads=options.threads)
    else:
        how = {"runtime": options.runtime, "threads": options.threads, "sha256": style.sha256}
        network = open_network(style.path, **how)
    settings = painter_settings(network, style, options)
    look = Look(strength=options.strength, keep_color=options.keep_color, detail=options.detail)
    if options.quality == "film":
        painter: Painter = FilmPainter(network, look=look, noise=getattr(options, "noise", None), **settings)
    else:
        painter = Painter(network, look=look, **settings)
    painter.parts = parts
    return painter


def provenance(options: argparse.Namespace, parts: Parts) -> Provenance | None:
    """What a file says of itself that is painted with these parts; None with --no-metadata.

    Shares that add up to more than 1 are those of styles that followed each other.
    """
    if options.no_metadata:
        return None
    parts = [(style, share) for style, share in parts if share > 0]
    told = (", ".join(str(style.card[key]) for key in TOLD if style.card.get(key)) for style, _ in parts)
    if len(parts) == 1 or sum(share for _, share in parts) > 1 + ROUNDING:
        called = ", ".join(style.name for style, _ in parts)
    else:
        from keras_vst.networks.mixing import told as named

        called = named(parts)
    return Provenance(called, "; ".join(filter(None, told)))


def painter_settings(network: Network, style: Style, options: argparse.Namespace) -> dict[str, Any]:
    """What any Painter of this network takes beside it, once it is known that the options suit the network."""
    quality = "film" if network.map_channels else "live"
    if (quality, options.quality) == ("film", "live"):
        raise UserError(f"{network.path} is of film quality; use it with `vst stylize --quality film`.")
    if quality != options.quality:
        raise UserError(
            f"{network.path} is a live network, which knows nothing of optical flow; leave --quality film out, or "
            "name one that was trained with `--recipe film`."
        )
    if getattr(options, "noise", None) is not None and "noise" not in network.map_channels:
        raise UserError(
            f"{network.path} takes no noise; leave --noise out, or train one with `--recipe film` and "
            "teacher.noise_channels=2."
        )
    margin = style.margin if network.margin is None else network.margin
    name = style.name if network.path == style.path else str(network.path)  # a mix is called by its shares
    shown = {"native": options.native, "grain": getattr(options, "grain", 0.0)}
    return {"name": name, "size": options.size, "margin": margin, **shown}


def first_style(options: argparse.Namespace) -> str | None:
    """What --style is when none was given, nor --model: the first painting of those that most others mix with."""
    given = options.style, options.model, getattr(options, "painting", None)
    if any(each is not None for each in given):
        return options.style
    styles = zoo.styles(quality=options.quality)
    alike = Counter(style.architecture for style in styles)
    rank = {style.name: (alike[style.architecture], "look" not in style.card) for style in styles}
    return max(rank, key=lambda name: rank[name]) if rank else None


def in_size(parts: Parts, options: argparse.Namespace) -> Parts:
    """The same styles by their networks of the size that --size-class names; `auto` becomes what keeps up here."""
    styles = [style for style, _ in parts]
    if options.model is not None or options.quality == "film" or any(style.content for style in styles):
        if options.size_class not in (zoo.OWN_SIZE, AUTO):
            raise UserError(
                f"--size-class {options.size_class} chooses among a live style's networks, which are named with "
                "--style; leave it out."
            )
        options.size_class = zoo.OWN_SIZE
    if options.size_class == AUTO:
        from edge.keeping_up import choose  # rarely needed

        options.size_class = choose(styles, options)
    return list(zip(by_size(styles, options.size_class), (share for _, share in parts), strict=True))


def by_size(styles: list[Style], size_class: str) -> list[Style]:
    """Each style by its network of that size."""
    return [zoo.of_size(style, size_class) for style in styles]


def chosen_parts(options: argparse.Namespace) -> Parts:
    """What --style, --model or --painting names; that a painting's style is a preview is told."""
    painting: Path | None = getattr(options, "painting", None)
    if painting is None:
        return select_parts(options.style, options.model, options.quality)
    if options.style is not None or options.model is not None or options.quality != "live":
        raise UserError(
            "--painting makes a style of its own, of live quality; leave --style, --model and --quality out."
        )
    from edge.learning import learned_as
    from keras_vst.preview import preview, read_painting, style_name

    pixels = read_painting(painting)
    if known := learned_as(pixels):
        tell(f"vst: {painting} was learned as {known}; painting with that")
        return [(zoo.find_style(known), 1.0)]
    style = preview(pixels, free_name(style_name(painting)))
    told = ", ".join(f"{name} {share:.0%}" for name, share in style.card["mix"].items())
    tell(f"vst: a preview of {painting}: {told}, in its colours; `vst learn {painting}` learns it properly")
    return [(style, 1.0)]


def free_name(name: str, *taken: str) -> str:
    """The name, or the next that no style has yet."""
    known = {*taken, *(style.name for style in zoo.styles())}
    return next(
        each for each in (name, *(f"{name}-{number}" for number in range(2, 10**6))) if each not in known
    )


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
            others = ", ".join(each.name for each in zoo.styles(quality=quality))
            raise UserError(
                f"{style.name} is of {style.quality} quality; use it with --quality {style.quality}, or choose one "
                f"of: {others}."
            )
    return parts


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


def _share(text: str, whole: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise UserError(f"--style {whole}: a share is a number from 0 to 1, but {text!r} came.")
    return share
