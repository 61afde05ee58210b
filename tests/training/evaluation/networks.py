"""Networks in numpy whose answer is known, and pictures and clips to show them."""

from __future__ import annotations

import numpy as np

from keras_vst.config import MotionConfig
from keras_vst.motion import clip_from_photos
from tests.conftest import draw_picture
from training.evaluation.material import Clip, Material, Sizes, fitted

SMALL = Sizes(picture=264, video=(48, 64), frames=12, long=12)


class Ghost:
    """stylized = frame / 2 + state / 2; the state is the mean colour of the frame before, 0 at the start."""

    num_styles, state_channels = 1, 3

    def run(self, frame, style, state=None):
        held = np.zeros(3) if state is None else state[0, 0, 0]
        after = np.broadcast_to(frame.mean(axis=(0, 1, 2)), (1, frame.shape[1] // 4, frame.shape[2] // 4, 3))
        return (0.5 * frame + 0.5 * held).astype(np.float32), after.astype(np.float32)


class Plain:
    """A flat grey as light as the style weight's number, whatever comes in."""

    num_styles, state_channels = 3, 0

    def run(self, frame, style, state=None):
        return np.full_like(frame, 0.25 * np.argmax(style)), None


class Bordered:
    """Paints the outermost pixels black: by where the border is."""

    num_styles, state_channels = 1, 0

    def run(self, frame, style, state=None):
        framed = np.zeros_like(frame)
        framed[:, 4:-4, 4:-4] = frame[:, 4:-4, 4:-4]
        return framed, None


def flat_clip(level: int, count: int = 12) -> Clip:
    """Nothing moves, and all is of one grey."""
    height, width = SMALL.video
    still = np.zeros((height, width, 2), np.float32), np.ones((height, width, 1), np.float32)
    return Clip(
        [np.full((height, width, 3), level, np.uint8)] * count, lambda time, earlier: still, exact=True
    )


def moving_clip(seed: int, noise: float, shift: float = 2.0, count: int = 12) -> Clip:
    """A camera over a drawn picture; without shift it stands still."""
    motion = MotionConfig(objects=0, light=0.0, noise=noise, shift=shift, zoom=0.0, rotation=0.0)
    picture = draw_picture(seed, 120, 160)
    clip = clip_from_photos(picture, picture, count, SMALL.video, np.random.default_rng(seed), motion)
    return Clip([clip.frame(time) for time in range(count)], clip.flow, exact=True)


def material() -> Material:
    """Two pictures and their motions, and one of the clips again as if it had been filmed."""
    photos = [fitted(draw_picture(seed, 160, 160), 208) for seed in (1, 2)]
    motions = [moving_clip(seed, 2.0) for seed in (1, 2)]
    filmed = Clip(motions[0].frames, motions[0].flow, exact=False)
    return Material(photos, motions, [filmed], filmed, {"photos": "drawn", "clips": "drawn"})
