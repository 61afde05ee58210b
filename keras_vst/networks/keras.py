"""A Keras model as a network that paints, which every file made from it is held against; and an exported SavedModel.

Of a SavedModel the folder is NAME, of which the newest version is taken, or a version in it.  Unlike anywhere else here
the graph is loaded, and can do what it likes: open only what you exported.  Libraries are imported by their names: who
serves something else needs neither.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from keras_vst.errors import UserError
from keras_vst.frames import Pixels, to_float, to_uint8
from keras_vst.networks import base
from keras_vst.networks.base import Runtime, Size, Tensor

MANIFEST = Path("assets.extra") / "student.json"  # name and margin, and more that only export reads
SIGNATURE = "serving_default"


class KerasNetwork:
    """A functional model with the named inputs of a student or a teacher, open sizes, and `stylized`."""

    size: Size | None = None
    margin: int | None = None

    def __init__(self, model: Any, path: Path = Path("model.keras")) -> None:
        """`path` is where the model came from, for messages."""
        self.path, self.threads = path, base.count_threads(None)
        self.runtime = Runtime("keras", importlib.metadata.version("keras"), type(model))
        self.map_channels = {
            name: int(tensor.shape[-1]) for name, tensor in model.input.items() if name != "frame"
        }
        self._model = model

    def paint(self, frame: Pixels) -> Pixels:
        return to_uint8(self.paint_film(frame, {})[0])

    def paint_film(self, frame: Pixels, maps: Mapping[str, Tensor]) -> Tensor:
        size = (frame.shape[0], frame.shape[1])
        base.check_frame_size(size, None, self.path)
        inputs: dict[str, Any] = {"frame": to_float(frame)[np.newaxis]}
        inputs |= base.all_maps(self.map_channels, maps, size)
        # One compiled function for each size; a call of the model alone runs it operation by operation.
        return np.asarray(self._model.predict_on_batch(inputs)[base.OUTPUT], np.float32)


class SavedModelNetwork:
    """Ready to run; may be asked from several threads."""

    size: Size | None = None

    def __init__(self, path: Path) -> None:
        """Load the newest version below `path`."""
        self.path, self.threads = _version(path), base.count_threads(None)
        self.name, margin = _manifest(self.path)
        self.margin: int | None = margin
        self.map_channels: dict[str, int] = {}
        self._tensorflow = _import()
        self.runtime = Runtime("tensorflow", self._tensorflow.__version__, None)
        try:
            self._loaded = self._tensorflow.saved_model.load(str(self.path))
            self._answer = self._loaded.signatures[SIGNATURE]  # it does not keep alive what was loaded
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise base.not_ours(self.path, f"TensorFlow cannot load it ({base.first_line(error)})") from error

    def paint(self, frame: Pixels) -> Pixels:
        return to_uint8(self.paint_film(frame, {})[0])

    def paint_film(self, frame: Pixels, maps: Mapping[str, Tensor]) -> Tensor:
        """The same in floats; there are no maps."""
        base.check_frame_size((frame.shape[0], frame.shape[1]), None, self.path)
        given: Any = self._tensorflow.constant(to_float(frame)[np.newaxis])
        return np.asarray(self._answer(frame=given)[base.OUTPUT], np.float32)


def _import() -> Any:
    """By its name, so that nobody who serves something else needs it."""
    try:
        return importlib.import_module("tensorflow")
    except ImportError as error:
        raise UserError("a SavedModel needs TensorFlow; run: pip install 'keras-vst[train]'.") from error


def _manifest(path: Path) -> tuple[str, int]:
    """The name and the margin of a version."""
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        return str(manifest["name"]), int(manifest["margin"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise base.not_ours(path, f"it has no usable {MANIFEST}") from error


def _version(path: Path) -> Path:
    if path.name.isdecimal() and (path / MANIFEST).exists():
        return path
    versions = [each for each in path.glob("*") if each.name.isdecimal() and each.is_dir()]
    if not versions:
        raise base.not_ours(path, "it holds no version 1, 2 and so on")
    return max(versions, key=lambda each: int(each.name))
