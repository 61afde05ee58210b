"""What is scored: anything that repaints one frame after another, a network, a control or a peer.

Frames are float32 in [0, 1], (1, H, W, 3), in and out.  A painter may remember; `reset` starts a clip.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from keras_vst.runners.signature import STATE_STRIDE
from keras_vst.zoo import DEFAULT_MARGIN

Frames = npt.NDArray[np.float32]
Paint = Callable[[Any], Frames]  # Keras hands tensors to it

BLUR = 2.0  # pixels of deviation: strokes are gone, shapes are not
KEPT = 0.6  # share of the frame before in a running mean


class Painter(Protocol):
    """Repaints the frames of a clip in order."""

    def __call__(self, frames: Any) -> Frames:
        """The next frame."""
        ...

    def reset(self) -> None:
        """Forget what was seen."""
        ...


class Network(Protocol):
    """One network in a file or in Keras: a frame, style weights and a state in, the painted frame and a state out."""

    num_styles: int
    state_channels: int

    def run(self, frame: Frames, style: Frames, state: Frames | None = None) -> tuple[Frames, Frames | None]:
        """One step; no state is the start of a clip."""
        ...


class Student:
    """One style of a network, with its memory and the border of repeated edge that the edge gives it."""

    def __init__(self, network: Network, style: int = 0, margin: int = DEFAULT_MARGIN) -> None:
        self.network, self.margin = network, margin
        self.weights = np.eye(network.num_styles, dtype=np.float32)[style : style + 1]
        self._state: Frames | None = None

    def __call__(self, frames: Any) -> Frames:
        """Stylize the next frame; sides are multiples of 8."""
        margin = self.margin
        border = [(0, 0), (margin, margin), (margin, margin), (0, 0)]
        padded = np.pad(np.asarray(frames, np.float32), border, mode="edge")
        state = self._state
        if self.network.state_channels and state is None:
            height, width = (side // STATE_STRIDE for side in padded.shape[1:3])
            state = np.zeros((1, height, width, self.network.state_channels), np.float32)
        stylized, self._state = self.network.run(padded, self.weights, state)
        height, width = padded.shape[1:3]
        return np.clip(stylized[:, margin : height - margin, margin : width - margin], 0, 1)

    def reset(self) -> None:
        """Start from zeros."""
        self._state = None


class Identity:
    """Leaves every frame as it is: steadier than any network, and no painting."""

    def __call__(self, frames: Any) -> Frames:
        """The frame itself."""
        return np.asarray(frames, np.float32)

    def reset(self) -> None:
        """Nothing is remembered."""


class Control:
    """A painter with something done to it, so that a number which is easily had is seen to be so."""

    def __init__(self, painter: Painter) -> None:
        self.painter = painter

    def __call__(self, frames: Any) -> Frames:
        """The next frame."""
        return self.painter(frames)

    def reset(self) -> None:
        """Start a clip."""
        self.painter.reset()


class Blurred(Control):
    """Its output, blurred: steady and close to the scene, without strokes."""

    def __call__(self, frames: Any) -> Frames:
        """The next frame."""
        stylized = super().__call__(frames)
        return np.stack([cv2.GaussianBlur(each, (0, 0), BLUR) for each in stylized]).astype(np.float32)


class Forgetful(Control):
    """The network without its memory: each frame for itself, as most packaged networks paint."""

    def __call__(self, frames: Any) -> Frames:
        """The next frame."""
        self.reset()
        return super().__call__(frames)


class Smoothed(Control):
    """A running mean over its output: steady, and smeared where anything moves."""

    def __init__(self, painter: Painter) -> None:
        super().__init__(painter)
        self._mean: Frames | None = None

    def __call__(self, frames: Any) -> Frames:
        """The next frame."""
        stylized, before = super().__call__(frames), self._mean
        if before is not None and before.shape == stylized.shape:
            stylized = (KEPT * before + (1 - KEPT) * stylized).astype(np.float32)
        self._mean = stylized
        return stylized

    def reset(self) -> None:
        """Start a clip."""
        super().reset()
        self._mean = None


def afresh(painter: Painter) -> Paint:
    """Paints every frame as a picture of its own."""

    def paint(frames: Any) -> Frames:
        painter.reset()
        return painter(frames)

    return paint


def as_clip(painter: Painter) -> Paint:
    """Paints frame after frame of one clip that starts here."""
    painter.reset()
    return painter
