"""Repaints one frame after another: (H, W, 3) uint8 RGB in and out, the network's memory carried between."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge.cuts import CutDetector
from edge.runtime import MULTIPLE, Runner, Tensor
from edge.timeline import FIT, NETWORK, UNFIT, Timeline
from edge.verify import open_runner
from keras_vst.errors import UserError
from keras_vst.frames import Pixels, fit, to_float, to_uint8, unfit
from keras_vst.zoo import DEFAULT_MARGIN


class Stylizer:
    """One network at work on one stream of frames.

    `size` (height, width) is what the network sees, by default the frame's own; the result always has the
    frame's size.  `margin` pixels of repeated edge keep the network's zero border out of the picture.
    """

    def __init__(
        self,
        network: str | Path | Runner,
        *,
        size: tuple[int, int] | None = None,
        margin: int = DEFAULT_MARGIN,
        timeline: Timeline | None = None,
    ) -> None:
        """Open the network if a path is given."""
        self.runner = network if isinstance(network, Runner) else open_runner(network)
        self.size = _processing_size(self.runner, size, margin)
        self.margin = margin
        self.timeline = timeline or Timeline()
        self._cuts = CutDetector()
        self._state: Tensor | None = None
        self._state_of: tuple[int, int] | None = None  # the fitted size that the state belongs to

    def stylize(self, frame: Pixels, weights: npt.ArrayLike) -> Pixels:
        """Repaint one frame; `weights` are S shares, each >= 0, whose sum is at most 1."""
        style = self._style(weights)
        with self.timeline.stage(FIT):
            if self._cuts.is_cut(frame):
                self._state = None
            fitted, fitting = fit(frame, self.size, multiple=MULTIPLE, margin=self.margin)
            if fitting.fitted != self._state_of:
                self._state, self._state_of = None, fitting.fitted
            pixels = to_float(fitted)[np.newaxis]
        with self.timeline.stage(NETWORK):
            stylized, self._state = self.runner.run(pixels, style, self._state)
        with self.timeline.stage(UNFIT):
            return unfit(to_uint8(stylized[0]), fitting)

    def reset(self) -> None:
        """Forget what was seen: the next frame starts a clip."""
        self._state = None
        self._cuts.reset()

    def _style(self, weights: npt.ArrayLike) -> Tensor:
        style = np.asarray(weights, np.float32)
        if style.shape != (self.runner.num_styles,) or not (style >= 0).all() or style.sum() > 1 + 1e-5:
            raise ValueError(
                f"`weights` must be {self.runner.num_styles} numbers >= 0 with a sum of at most 1. "
                f"Received: {weights}. Use zeros to leave the frame as it is."
            )
        return style[np.newaxis]


def _processing_size(runner: Runner, size: tuple[int, int] | None, margin: int) -> tuple[int, int] | None:
    """The size the network works at: the file's own where it is fixed, else the wanted one."""
    if size is not None and min(size) <= 2 * margin:
        raise UserError(
            f"the size {size[1]}x{size[0]} leaves nothing inside a margin of {margin}; use a larger one."
        )
    if runner.size is None or size == runner.size:
        return size
    if size is not None:
        raise UserError(
            f"{runner.path} works at {runner.size[1]}x{runner.size[0]} only, not at {size[1]}x{size[0]}; "
            "leave the size out."
        )
    return runner.size
