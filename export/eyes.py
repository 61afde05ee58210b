"""What style and content are judged with: VGG16 and the pictures that a run was trained on, as far as they are here."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from export.gate.quality import Eyes
from export.source import Source
from keras_vst.errors import UserError
from keras_vst.features import VGG16_VARIABLE, load_vgg16
from keras_vst.metrics import Features
from keras_vst.runs import RunDirectory

MOST_REMEMBERED = 6  # 110 MB each at 640x360
STYLE_SIDE = 512  # longer side, in pixels, to which style pictures are brought


def open_eyes(run: Path, source: Source, vgg16: str | None, chosen: int | None) -> Eyes:
    """`chosen` is the one style that is exported; weights that were named and cannot be read are a UserError."""
    try:
        features = load_vgg16(vgg16)
    except UserError as error:
        if vgg16 or os.environ.get(VGG16_VARIABLE):
            raise
        return Eyes(
            why_not=f"there are no VGG16 weights ({str(error).split('. ')[0]}); name them with --vgg16"
        )
    pictures = _pictures(run, chosen) if source.kind == "run" else {}
    features = Remembering(features)
    why_not = "" if pictures else "the pictures of its styles are not where the run's config.json says"
    return Eyes(features, pictures, why_not)


class Remembering:
    """Features of the frames seen last: the frames of a clip and the style pictures come back for every file."""

    def __init__(self, features: Features, most: int = MOST_REMEMBERED):
        self._features, self._most = features, most
        self._known: dict[bytes, Mapping[str, Any]] = {}

    def __call__(self, frames: Any) -> Mapping[str, Any]:
        """Of (B, H, W, 3) in [0, 1]."""
        key = hashlib.sha256(np.ascontiguousarray(frames).tobytes()).digest()
        found = self._known.pop(key, None) or self._features(frames)
        self._known[key] = found  # as the newest
        if len(self._known) > self._most:
            self._known.pop(next(iter(self._known)))
        return found


def _pictures(run: Path, chosen: int | None) -> dict[int, npt.NDArray[np.uint8]]:
    styles = RunDirectory(run).record()["styles"]
    if chosen is not None:
        styles = [styles[chosen]]
    found = {
        index: _picture(Path(style.get("file", "")), style.get("sha256", ""))
        for index, style in enumerate(styles)
    }
    return {index: picture for index, picture in found.items() if picture is not None}


def _picture(path: Path, sha256: str) -> npt.NDArray[np.uint8] | None:
    """RGB, its longer side as wanted; None where the file is gone or another one."""
    if not path.is_file():
        return None
    data = path.read_bytes()
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if picture is None or (len(sha256) == 64 and hashlib.sha256(data).hexdigest() != sha256):
        return None
    scale = STYLE_SIDE / max(picture.shape[:2])
    size = max(16, round(picture.shape[1] * scale)), max(16, round(picture.shape[0] * scale))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)[..., ::-1].astype(np.uint8)
