"""One .tflite network in whichever TFLite runtime is installed, its tensors addressed by name.

In: `frame` (1, H, W, 3) float32 in [0, 1]; of film quality also `warped`, `visible` and perhaps `noise`
(keras_vst.networks.film_clip).  Out: `stylized` (1, H, W, 3).  H and W are free unless the file fixes them.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from keras_vst.errors import UserError, hushed
from keras_vst.frames import Pixels, to_float, to_uint8
from keras_vst.networks import base
from keras_vst.networks.base import Runtime, Size, Tensor

SIGNATURE = "stylize"
RUNTIMES = {"litert": "ai-edge-litert", "tflite-runtime": "tflite-runtime"}  # name -> what pip calls it


def find_runtime(name: str | None = None) -> Runtime:
    """The runtime called `name`, or the first that is installed; a UserError says what to install."""
    if name is not None and name not in RUNTIMES:
        raise UserError(f"there is no runtime {name!r}; use one of: {', '.join(RUNTIMES)}.")
    for candidate in RUNTIMES if name is None else [name]:
        package = "ai_edge_litert" if candidate == "litert" else "tflite_runtime"
        try:
            interpreter = importlib.import_module(f"{package}.interpreter").Interpreter
        except (ImportError, AttributeError):  # the latter: tflite-runtime 2.14 beside numpy 2
            continue
        return Runtime(candidate, importlib.metadata.version(RUNTIMES[candidate]), interpreter)
    wanted = RUNTIMES[name or "litert"]
    limits = " (Python 3.11 or older, numpy below 2)" if name == "tflite-runtime" else ""
    raise UserError(f"no TFLite runtime can be used here; install it with `pip install {wanted}`{limits}.")


class TfliteNetwork:
    """A network, ready to run; the runtime's buffers are made once and again when the size changes.

    Takes the bytes of a file as they are: damaged ones can end the process.  `keras_vst.networks.open_network`
    makes sure of them first.
    """

    margin: int | None = None  # such a file does not tell

    def __init__(self, path: Path, content: bytes, runtime: Runtime, threads: int) -> None:
        """Read names and sizes from the file; `path` is for messages."""
        self.path, self.runtime, self.threads = path, runtime, threads
        self.content = content
        self._interpreter = self._open()
        self._inputs, self._stylized, checked = _read_signature(self._interpreter, path)
        self.size, self.map_channels = checked
        self._allocated: Size | None = None

    def paint(self, frame: Pixels) -> Pixels:
        """One frame: converted straight into and out of the runtime's own memory.

        At 656x376 that takes 1.2 ms less of the processor than handing float tensors over.  A signature of
        uint8 tensors takes what this takes, and packs the weights a second time.
        """
        self._run(frame, {})
        return to_uint8(self._interpreter.tensor(self._stylized)()[0])

    def paint_film(self, frame: Pixels, maps: Mapping[str, Tensor]) -> Tensor:
        """The same beside `maps` of the frame's size, in floats."""
        self._run(frame, maps)
        return self._interpreter.get_tensor(self._stylized)

    def prepare(self, size: Size) -> None:
        """Make the buffers for frames of (height, width), which the first of them would do else."""
        if size == self._allocated:
            return
        base.check_frame_size(size, self.size, self.path)
        # A fresh interpreter: after one failed allocation tflite-runtime stays without its fast kernels.
        self._allocated, self._interpreter = None, self._open()
        try:
            with hushed():
                for name, index in self._inputs.items():
                    shape = (1, *size, self.map_channels.get(name, 3))
                    self._interpreter.resize_tensor_input(index, shape, strict=True)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError, MemoryError) as error:
            raise base.cannot_run(self.path, size, error) from error
        self._allocated = size

    def _run(self, frame: Pixels, maps: Mapping[str, Tensor]) -> None:
        size = (frame.shape[0], frame.shape[1])
        self.prepare(size)
        for name, value in base.all_maps(self.map_channels, maps, size).items():
            self._interpreter.set_tensor(self._inputs[name], value)
        # The runtime refuses to run while somebody still looks into its memory, so no view is kept.
        to_float(frame, out=self._interpreter.tensor(self._inputs["frame"])()[0])
        self._interpreter.invoke()

    def _open(self) -> Any:
        try:
            return self.runtime.interpreter(model_content=self.content, num_threads=self.threads)
        except (ValueError, RuntimeError) as error:
            raise base.not_ours(
                self.path, f"{self.runtime.name} cannot read it ({base.first_line(error)})"
            ) from error


def _read_signature(
    interpreter: Any, path: Path
) -> tuple[dict[str, int], int, tuple[Size | None, dict[str, int]]]:
    """The tensor numbers of the inputs and of the output, the size that is fixed and the maps' channels."""
    if SIGNATURE not in interpreter.get_signature_list():
        raise base.not_ours(path, f"it has no signature `{SIGNATURE}`")
    # A signature's runner knows which tensor bears which name; it is dropped here, because it keeps the
    # interpreter from running, and calling it instead is slower on tflite-runtime (103 against 66 ms).
    runner = interpreter.get_signature_runner(SIGNATURE)
    inputs, outputs = runner.get_input_details(), runner.get_output_details()
    for name, details in (*inputs.items(), *outputs.items()):
        if details["dtype"] != np.float32:
            raise base.not_ours(path, f"`{name}` is not float32")
    shapes, given = (
        {name: [int(side) for side in details["shape_signature"]] for name, details in tensors.items()}
        for tensors in (inputs, outputs)
    )
    checked = base.check_tensors(shapes, given, path)
    first = {details["name"] for details in interpreter.get_input_details()}
    if first != {details["name"] for details in inputs.values()}:
        raise base.not_ours(path, f"`{SIGNATURE}` must be its first signature")
    numbers = {name: int(details["index"]) for name, details in inputs.items()}
    return numbers, int(outputs[base.OUTPUT]["index"]), checked
