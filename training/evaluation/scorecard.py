"""The score-card: every network beside its controls and the peer, on the same photos and clips, with its bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import cv2
import numpy as np

from keras_vst import flow, metrics
from keras_vst.frames import Pixels, to_float, to_uint8
from keras_vst.zoo import DEFAULT_MARGIN
from training.evaluation import frame_times
from training.evaluation.frame_times import NUM_STYLES, Peer, PeerPainter
from training.evaluation.material import Clip, Material, Sizes, fitted
from training.evaluation.measures import MEASURES, Bar, Row, Tick, bars_of, measure, num_looks, of_precision
from training.evaluation.subjects import (
    Blurred,
    Live,
    Painter,
    Painting,
    Subject,
    TwoColoured,
    open_file,
    open_painter,
)

NETWORK = "network"
BLURRED = "blurred"
TWO_COLOURED = "two-coloured photo"
LEFT_ALONE = "frame left alone"
PEER_STYLES = "peer, its nearest of 26"
PEER_PICTURE = "peer, this painting"

NUM_PHOTOS = 3
TILE_HEIGHT = 256
WINDOW = (128, 192)  # (height, width) of the middle of a frame, enlarged
ENLARGED = 3
CHANGE = 4  # times; a flicker of one level is not seen, and adds up
FIRST_SHOWN = 2  # frame; a film network has seen its own by then

LEAST_DECIBELS, MOST_FLICKER = 44.0, 1.03  # of an int8 file against the fp32 one, over a clip
CHOOSING = 256  # pixels of the picture on which the peer's nearest style is chosen


@dataclass
class Card:
    """What was found of one network: one style, one painting."""

    name: str
    file: str
    bytes: int | None
    rows: dict[str, Row]  # the network's own, its controls' and the peer's
    milliseconds: dict[str, float] = field(default_factory=dict)
    rounded: dict[str, float] = field(default_factory=dict)  # decibels, flicker_ratio, bytes of its int8 file
    tiles: list[Pixels] = field(default_factory=list)  # the first photos as painted, all of one height
    strip: Pixels | None = None  # three frames in a row, enlarged

    def bars(self) -> list[Bar]:
        """Every bar that could be measured."""
        found = bars_of(self.rows[NETWORK])
        if self.rounded:
            decibels, flicker = self.rounded["decibels"], self.rounded["flicker_ratio"]
            told = "int8 over a clip, dB", "int8 over a clip, flicker over that of fp32"
            found.append(Bar(told[0], decibels, f">= {LEAST_DECIBELS:g}", decibels >= LEAST_DECIBELS))
            found.append(Bar(told[1], flicker, f"<= {MOST_FLICKER:g}", flicker <= MOST_FLICKER))
        return found

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "name": self.name,
            "file": self.file,
            "bytes": self.bytes,
            "milliseconds": _short(self.milliseconds, 2),
            "int8": _short(self.rounded, 4),
            "rows": {row: _short(values, 5) for row, values in self.rows.items()},
            "bars": [bar.to_dict() for bar in self.bars()],
        }


def medians(cards: Sequence[Card]) -> Row:
    """Over the networks, of their own rows."""
    own = [card.rows[NETWORK] for card in cards]
    values = {key: [row[key] for row in own if key in row] for key in MEASURES}
    return {key: float(np.median(found)) for key, found in values.items() if found}


@dataclass
class Evaluation:
    """What all networks of one score-card have in common."""

    material: Material
    features: metrics.Features
    sizes: Sizes
    threads: int = 2
    peer: Peer | None = None
    controls: bool = True  # whether each network stands beside its controls
    tick: Tick = lambda _: None

    def units(self, painting: Painting | None) -> int:
        """How often `tick` is called for a network."""
        rows = 1 + (2 + (painting is not None)) * self.controls
        rows += (1 + (painting is not None)) * (self.peer is not None)
        return rows * num_looks(self.material)

    def score(self, subject: Subject, painting: Painting | None, times: dict[str, float]) -> Card:
        """One network, beside its controls."""
        own = open_painter(subject, self.threads)
        painters = {NETWORK: own, **self._beside(own, painting)}
        target = None if painting is None else painting.pixels
        return Card(
            subject.name,
            str(subject.path),
            subject.path.stat().st_size if subject.path.is_file() else None,
            measure(
                painters,
                self.material,
                target,
                self.features,
                lambda row: self.tick(f"{subject.name}: {row}"),
            ),
            times,
            self._rounded(subject, own),
            [tile(own(photo)) for photo in self.material.photos[:NUM_PHOTOS]],
            strip(own, self.material.motions),
        )

    def times(self, subjects: list[Subject]) -> dict[str, dict[str, float]]:
        """Milliseconds a frame of each file, and of the peer, by turns, each in a process of its own."""
        height, width = (side + 2 * DEFAULT_MARGIN for side in self.sizes.video)
        files = [path for each in subjects for path in (each.path, each.rounded) if path and path.is_file()]
        timers: dict[str, frame_times.Timer] = {
            str(path): partial(frame_times.milliseconds, path, (height, width), self.threads)
            for path in files
        }
        if self.peer is not None and timers:
            timers[PEER_STYLES] = partial(self.peer.milliseconds, self.sizes.video, 0)
        found = frame_times.by_turns(timers)
        shown: dict[str, dict[str, float]] = {}
        for each in subjects:
            named = {NETWORK: str(each.path), "int8": str(each.rounded), PEER_STYLES: PEER_STYLES}
            shown[str(each.path)] = {name: found[key] for name, key in named.items() if key in found}
        return shown

    def _beside(self, own: Painter, painting: Painting | None) -> dict[str, Painter]:
        """The other rows of the card."""
        rows: dict[str, Painter] = {}
        if self.controls:
            rows |= {BLURRED: Blurred(own), LEFT_ALONE: Live(lambda frame: frame, 0)}
            if painting is not None:
                rows[TWO_COLOURED] = TwoColoured(painting.pixels)
        if self.peer is not None:
            rows[PEER_STYLES] = PeerPainter(self.peer, self._nearest(painting))
            if painting is not None:
                rows[PEER_PICTURE] = PeerPainter(self.peer, str(painting.path))
        return rows

    def _nearest(self, painting: Painting | None) -> int:
        """Of the peer's own styles the one that comes nearest to the painting."""
        if painting is None:
            return 0
        target = self._texture(painting.pixels)
        return int(np.argmin([each.style_error(target) for each in self._peer_textures]))

    @cached_property
    def _peer_textures(self) -> list[metrics.Texture]:
        """Of the first photo in each of the peer's own styles."""
        assert self.peer is not None
        photo = fitted(self.material.photos[0], CHOOSING)
        return [self._texture(PeerPainter(self.peer, style)(photo)) for style in range(NUM_STYLES)]

    def _texture(self, picture: Pixels) -> metrics.Texture:
        return metrics.Texture(self.features(to_float(picture)[None]))

    def _rounded(self, subject: Subject, own: Painter) -> dict[str, float]:
        """The int8 file against this one."""
        if subject.rounded is None or self.material.long is None:
            return {}
        other = open_file(subject.rounded, self.threads, subject.margin)
        found = of_precision(own, other, self.material.long)
        return {**found, "bytes": subject.rounded.stat().st_size}


def tile(picture: Pixels) -> Pixels:
    """The picture at the height that all have on a sheet."""
    width = round(picture.shape[1] * TILE_HEIGHT / picture.shape[0])
    return np.asarray(cv2.resize(picture, (width, TILE_HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)


def strip(painter: Painter, clips: Sequence[Clip]) -> Pixels:
    """Three frames in a row of the clip that moves most; as painted; and what changed but for the motion."""
    clip = max(clips, key=lambda clip: float(np.abs(clip.flow(1, 0)[0]).mean()))
    last = min(FIRST_SHOWN + 3, len(clip.frames))
    painted = painter.clip(replace(clip, frames=clip.frames[:last]))
    shown = range(last - 3, last)
    rows = [
        [clip.frames[time] for time in shown],
        [painted[time] for time in shown],
        [_change(painted[time], painted[time - 1], *clip.flow(time, time - 1)) for time in shown],
    ]
    return np.concatenate([np.concatenate([_enlarged(each) for each in row], axis=1) for row in rows])


def _short(values: Mapping[str, float], digits: int) -> Row:
    return {name: round(value, digits) for name, value in values.items()}


def _change(now: Pixels, before: Pixels, motion: np.ndarray, visible: np.ndarray) -> Pixels:
    moved = flow.warp(to_float(before), np.ascontiguousarray(motion, np.float32))
    return to_uint8(np.minimum(np.abs(to_float(now) - moved) * visible * CHANGE, 1))


def _enlarged(frame: Pixels) -> Pixels:
    height, width = (min(side, whole) for side, whole in zip(WINDOW, frame.shape[:2], strict=True))
    top, left = (frame.shape[0] - height) // 2, (frame.shape[1] - width) // 2
    window = frame[top : top + height, left : left + width]
    size = width * ENLARGED, height * ENLARGED
    return np.asarray(cv2.resize(window, size, interpolation=cv2.INTER_NEAREST), np.uint8)
