"""What runs a network, whichever file and library it is: frames in and out, the memory handed along.

`frame` and `stylized` are (H, W, 3) uint8 RGB, `style` (1, S) weights, `state` (1, H / 4, W / 4, C) float32.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from keras_vst.errors import UserError
from keras_vst.frames import Pixels
from keras_vst.runners.onnx import OnnxRunner
from keras_vst.runners.tflite import Runtime
from keras_vst.runners.verify import open_runner

Tensor = npt.NDArray[np.float32]
Size = tuple[int, int]  # (height, width)


class Engine(Protocol):
    """An open network."""

    path: Path
    runtime: Runtime  # the library that runs it, and its version
    threads: int
    num_styles: int
    size: Size | None  # where the file fixes it
    state_channels: int  # 0 is without a memory
    style_names: tuple[str, ...]  # as far as the file itself knows them
    margin: int | None  # pixels of border the file itself asks for

    @property
    def map_channels(self) -> Mapping[str, int]:
        """What a network of film quality is given beside the frame, and in how many channels; {} for others."""
        ...

    def run_pixels(
        self, frame: Pixels, style: Tensor, state: Tensor | None = None
    ) -> tuple[Pixels, Tensor | None]:
        """One step; no state means the start of a clip.  Returns the stylized frame and the next state."""
        ...

    def run_film(self, frame: Pixels, style: Tensor, maps: Mapping[str, Tensor]) -> Tensor:
        """One step of film quality; maps that are not given are zeros.  Returns (1, H, W, 3) in [0, 1]."""
        ...


def open_engine(
    path: str | Path, *, runtime: str | None = None, threads: int | None = None, sha256: str | None = None
) -> Engine:
    """Open a .tflite or an .onnx file, or raise a UserError that says why it is not a network of ours."""
    if os.fspath(path).lower().endswith(".onnx"):
        if runtime is not None:
            raise UserError(f"{path} is run by ONNX Runtime; leave --runtime {runtime} out.")
        return OnnxRunner(Path(path), threads=threads, sha256=sha256)
    return open_runner(path, runtime=runtime, threads=threads, sha256=sha256)


def quality_of(engine: Engine) -> str:
    """The quality `film` of a network that is handed its last painting moved by the flow, `live` of any other."""
    return "film" if engine.map_channels else "live"
