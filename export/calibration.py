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
SCENE_SEED = 7

Frame = npt.NDArray[np.float32]


def frames(clips: Sequence[Path] = (), size: tuple[int, int] = SIZE) -> list[Frame]:
    """Those of the clips, or of both shots drawn here; and one stretched, so that black and white are among them.

    A drawn ramp has them too, but is unlike any picture: the wider ranges that came of it cost 0.9 dB.
    """
    shots = [_of_clip(clip) for clip in clips] or _drawn(size)
    fitted = [to_float(fit(pixels, size)[0])[None] for shot in shots for pixels in shot]
    last, least = fitted[-1], fitted[-1].min()
    return [*fitted, np.clip((last - least) / max(float(np.ptp(last)), 1e-3), 0, 1)]


def _of_clip(path: Path) -> list[npt.NDArray[np.uint8]]:
    with open_source(path) as source:
        shot = [frame.pixels for frame in itertools.islice(source, 0, PER_SHOT * EVERY, EVERY)]
    if not shot:
        raise UserError(f"--calibrate {path} has no frames. Name a clip that can be played.")
    return shot


def _drawn(size: tuple[int, int]) -> list[list[npt.NDArray[np.uint8]]]:
    scene = Scene(size[1], size[0], SCENE_SEED)
    return [[scene.frame(start + EVERY * index) for index in range(PER_SHOT)] for start in (0, CUT)]
