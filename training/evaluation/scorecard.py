"""Runs the measures: every network beside its controls and the peer, on the same photos and clips."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from keras_vst import metrics
from keras_vst.frames import Pixels, to_float
from keras_vst.zoo import DEFAULT_MARGIN
from training.evaluation import pictures, speed
from training.evaluation.cards import (
    BLURRED,
    LEFT_ALONE,
    NETWORK,
    PEER_PICTURE,
    PEER_STYLES,
    TWO_COLOURED,
    Card,
)
from training.evaluation.collection import FRECHET, Collection
from training.evaluation.material import Material, Sizes, fitted
from training.evaluation.measures import Tick, measure, num_looks, of_precision
from training.evaluation.painters import Blurred, Identity, Painter, TwoColoured
from training.evaluation.peer import NUM_STYLES, Peer, PeerPainter
from training.evaluation.subjects import Painting, Subject, open_file, open_painter

CHOOSING = 256  # pixels of the picture on which the peer's nearest style is chosen


@dataclass
class Evaluation:
    """What all networks of one run have in common."""

    material: Material
    features: metrics.Features
    sizes: Sizes
    threads: int = 2
    peer: Peer | None = None
    controls: bool = True  # whether each network stands beside its controls
    collection: Collection | None = None
    tick: Tick = lambda _: None
    _peer_textures: list[metrics.Texture] = field(
        default_factory=list
    )  # of a photo in each of its own styles

    def units(self, painting: Painting | None) -> int:
        """How often `tick` is called for a network."""
        rows = 1 + (2 + (painting is not None)) * self.controls
        rows += (1 + (painting is not None)) * (self.peer is not None)
        return rows * (num_looks(self.material) + (self.collection is not None))

    def score(self, subject: Subject, painting: Painting | None, times: dict[str, float]) -> Card:
        """One network, beside its controls."""
        own = open_painter(subject, self.threads)
        painters = {NETWORK: own, **self._beside(own, painting)}
        target = None if painting is None else painting.pixels

        def tick(row: str) -> None:
            self.tick(f"{subject.name}: {row}")

        rows = measure(painters, self.material, target, self.features, tick)
        if self.collection is not None:
            for row, painter in painters.items():
                rows[row][FRECHET] = self.collection.distance(painter)
                tick(row)
        return Card(
            subject.name,
            str(subject.path),
            subject.path.stat().st_size if subject.is_file else None,
            rows,
            times,
            self._rounded(subject, own),
            pictures.tiles(own, self.material.photos),
            pictures.strip(own, self.material.motions),
        )

    def times(self, subjects: list[Subject]) -> dict[str, dict[str, float]]:
        """Milliseconds a frame of each file, and of the peer, by turns, each in a process of its own."""
        height, width = (side + 2 * DEFAULT_MARGIN for side in self.sizes.video)
        timers: dict[str, speed.Timer] = {}
        for subject in subjects:
            for path in (subject.path, subject.rounded):
                if path is not None and path.is_file():
                    timers[str(path)] = lambda path=path: speed.milliseconds(
                        path, (height, width), self.threads
                    )
        if self.peer is not None and timers:
            peer, video = self.peer, self.sizes.video
            timers[PEER_STYLES] = lambda: peer.milliseconds(video, 0)
        found = speed.by_turns(timers)
        shared = {name: value for name, value in found.items() if name == PEER_STYLES}
        return {str(subject.path): {**_own_times(subject, found), **shared} for subject in subjects}

    def _beside(self, own: Painter, painting: Painting | None) -> dict[str, Painter]:
        """The other rows of the card."""
        rows: dict[str, Painter] = {}
        if self.controls:
            rows |= {BLURRED: Blurred(own), LEFT_ALONE: Identity()}
            if painting is not None:
                rows[TWO_COLOURED] = TwoColoured(painting.pixels)
        if self.peer is not None:
            rows[PEER_STYLES] = PeerPainter(self.peer, self._nearest(self.peer, painting))
            if painting is not None:
                rows[PEER_PICTURE] = PeerPainter(self.peer, str(painting.path))
        return rows

    def _nearest(self, peer: Peer, painting: Painting | None) -> int:
        """Of the peer's own styles the one that comes nearest to the painting."""
        if painting is None:
            return 0
        if not self._peer_textures:
            photo = fitted(self.material.photos[0], CHOOSING)
            painted = (PeerPainter(peer, style)(photo) for style in range(NUM_STYLES))
            self._peer_textures = [self._texture(picture) for picture in painted]
        target = self._texture(painting.pixels)
        return int(np.argmin([each.style_error(target) for each in self._peer_textures]))

    def _texture(self, picture: Pixels) -> metrics.Texture:
        return metrics.Texture(self.features(to_float(picture)[None]))

    def _rounded(self, subject: Subject, own: Painter) -> dict[str, float]:
        """The int8 file against this one."""
        if subject.rounded is None or self.material.long is None:
            return {}
        other = open_file(subject.rounded, self.threads, subject.margin)
        found = of_precision(own, other, self.material.long)
        return {**found, "bytes": subject.rounded.stat().st_size}


def _own_times(subject: Subject, found: dict[str, float]) -> dict[str, float]:
    files = {NETWORK: subject.path, "int8": subject.rounded}
    return {name: found[str(path)] for name, path in files.items() if str(path) in found}
