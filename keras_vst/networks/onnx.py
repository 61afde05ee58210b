"""One .onnx network in ONNX Runtime, on whatever it finds: TensorRT, CUDA, or the processor.

The tensors are those of the .tflite files, all float32 NHWC.  The margin lies in the file itself.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from keras_vst.errors import UserError
from keras_vst.frames import Pixels, to_float, to_uint8
from keras_vst.networks import base
from keras_vst.networks.base import Runtime, Size, Tensor

PROVIDERS = ("TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider")  # best first
QUIET = 3  # of ONNX Runtime's levels: errors only; they come as exceptions too


class OnnxNetwork:
    """A network, ready to run; frame buffers are made once and again when the size changes."""

    def __init__(self, path: Path, content: bytes, threads: int) -> None:
        """Open the bytes of a file; `path` is for messages."""
        library = _import()
        self.path, self.threads = path, threads
        self._session = _open(library, path, content, threads)
        self.runtime = Runtime("onnxruntime", library.__version__, library.InferenceSession)
        shapes = _read_shapes(self._session.get_inputs(), path)
        given = _read_shapes(self._session.get_outputs(), path)
        self.size, self.map_channels = base.check_tensors(shapes, given, path)
        self.margin = _margin(self._session, path)
        self._frame = self._stylized = np.empty((1, 0, 0, 3), np.float32)

    def paint(self, frame: Pixels) -> Pixels:
        self._run(frame, {})
        return to_uint8(self._stylized[0])

    def paint_film(self, frame: Pixels, maps: Mapping[str, Tensor]) -> Tensor:
        self._run(frame, maps)
        return self._stylized.copy()

    def _run(self, frame: Pixels, maps: Mapping[str, Tensor]) -> None:
        size = (frame.shape[0], frame.shape[1])
        if self._frame.shape[1:3] != size:
            self._allocate(size)
        to_float(frame, out=self._frame[0])
        binding = self._session.io_binding()
        binding.bind_cpu_input("frame", self._frame)
        given = base.all_maps(self.map_channels, maps, size)  # kept until it has run
        for name, value in given.items():
            binding.bind_cpu_input(name, value)
        stylized = self._stylized
        binding.bind_output(base.OUTPUT, "cpu", 0, np.float32, stylized.shape, stylized.ctypes.data)
        try:
            self._session.run_with_iobinding(binding)
        except Exception as error:  # its own classes share no base but this one
            raise base.cannot_run(self.path, size, error) from error

    def _allocate(self, size: Size) -> None:
        base.check_frame_size(size, self.size, self.path)
        self._frame = np.empty((1, *size, 3), np.float32)
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
        reason = "it is empty" if not content else f"ONNX Runtime cannot read it ({base.first_line(error)})"
        raise base.not_ours(path, reason) from error


def _read_shapes(tensors: Any, path: Path) -> dict[str, list[int]]:
    for each in tensors:
        if each.type != "tensor(float)":
            raise base.not_ours(path, f"`{each.name}` is not float32")
    # Where a size is open, ONNX gives it a name.
    return {each.name: [side if isinstance(side, int) else -1 for side in each.shape] for each in tensors}


def _margin(session: Any, path: Path) -> int | None:
    margin = session.get_modelmeta().custom_metadata_map.get("margin")
    if margin is not None and not margin.isdecimal():
        raise base.not_ours(path, f"its `margin` is {margin!r}, not a number of pixels")
    return None if margin is None else int(margin)
