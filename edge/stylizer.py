"""Repaints one frame after another: (H, W, 3) uint8 RGB in and out, each frame by itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge.colour import mix
from edge.sizes import check_size, usual_size
from edge.timeline import FIT, NETWORK, UNFIT, Timeline
from edge.upsample import upsample
from keras_vst.frames import Fitting, Pixels, fit, unfit
from keras_vst.networks import Network, open_network
from keras_vst.networks.base import MULTIPLE, Size
from keras_vst.zoo import DEFAULT_MARGIN


@dataclass(frozen=True, eq=False)
class Unfinished:
    """What the network made of a frame, at the size that it works at, border and all."""

    frame: Pixels
    fitted: Pixels
    stylized: Pixels
    fitting: Fitting
    strength: float  # of the painting over the frame


class Stylizer:
    """One network at work; `network` may be replaced between two frames by another of its size.

    `size` (height, width) is what the network sees; by default it is the frame's own, and for frames beyond
    960x540 a smaller one, unless `native`.  The result always has the frame's size.  `margin` pixels of
    repeated edge keep the network's zero border out of the picture.
    """

    def __init__(
        self,
        network: str | Path | Network,
        *,
        size: Size | None = None,
        margin: int = DEFAULT_MARGIN,
        native: bool = False,
        timeline: Timeline | None = None,
    ) -> None:
        """Open the network if a path is given."""
        self.network: Network = open_network(network) if isinstance(network, str | Path) else network
        self.margin, self.native = margin, native
        self.size = check_size(size, margin, self.network.size, str(self.network.path))
        self.timeline = timeline or Timeline()
        self._fitting: Fitting | None = None  # that of the frame before

    def stylize(self, frame: Pixels, strength: float = 1.0) -> Pixels:
        """Repaint one frame; `strength` 0 leaves it as it is, 1 is all painting."""
        return self.finish(self.start(frame, strength))

    def start(self, frame: Pixels, strength: float = 1.0) -> Unfinished:
        """The network's part of `stylize`: frame by frame, in order."""
        if not 0 <= strength <= 1:
            raise ValueError(
                f"`strength` must be from 0 to 1. Received: {strength}. Use 0 to leave the frame alone."
            )
        with self.timeline.stage(FIT):
            size = self.size_for(frame.shape[:2])
            fitted, fitting = fit(frame, size, multiple=MULTIPLE, margin=self.margin)
        stylized = self._paint(fitted, fitting)
        self._fitting = fitting
        return Unfinished(frame, fitted, stylized, fitting, strength)

    def finish(self, begun: Unfinished) -> Pixels:
        """The rest: back to the frame's size.  Another thread may do it while the network sees the next frame."""
        fitting = begun.fitting
        with self.timeline.stage(UNFIT):
            if _shrinks(fitting):
                small, fitted = inside(begun.stylized, fitting), inside(begun.fitted, fitting)
                painting = upsample(small, fitted, begun.frame)
            else:
                painting = unfit(begun.stylized, fitting)
            return mix(begun.frame, painting, begun.strength)

    def resize(self, size: Size) -> None:
        """Work at another size from the next frame on."""
        self.size = check_size(size, self.margin, self.network.size, str(self.network.path))

    def size_for(self, frame: tuple[int, ...]) -> Size | None:
        """What the network works at for frames of (height, width); None: the frame's own."""
        if self.size is not None or self.native:
            return self.size
        return usual_size((frame[0], frame[1]), self.margin)

    @property
    def fitted(self) -> Size | None:
        """What the network worked at for the last frame, its border included."""
        return None if self._fitting is None else self._fitting.fitted

    def reset(self) -> None:
        """The next frame starts a clip; nothing is remembered here."""

    def _paint(self, fitted: Pixels, fitting: Fitting) -> Pixels:
        with self.timeline.stage(NETWORK):
            return self.network.paint(fitted)


def inside(picture: Pixels, fitting: Fitting) -> Pixels:
    """The picture without its border; a view."""
    (top, left), (height, width) = fitting.corner, fitting.content
    return picture[top : top + height, left : left + width]


def _shrinks(fitting: Fitting) -> bool:
    return fitting.content[0] < fitting.original[0] or fitting.content[1] < fitting.original[1]
