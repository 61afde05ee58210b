"""The pictures of the score-card as files, for those who put them somewhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from keras_vst.frames import Pixels
from training.evaluation import pictures, plots
from training.evaluation.cards import Card


def files(cards: Sequence[Card], photos: Sequence[Pixels]) -> Iterator[tuple[str, bytes]]:
    """Name and content of each: a contact sheet and a strip for each network, and the plot."""
    for card in cards:
        name = re.sub(r"[^\w-]+", "-", card.name).strip("-") or "unnamed"
        yield f"{name}.jpg", pictures.jpeg(pictures.sheet(photos, [card.tiles]))
        if card.strip is not None:
            yield f"{name}_strip.jpg", pictures.jpeg(card.strip)
    plot = plots.texture_against_flicker(cards)
    if plot is not None:
        yield "texture_and_flicker.png", plot
