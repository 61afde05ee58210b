"""Repaints one frame after another: (H, W, 3) uint8 RGB in and out, the network's memory carried between."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.colour import mix
from edge.engine import Engine, Size, Tensor, open_engine
from edge.memory import carry
from edge.sizes import check_size, usual_size
from edge.timeline import FIT, NETWORK, UNFIT, Timeline
from edge.upsample import upsample
from keras_vst.cuts import CutDetector
from keras_vst.frames import Fitting, Pixels, fit, unfit
from keras_vst.runners.signature import MULTIPLE
from keras_vst.zoo import DEFAULT_MARGIN


@dataclass(frozen=True, eq=False)
class Unfinished:
    """What the network made of a frame, at the size that it works at, border and all."""

    frame: Pixels
    fitted: Pixels
    stylized: Pixels
    fitting: Fitting
    opacity: float  # of the painting over the frame, where that was left to be mixed in


class Stylizer:
    """One network at work on one stream of frames.

    `size` (height, width) is what the network sees; by default it is the frame's own, and for frames beyond
    960x540 a smaller one, unless `native`.  The result always has the frame's size.  `margin` pixels of
    repeated edge keep the network's zero border out of the picture.
    """

    mixes = False  # whether what shines through is mixed in here; else the network does that at full size

    def __init__(
        self,
        network: str | Path | Engine,
        *,
        size: Size | None = None,
        margin: int = DEFAULT_MARGIN,
        native: bool = False,
        timeline: Timeline | None = None,
    ) -> None:
        """Open the network if a path is given."""
        self.runner: Engine = open_engine(network) if isinstance(network, str | Path) else network
        self.margin, self.native = margin, native
        self.size = check_size(size, margin, self.runner.size, str(self.runner.path))
        self.timeline = timeline or Timeline()
        self._cuts = CutDetector()
        self._state: Any = None  # the network's own, or what else it is to know of the last frame
        self._fitting: Fitting | None = None  # that of the frame before, and of the state

    def stylize(self, frame: Pixels, weights: npt.ArrayLike) -> Pixels:
        """Repaint one frame; `weights` are S shares, each >= 0, whose sum is at most 1."""
        return self.finish(self.start(frame, weights))

    def start(self, frame: Pixels, weights: npt.ArrayLike) -> Unfinished:
        """The network's part of `stylize`: frame by frame, in order."""
        style = self._style(weights)
        with self.timeline.stage(FIT):
            fitted, fitting = fit(
                frame, self.size_for(frame.shape[:2]), multiple=MULTIPLE, margin=self.margin
            )
            # A large frame's cut is seen as well in its small form, and 1 ms sooner.
            cut = self._cuts.is_cut(inside(fitted, fitting))
            state = None if cut else self._memory_for(fitting)
        opacity = 1.0
        if self.mixes or _shrinks(fitting):  # what shines through keeps its full size
            opacity = min(1.0, float(style.sum()))
            style = style / np.float32(opacity) if opacity else style
        stylized, self._state = self._paint(fitted, fitting, style, state)
        self._fitting = fitting
        return Unfinished(frame, fitted, stylized, fitting, opacity)

    def finish(self, begun: Unfinished) -> Pixels:
        """The rest: back to the frame's size.  Another thread may do it while the network sees the next frame."""
        fitting = begun.fitting
        with self.timeline.stage(UNFIT):
            if _shrinks(fitting):
                small, fitted = inside(begun.stylized, fitting), inside(begun.fitted, fitting)
                painting = upsample(small, fitted, begun.frame)
            else:
                painting = unfit(begun.stylized, fitting)
            return mix(begun.frame, painting, begun.opacity)

    def resize(self, size: Size) -> None:
        """Work at another size from the next frame on; the memory comes along, so that nothing flashes."""
        self.size = check_size(size, self.margin, self.runner.size, str(self.runner.path))

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
        """Forget what was seen: the next frame starts a clip."""
        self._state = None
        self._cuts.reset()

    def _paint(self, fitted: Pixels, fitting: Fitting, style: Tensor, state: Any) -> tuple[Pixels, Any]:
        with self.timeline.stage(NETWORK):
            return self.runner.run_pixels(fitted, style, state)

    def _memory_for(self, fitting: Fitting) -> Any:
        old = self._fitting
        if self._state is None or old is None or old.original != fitting.original:
            return None
        return self._state if old == fitting else carry(self._state, old, fitting)

    def _style(self, weights: npt.ArrayLike) -> Tensor:
        style = np.asarray(weights, np.float32)
        if style.shape != (self.runner.num_styles,) or not (style >= 0).all() or style.sum() > 1 + 1e-5:
            raise ValueError(
                f"`weights` must be {self.runner.num_styles} numbers >= 0 with a sum of at most 1. "
                f"Received: {weights}. Use zeros to leave the frame as it is."
            )
        return style[np.newaxis]


def inside(picture: Pixels, fitting: Fitting) -> Pixels:
    """The picture without its border; a view."""
    (top, left), (height, width) = fitting.corner, fitting.content
    return picture[top : top + height, left : left + width]


def _shrinks(fitting: Fitting) -> bool:
    return fitting.content[0] < fitting.original[0] or fitting.content[1] < fitting.original[1]
