"""Runs the measures: every style of a network beside its controls and the peers, on the same photos and clips."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from keras_vst import losses, metrics
from keras_vst.frames import to_float
from keras_vst.ops import Tensor
from keras_vst.zoo import DEFAULT_MARGIN
from training.evaluation import pictures, speed
from training.evaluation.cards import (
    NETWORK,
    NO_MEMORY,
    PEER_PICTURE,
    PEER_STYLES,
    RUNNING_MEAN,
    Card,
    Row,
    StyleCard,
)
from training.evaluation.collection import FRECHET, Collection
from training.evaluation.material import Material, Sizes, fitted
from training.evaluation.measures import of_precision
from training.evaluation.painters import (
    Blurred,
    Forgetful,
    Identity,
    Network,
    Painter,
    Smoothed,
    Student,
)
from training.evaluation.peer import NUM_STYLES, Peer, PeerPainter
from training.evaluation.rows import Tick, measure, num_looks
from training.evaluation.subjects import Painting, Subject, open_file, open_subject

CHOOSING = 256  # pixels of the picture on which the peer's nearest style is chosen


@dataclass
class Evaluation:
    """What all networks of one run have in common."""

    material: Material
    features: metrics.Features
    sizes: Sizes
    threads: int = 2
    peer: Peer | None = None
    controls: bool = True  # whether each style stands beside its controls: five rows instead of one
    collection: Collection | None = None
    tick: Tick = lambda _: None
    _peer_grams: list[dict[str, Tensor]] = field(default_factory=list)  # of a photo in each of its own styles

    def units(self, num_styles: int) -> int:
        """How often `tick` is called for a network."""
        peers = 2 * (self.peer is not None)
        looks = num_looks(self.material) * ((5 if self.controls else 1) + peers)
        if self.collection is not None:
            looks += (3 if self.controls else 1) + peers
        return num_styles * looks

    def score(self, subject: Subject, paintings: list[Painting | None], times: dict[str, float]) -> Card:
        """All styles of one network; `paintings` has one for each."""
        network = open_subject(subject, self.threads)
        styles = [self._style(subject, network, *each) for each in enumerate(paintings)]
        return Card(
            subject.name,
            str(subject.path),
            subject.path.stat().st_size if subject.is_file else None,
            styles,
            times,
            self._rounded(subject, network),
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

    def _style(self, subject: Subject, network: Network, index: int, painting: Painting | None) -> StyleCard:
        name = subject.styles[index]["name"] if index < len(subject.styles) else f"style {index}"
        painters = self._painters(network, subject.margin, index, painting)
        target = None if painting is None else painting.frames

        def tick(row: str) -> None:
            self.tick(f"{subject.name}, {name}: {row}")

        rows = measure(painters, self.material, target, self.features, tick)
        self._compare(painters, rows, tick)
        student = painters[NETWORK]
        tiles = pictures.tiles(student, self.material.photos)
        return StyleCard(name, rows, tiles, pictures.strip(student, self.material.motions))

    def _compare(self, painters: dict[str, Painter], rows: dict[str, Row], tick: Tick) -> None:
        """Add the distance to the collection; what differs in its memory alone paints the same photos."""
        for row, painter in painters.items():
            if self.collection is not None and row not in (NO_MEMORY, RUNNING_MEAN):
                rows[row][FRECHET] = self.collection.distance(painter)
                tick(row)

    def _painters(
        self, network: Network, margin: int, index: int, painting: Painting | None
    ) -> dict[str, Painter]:
        """Rows of the card, each with a memory of its own."""

        def student() -> Student:
            return Student(network, index, margin)

        rows: dict[str, Painter] = {NETWORK: student()}
        if self.controls:
            rows |= {
                NO_MEMORY: Forgetful(student()),
                RUNNING_MEAN: Smoothed(student()),
                "blurred": Blurred(student()),
                "frame left alone": Identity(),
            }
        if self.peer is not None:
            rows[PEER_STYLES] = PeerPainter(self.peer, self._nearest(painting))
            if painting is not None:
                rows[PEER_PICTURE] = PeerPainter(self.peer, str(painting.path))
        return rows

    def _nearest(self, painting: Painting | None) -> int:
        """Of the peer's own styles the one that comes nearest to the painting."""
        assert self.peer
        if painting is None:
            return 0
        if not self._peer_grams:
            photo = to_float(fitted(self.material.photos[0], CHOOSING))[None]
            pictures_of_peer = (PeerPainter(self.peer, style)(photo) for style in range(NUM_STYLES))
            self._peer_grams = [losses.grams(self.features(picture)) for picture in pictures_of_peer]
        target = losses.grams(self.features(painting.frames))
        return int(np.argmin([float(losses.style(grams, target)) for grams in self._peer_grams]))

    def _rounded(self, subject: Subject, network: Network) -> dict[str, float]:
        """The int8 file against this one, the median over the styles."""
        if subject.rounded is None:
            return {}
        other = open_file(subject.rounded, self.threads)
        found: list[dict[str, float]] = []
        for index in range(network.num_styles):
            exact, rounded = (Student(each, index, subject.margin) for each in (network, other))
            found.append(of_precision(exact, rounded, self.material.long))
        medians = {name: float(np.median([each[name] for each in found])) for name in found[0]}
        return {**medians, "bytes": subject.rounded.stat().st_size}


def _own_times(subject: Subject, found: dict[str, float]) -> dict[str, float]:
    files = {NETWORK: subject.path, "int8": subject.rounded}
    return {name: found[str(path)] for name, path in files.items() if str(path) in found}
