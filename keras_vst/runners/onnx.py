"""One .onnx network in ONNX Runtime, on whatever it finds: TensorRT, CUDA, or the processor.

The tensors are those of the .tflite files, all float32 NHWC, except that the state comes out as `next_state`,
because an output of ONNX may not be called as an input is.  Name, styles and margin lie in the file itself.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from keras_vst.errors import UserError
from keras_vst.frames import Pixels, to_float, to_uint8
from keras_vst.runners.signature import (
    FILM,
    FORGETFUL,
    NOISY_FILM,
    RANKS,
    check_shapes,
    film_maps,
    not_ours,
    shape_at,
)
from keras_vst.runners.tflite import MOST_PIXELS, TRIAL_SIZE, Runtime, default_threads, first_line
from keras_vst.runners.verify import check_sum, read_file

Tensor = npt.NDArray[np.float32]

PROVIDERS = ("TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider")  # best first
NEXT_STATE = "next_state"
RECURRENT = {"frame", "style", "state"}, {"stylized", NEXT_STATE}
QUIET = 3  # of ONNX Runtime's levels: errors only; they come as exceptions too


class OnnxRunner:
    """A network, ready to run; frame buffers are made once and again when the size changes."""

    def __init__(self, path: Path, *, threads: int | None = None, sha256: str | None = None) -> None:
        """Open the file, or raise a UserError that says why it is not a network of ours."""
        if threads is not None and threads < 1:
            raise UserError(f"the number of threads must be at least 1, but is {threads}.")
        library = _import()
        self.path, self.threads = path, threads or default_threads()
        content = read_file(path)
        check_sum(path, content, sha256)
        self._session = _open(library, path, content, self.threads)
        self.runtime = Runtime("onnxruntime", library.__version__, library.InferenceSession)
        self.providers: tuple[str, ...] = tuple(self._session.get_providers())
        shapes = _input_shapes(self._session, path)
        _, height, width, _ = shapes["frame"]
        self.size = (height, width) if height > 0 else None
        self.num_styles = shapes["style"][1]
        self.state_channels = shapes["state"][3] if "state" in shapes else 0
        self.map_channels = film_maps(shapes)
        self.style_names, self.margin = _about(self._session, path)
        self._shapes = shapes
        self._frame = self._stylized = np.empty((1, 0, 0, 3), np.float32)

    def run_pixels(
        self, frame: Pixels, style: Tensor, state: Tensor | None = None
    ) -> tuple[Pixels, Tensor | None]:
        """One step for a frame of (H, W, 3); no state means the start of a clip."""
        after = self._run(frame, {"style": style, "state": state})
        return to_uint8(self._stylized[0]), after

    def run_film(self, frame: Pixels, style: Tensor, maps: Mapping[str, Tensor]) -> Tensor:
        """One step of a network of film quality, which is given `maps` of the frame's size; out (1, H, W, 3)."""
        self._run(frame, {"style": style, **maps})
        return self._stylized.copy()

    def try_once(self) -> None:
        """Run on a black frame, to see whether the network runs at all."""
        frame = np.zeros((*(self.size or TRIAL_SIZE), 3), np.uint8)
        self.run_pixels(frame, np.zeros((1, self.num_styles), np.float32))

    def _run(self, frame: Pixels, given: Mapping[str, Tensor | None]) -> Tensor | None:
        """Paint into `_stylized` and return the next state; inputs that are not given are zeros."""
        height, width = frame.shape[0], frame.shape[1]
        if self._frame.shape[1:3] != (height, width):
            self._allocate(height, width)
        to_float(frame, out=self._frame[0])
        binding = self._session.io_binding()
        binding.bind_cpu_input("frame", self._frame)
        after = None
        for name, open_shape in self._shapes.items():
            shape, value = shape_at(name, open_shape, (height, width)), given.get(name)
            if name != "frame":
                binding.bind_cpu_input(name, np.zeros(shape, np.float32) if value is None else value)
            if name == "state":
                after = np.empty(shape, np.float32)
                _bind_output(binding, NEXT_STATE, after)
        _bind_output(binding, "stylized", self._stylized)
        try:
            self._session.run_with_iobinding(binding)
        except Exception as error:  # its own classes share no base but this one
            raise UserError(
                f"{self.path} cannot run on frames of {width}x{height} ({first_line(error)}); "
                "try another --size."
            ) from error
        return after

    def _allocate(self, height: int, width: int) -> None:
        if height * width > MOST_PIXELS:
            raise UserError(f"a frame of {width}x{height} is too large to stylize; give a smaller --size.")
        if self.size not in (None, (height, width)):
            raise UserError(f"{self.path} cannot run on frames of {width}x{height}; try another --size.")
        self._frame = np.empty((1, height, width, 3), np.float32)
        self._stylized = np.empty_like(self._frame)


def _import() -> Any:
    try:
        return importlib.import_module("onnxruntime")
    except ImportError as error:
        raise UserError(
            "an .onnx network needs ONNX Runtime; install it with `pip install onnxruntime` "
            "(on a Jetson or with CUDA: onnxruntime-gpu), or use the .tflite file."
        ) from error


def _open(library: Any, path: Path, content: bytes, threads: int) -> Any:
    options = library.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = QUIET
    present = library.get_available_providers()
    chosen = [provider for provider in PROVIDERS if provider in present]
    try:
        return library.InferenceSession(content, options, providers=chosen)
    except Exception as error:  # its own classes share no base but this one
        reason = "it is empty" if not content else f"ONNX Runtime cannot read it ({first_line(error)})"
        raise not_ours(path, reason) from error


def _input_shapes(session: Any, path: Path) -> dict[str, list[int]]:
    inputs = {each.name: each for each in session.get_inputs()}
    outputs = {each.name: each for each in session.get_outputs()}
    if (set(inputs), set(outputs)) not in (RECURRENT, FORGETFUL, FILM, NOISY_FILM):
        raise not_ours(path, f"it takes {sorted(inputs)} and gives {sorted(outputs)}")
    for name, each in (*inputs.items(), *outputs.items()):
        rank = RANKS["state" if name == NEXT_STATE else name]
        if each.type != "tensor(float)" or len(each.shape) != rank:
            raise not_ours(path, f"`{name}` is not float32 with {rank} dimensions")
    # Where a size is open, ONNX gives it a name.
    shapes = {
        name: [side if isinstance(side, int) else -1 for side in each.shape] for name, each in inputs.items()
    }
    check_shapes(shapes, path)
    return shapes


def _about(session: Any, path: Path) -> tuple[tuple[str, ...], int | None]:
    """The names of the styles and the margin, as far as the file knows them."""
    about = session.get_modelmeta().custom_metadata_map
    margin = about.get("margin")
    if margin is not None and not margin.isdecimal():
        raise not_ours(path, f"its `margin` is {margin!r}, not a number of pixels")
    return tuple(about.get("styles", "").splitlines()), None if margin is None else int(margin)


def _bind_output(binding: Any, name: str, array: Tensor) -> None:
    binding.bind_output(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
