"""The pictures of the score-card as files, for those who put them somewhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from keras_vst.frames import Pixels
from training.evaluation import pictures, plots
from training.evaluation.cards import Card


def files(cards: Sequence[Card], photos: Sequence[Pixels]) -> Iterator[tuple[str, bytes]]:
    """Name and content of each: a contact sheet a network, a strip a style, and the plots."""
    for card in cards:
        name = _plain(card.name)
        sheet = pictures.sheet(photos, [style.tiles for style in card.styles])
        yield f"{name}.jpg", pictures.jpeg(sheet)
        for style in card.styles:
            if style.strip is not None:
                yield f"{name}_{_plain(style.name)}.jpg", pictures.jpeg(style.strip)
    for name, plot in (
        ("style_and_flicker.png", plots.style_against_flicker(cards)),
        ("style_and_time.png", plots.quality_against_time(cards)),
    ):
        if plot is not None:
            yield name, plot


def _plain(name: str) -> str:
    """What may be part of a file's name everywhere."""
    return re.sub(r"[^\w-]+", "-", name).strip("-") or "unnamed"
