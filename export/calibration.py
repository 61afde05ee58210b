"""The frames from which int8 learns the ranges of its values: (1, H, W, 3) float32 in [0, 1].

By default of a film that is drawn here, another than files are judged on, or of the user's clips.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from keras_vst.errors import UserError
from keras_vst.frames import fit, to_float
from keras_vst.scene import CUT, Scene
from keras_vst.video import open_source

SIZE = (192, 320)  # (height, width): ranges found here hold at 640x360 to a tenth of a dB
PER_SHOT, EVERY = 12, 4  # frames that are taken of a clip, and how far apart they are
AGAIN, CONTRAST = 3, 1.75
SCENE_SEED = 7

Frame = npt.NDArray[np.float32]


def frames(clips: Sequence[Path] = (), size: tuple[int, int] = SIZE) -> list[Frame]:
    """Those of the clips, or of both shots drawn here; some of them a second time, with more contrast than most have.

    Film is harder than what is drawn here: without them a face in the sun was cut off, which cost 5 dB.
    """
    shots = [_of_clip(clip) for clip in clips] or _drawn(size)
    fitted = [to_float(fit(pixels, size)[0])[None] for shot in shots for pixels in shot]
    return [*fitted, *(_harder(frame) for frame in fitted[::AGAIN])]


def _harder(frame: Frame) -> Frame:
    mean = frame.mean()
    return np.clip(mean + CONTRAST * (frame - mean), 0, 1)


def _of_clip(path: Path) -> list[npt.NDArray[np.uint8]]:
    with open_source(path) as source:
        shot = [frame.pixels for frame in itertools.islice(source, 0, PER_SHOT * EVERY, EVERY)]
    if not shot:
        raise UserError(f"--calibrate {path} has no frames. Name a clip that can be played.")
    return shot


def _drawn(size: tuple[int, int]) -> list[list[npt.NDArray[np.uint8]]]:
    scene = Scene(size[1], size[0], SCENE_SEED)
    return [[scene.frame(start + EVERY * index) for index in range(PER_SHOT)] for start in (0, CUT)]
