"""An exported SavedModel as a network that paints, in TensorFlow: for servers that have it anyway.

The folder is NAME, of which the newest version is taken, or a version in it.  Unlike anywhere else here the graph is
loaded, and can do what it likes: open only what you exported.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from keras_vst.errors import UserError
from keras_vst.frames import Pixels, to_float, to_uint8
from keras_vst.networks.base import OUTPUT, Runtime, Size, Tensor, check_frame_size, count_threads, not_ours

MANIFEST = Path("assets.extra") / "student.json"  # name and margin, and more that only export reads
SIGNATURE = "serving_default"


class SavedModelNetwork:
    """Ready to run; may be asked from several threads."""

    size: Size | None = None
    map_channels: dict[str, int] = {}  # noqa: RUF012

    def __init__(self, path: Path) -> None:
        """Load the newest version below `path`."""
        self.path, self.threads = _version(path), count_threads(None)
        manifest = json.loads((self.path / MANIFEST).read_text(encoding="utf-8"))
        self.name, self.margin = str(manifest["name"]), int(manifest["margin"])
        self._tensorflow = importlib.import_module("tensorflow")
        self.runtime = Runtime("tensorflow", self._tensorflow.__version__, None)
        self._loaded = self._tensorflow.saved_model.load(
            str(self.path)
        )  # its signatures do not keep it alive
        self._answer = self._loaded.signatures[SIGNATURE]

    def paint(self, frame: Pixels) -> Pixels:
        """One frame, painted."""
        return to_uint8(self.paint_film(frame, {})[0])

    def paint_film(self, frame: Pixels, maps: Mapping[str, Tensor]) -> Tensor:
        """The same in floats; there are no maps."""
        check_frame_size((frame.shape[0], frame.shape[1]), None, self.path)
        given: Any = self._tensorflow.constant(to_float(frame)[np.newaxis])
        return np.asarray(self._answer(frame=given)[OUTPUT], np.float32)


def _version(path: Path) -> Path:
    versions = [path] if path.is_dir() and path.name.isdecimal() else []
    versions += sorted(
        (each for each in path.glob("*") if each.name.isdecimal()), key=lambda each: int(each.name)
    )
    if not versions:
        raise not_ours(path, "it holds no version 1, 2 and so on")
    if not (versions[-1] / MANIFEST).is_file():
        raise UserError(
            f"{versions[-1]} has no {MANIFEST}; export it again with `python -m export --formats savedmodel`."
        )
    return versions[-1]
