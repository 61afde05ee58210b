"""The clips that files are judged on, and how a network plays them.

Frames are (T, H, W, 3) uint8 RGB with the margin of repeated edge that the edge adds; flow is backward, (H, W, 2)
as (dx, dy) in pixels of the content, and visible (H, W, 1) in {0, 1}.  By default a camera that moves over a frame of
the bundled film, so that flow is exact; or a clip of the user's, whose flow is estimated.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt

from keras_vst.errors import UserError
from keras_vst.files import SCENE
from keras_vst.flow import between
from keras_vst.frames import Fitting, Pixels, fit
from keras_vst.motion import MotionConfig, clip_from_photos
from keras_vst.networks.base import MULTIPLE, Network, Size
from keras_vst.networks.film_clip import Film, Motion
from keras_vst.zoo import DEFAULT_MARGIN

SHOTS = (0, 90)  # first frames of its two shots: a harbour by day, a hillside at dusk
# Frames of the film, other ones than int8 learns from: the camera moves over the first, a piece of the second crosses.
# int8 has within a dB here of what it has on four real clips (three styles).
JUDGED = (170, 80)
MOTION = MotionConfig(shift=2.5, zoom=0.004, rotation=0.3, light=0.01, noise=1.0)
SEED = 3  # with which both the camera and the piece do move

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Clip:
    """A clip of the content's size, ready for the network; `flow(t)` leads from frame t to frame t - 1."""

    content: Pixels  # (T, h, w, 3), what a camera would give
    frames: Pixels  # (T, H, W, 3), what the network is given
    fitting: Fitting
    flow: Callable[[int], Motion]
    origin: str

    @property
    def size(self) -> Size:
        """Height and width of what the network sees."""
        return self.fitting.fitted

    def inside(self, stylized: Array) -> Array:
        """Cut the margin away: (T, H, W, 3) -> (T, h, w, 3)."""
        top, left = self.fitting.corner
        height, width = self.fitting.content
        return stylized[:, top : top + height, left : left + width]


@cache
def film_frames(*indices: int) -> list[Pixels]:
    """Frames of the bundled film, 640x360; read plainly, for it is known what it is."""
    with av.open(str(SCENE)) as film:
        frames = list(itertools.islice(film.decode(video=0), max(indices) + 1))
    return [np.asarray(frames[index].to_ndarray(format="rgb24"), np.uint8) for index in indices]


def bundled_clip(content: Size, num_frames: int) -> Clip:
    """A camera over the bundled film, its frames of `content` (height, width)."""
    photo, other = (_cover(picture, content) for picture in film_frames(*JUDGED))
    moving = clip_from_photos(photo, other, num_frames, content, np.random.default_rng(SEED), MOTION)
    frames = [moving.frame(time) for time in range(num_frames)]
    moving.noise.clear()  # 3 MB a frame at 640x360
    return _clip(frames, lambda time: moving.flow(time, time - 1), "keras_vst/assets/scene.mp4")


def users_clip(path: Path, content: Size, num_frames: int) -> Clip:
    """The first frames of a clip, brought to this size; a shorter clip is played forth and back."""
    from keras_vst.video import open_source

    with open_source(path) as source:
        frames = [frame.pixels for frame in itertools.islice(source, num_frames)]
    if len(frames) < 2:
        raise UserError(f"--clip {path} has {len(frames)} frames, at least 2 are needed. Name a longer clip.")
    endless = itertools.cycle([*frames, *frames[-2:0:-1]])
    frames = [_resize(frame, content) for frame in itertools.islice(endless, num_frames)]

    return _clip(frames, lambda time: between(frames[time - 1], frames[time]), path.name)


def play(network: Network, clip: Clip) -> Array:
    """(T, H, W, 3) float32, margin and all; a film network is given its own last painting, moved by the flow."""
    film = Film(network, clip.fitting, clip.flow)
    return np.stack([film.paint_over(frame, film.look(frame))[0] for frame in clip.frames])


def psnr(ours: Array, theirs: Array) -> float:
    """Peak signal to noise in dB for values in [0, 1]; infinite when equal, nan when either holds a nan."""
    error = float(np.mean(np.square(ours.astype(np.float64) - theirs)))
    return float("inf") if error == 0 else -10.0 * float(np.log10(error))


def _clip(frames: list[Pixels], flow: Callable[[int], Motion], origin: str) -> Clip:
    fitted = [fit(frame, multiple=MULTIPLE, margin=DEFAULT_MARGIN) for frame in frames]
    return Clip(np.stack(frames), np.stack([picture for picture, _ in fitted]), fitted[0][1], flow, origin)


def _cover(picture: Pixels, content: Size) -> Pixels:
    """Resized so that it covers frames of this size."""
    scale = max(content[0] / picture.shape[0], content[1] / picture.shape[1])
    return _resize(picture, (round(scale * picture.shape[0]), round(scale * picture.shape[1])))


def _resize(picture: Pixels, size: Size) -> Pixels:
    if picture.shape[:2] == size:
        return picture
    return cv2.resize(picture, size[::-1], interpolation=cv2.INTER_AREA).astype(np.uint8)
