"""The clips that networks are judged on: uint8 frames as the network sees them, and how points move in them.

Frames are (T, H, W, 3) uint8 RGB with the margin of repeated edge that the edge adds; flow is backward, (H, W, 2)
as (dx, dy) in pixels of the content, and visible (H, W, 1) in {0, 1}.  By default the film that the project
renders itself (keras_vst.scene), whose flow is exact; or a clip of the user's, whose flow is estimated.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from keras_vst.errors import UserError
from keras_vst.flow import estimate, visibility
from keras_vst.frames import Fitting, fit
from keras_vst.scene import Scene
from keras_vst.video import open_source
from keras_vst.zoo import DEFAULT_MARGIN

Size = tuple[int, int]  # (height, width)
Frames = npt.NDArray[np.uint8]
Flow = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]

MULTIPLE = 8
NUM_FRAMES = 48


@dataclass(frozen=True)
class Footage:
    """A clip of the content's size, ready for the network; `flow(t)` leads from frame t to frame t - 1."""

    content: Frames  # (T, h, w, 3), what a camera would give
    frames: Frames  # (T, H, W, 3), what the network is given
    fitting: Fitting
    flow: Callable[[int], Flow]
    origin: str

    @property
    def size(self) -> Size:
        """Height and width of what the network sees."""
        return self.fitting.fitted

    def inside(self, stylized: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Cut the margin away: (T, H, W, 3) -> (T, h, w, 3)."""
        top, left = self.fitting.corner
        height, width = self.fitting.content
        return stylized[:, top : top + height, left : left + width]


def network_size(content: Size) -> Size:
    """What a static file must take so that frames of `content` (height, width) keep their pixels and their margin.

    A multiple of 8 with the margin on each side: 640x360 -> 656x376.  For sides that are no multiples the edge
    would find room to enlarge the frame a little, so those are refused where sizes are read.
    """
    height, width = (-(-(side + 2 * DEFAULT_MARGIN) // MULTIPLE) * MULTIPLE for side in content)
    return height, width


def scene_footage(content: Size, num_frames: int = NUM_FRAMES) -> Footage:
    """The first frames of the film at this size."""
    height, width = content
    scene = _scene(width, height)
    return _footage([scene.frame(index) for index in range(num_frames)], scene.flow, "keras_vst.scene")


def clip_footage(path: Path, content: Size, num_frames: int = NUM_FRAMES) -> Footage:
    """The first frames of a clip, brought to this size; a shorter clip is played forth and back."""
    with open_source(path) as source:
        frames = [frame.pixels for frame in itertools.islice(source, num_frames)]
    if len(frames) < 2:
        raise UserError(f"--clip {path} has {len(frames)} frames, at least 2 are needed. Name a longer clip.")
    there_and_back = [*frames, *frames[-2:0:-1]]
    frames = [
        _resize(frame, content) for frame in itertools.islice(itertools.cycle(there_and_back), num_frames)
    ]

    def flow(time: int) -> Flow:
        backward = estimate(frames[time - 1], frames[time])
        return backward, visibility(backward, estimate(frames[time], frames[time - 1]))

    return _footage(frames, flow, path.name)


def _footage(frames: list[Frames], flow: Callable[[int], Flow], origin: str) -> Footage:
    fitted = [fit(frame, multiple=MULTIPLE, margin=DEFAULT_MARGIN) for frame in frames]
    return Footage(np.stack(frames), np.stack([picture for picture, _ in fitted]), fitted[0][1], flow, origin)


def _resize(frame: Frames, content: Size) -> Frames:
    if frame.shape[:2] == content:
        return frame
    return cv2.resize(frame, content[::-1], interpolation=cv2.INTER_AREA).astype(np.uint8)


@lru_cache(maxsize=4)
def _scene(width: int, height: int) -> Scene:
    """Drawing a scene takes seconds, its frames milliseconds."""
    return Scene(width, height)
