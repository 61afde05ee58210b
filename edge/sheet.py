"""A contact sheet: one picture (H, W, 3) uint8 RGB in every style there is, each with its name below."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import ceil, sqrt
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.stylizer import Stylizer
from keras_vst import zoo
from keras_vst.errors import UserError
from keras_vst.frames import Pixels
from keras_vst.networks import open_network
from keras_vst.video import TimedFrame, open_sink, open_source

TILE = 480  # pixels along the longer side of each picture
GAP, LABEL = 12, 30  # pixels between tiles, and for the name below each
FONT = cv2.FONT_HERSHEY_SIMPLEX


def write_sheet(photo: Path, target: Path, threads: int | None = None) -> int:
    """Paint the photo in all live styles; returns how many there are."""
    with open_source(photo) as source:
        info, first = source.info, next(iter(source))
    small = _shrunk(first.pixels)
    tiles = [("as it was", small), *_painted(small, threads)]
    if len(tiles) == 1:
        raise UserError("no styles are installed; put a network into the zoo, or use `vst stylize --model`.")
    sheet = arrange(tiles)
    # One picture whatever came in; the output may not be the input.
    picture = replace(info, width=sheet.shape[1], height=sheet.shape[0], is_image=True, has_audio=False)
    with open_sink(target, picture) as sink:
        sink.write(TimedFrame(sheet, first.time))
    return len(tiles) - 1


def arrange(tiles: list[tuple[str, Pixels]], columns: int = 0) -> Pixels:
    """Pictures of one size, in rows on white, each with its name below; by default as many rows as columns."""
    height, width = tiles[0][1].shape[:2]
    columns = columns or ceil(sqrt(len(tiles)))
    rows = ceil(len(tiles) / columns)
    cell = height + LABEL + GAP, width + GAP
    sheet = np.full((rows * cell[0] + GAP, columns * cell[1] + GAP, 3), 255, np.uint8)
    for index, (name, picture) in enumerate(tiles):
        top = GAP + index // columns * cell[0]
        left = GAP + index % columns * cell[1]
        sheet[top : top + height, left : left + width] = picture
        _write(sheet[top + height : top + height + LABEL, left : left + width], name)
    return sheet


def _painted(picture: Pixels, threads: int | None) -> Iterator[tuple[str, Pixels]]:
    for style in zoo.styles(quality="live"):
        network = open_network(style.path, threads=threads, sha256=style.sha256)
        yield style.name, Stylizer(network, margin=style.margin, native=True).stylize(picture)


def _shrunk(picture: Pixels) -> Pixels:
    height, width = picture.shape[:2]
    scale = min(1.0, TILE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _write(place: Any, name: str) -> None:
    """A name into the strip below a picture, as large as fits."""
    (wide, _), _ = cv2.getTextSize(name, FONT, 1.0, 1)
    scale = min(0.6, 0.95 * place.shape[1] / wide)
    strip = np.ascontiguousarray(place)
    cv2.putText(strip, name, (0, LABEL - 8), FONT, scale, (0, 0, 0), 1, cv2.LINE_AA)
    place[:] = strip
