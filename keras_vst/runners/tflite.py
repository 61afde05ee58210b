"""One .tflite network in whichever TFLite runtime is installed, its tensors addressed by name.

In: `frame` (1, H, W, 3) float32 in [0, 1], `style` (1, S) weights, `state` (1, H / 4, W / 4, C).
Out: `stylized` (1, H, W, 3) in [0, 1] and the `state` to hand in with the next frame.  A network without
a memory has no `state` on either side; one of film quality has `warped`, `visible` and perhaps `noise` instead
(keras_vst.runners.film).  H and W are free unless the file fixes them.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from keras_vst.commands import hushed
from keras_vst.errors import UserError
from keras_vst.frames import Pixels, to_float, to_uint8
from keras_vst.runners.signature import film_maps, not_ours, read_signature

Tensor = npt.NDArray[np.float32]

RUNTIMES = {"litert": "ai-edge-litert", "tflite-runtime": "tflite-runtime"}  # name -> what pip calls it
TRIAL_SIZE = (64, 64)
MOST_PIXELS = 2**26  # twice an 8K frame; a network needs some 50 bytes for each
MOST_THREADS = 4  # more gain little on networks this small, and decoding and encoding want cores as well


@dataclass(frozen=True)
class Runtime:
    """An installed TFLite runtime."""

    name: str
    version: str
    interpreter: Any


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


def default_threads() -> int:
    """As many threads as there are cores for us, within reason."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(MOST_THREADS, usable)


class Runner:
    """A network, ready to run; the runtime's buffers are made once and again when the size changes.

    Takes the bytes of a file as they are: damaged ones can end the process.  `keras_vst.runners.verify.open_runner`
    makes sure of them first.
    """

    def __init__(self, path: Path, content: bytes, runtime: Runtime, threads: int) -> None:
        """Read names and sizes from the file; `path` is for messages."""
        self.path, self.runtime, self.threads = path, runtime, threads
        self._content = content
        self._interpreter = self._open()
        signature = read_signature(self._interpreter, path)
        self._signature = signature
        self._inputs, self._outputs = signature.inputs, signature.outputs
        self.num_styles, self.state_channels = signature.num_styles, signature.state_channels
        self.size = signature.size  # (height, width) where the file fixes it
        self.style_names: tuple[str, ...] = ()
        self.margin: int | None = None
        self._allocated: tuple[int, int] | None = None

    def run(self, frame: Tensor, style: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """One step; no state means the start of a clip.  Returns the stylized frame and the next state."""
        self._prepare((frame.shape[1], frame.shape[2]), {"style": style, "state": state})
        self._set("frame", frame)
        self._interpreter.invoke()
        return self._get("stylized"), self._next_state()

    def run_pixels(
        self, frame: Pixels, style: Tensor, state: Tensor | None = None
    ) -> tuple[Pixels, Tensor | None]:
        """The same for (H, W, 3) uint8: converted straight into and out of the runtime's own memory.

        At 656x376 that takes 1.2 ms less of the processor than handing float tensors over.  A signature of
        uint8 tensors, tried on the same network, takes what this takes (50 ms, the network included), and
        packs the weights a second time.
        """
        self._prepare((frame.shape[0], frame.shape[1]), {"style": style, "state": state})
        # The runtime refuses to run while somebody still looks into its memory, so no view is kept.
        to_float(frame, out=self._interpreter.tensor(self._inputs["frame"])()[0])
        self._interpreter.invoke()
        return to_uint8(self._interpreter.tensor(self._outputs["stylized"])()[0]), self._next_state()

    def run_film(self, frame: Pixels, style: Tensor, maps: Mapping[str, Tensor]) -> Tensor:
        """One step of a network of film quality, which is given `maps` of the frame's size; out (1, H, W, 3)."""
        self._prepare((frame.shape[0], frame.shape[1]), {"style": style, **maps})
        self._set("frame", to_float(frame)[np.newaxis])
        self._interpreter.invoke()
        return self._get("stylized")

    def try_once(self) -> None:
        """Run on a black frame, to see whether the network runs at all."""
        frame = np.zeros((1, *(self.size or TRIAL_SIZE), 3), np.float32)
        self.run(frame, np.zeros((1, self.num_styles), np.float32))

    def initial_state(self, size: tuple[int, int]) -> Tensor:
        """The state before the first frame of (height, width): zeros."""
        return np.zeros(self._signature.shapes_at(size)["state"], np.float32)

    @property
    def map_channels(self) -> dict[str, int]:
        """What a network of film quality is given beside the frame, and in how many channels; {} for others."""
        return film_maps(self._signature.shapes)

    def _prepare(self, size: tuple[int, int], given: Mapping[str, Tensor | None]) -> None:
        """Set every input but the frame; zeros are the start of a clip, and no noise."""
        if size != self._allocated:
            self._allocate(size)
        for name, shape in self._signature.shapes_at(size).items():
            if name != "frame":
                value = given.get(name)
                self._set(name, np.zeros(shape, np.float32) if value is None else value)

    def _next_state(self) -> Tensor | None:
        return self._get("state") if self.state_channels else None

    def _get(self, name: str) -> Tensor:
        return self._interpreter.get_tensor(self._outputs[name])

    def _set(self, name: str, value: Tensor) -> None:
        self._interpreter.set_tensor(self._inputs[name], value)

    def _open(self) -> Any:
        try:
            with hushed():
                return self.runtime.interpreter(model_content=self._content, num_threads=self.threads)
        except (ValueError, RuntimeError) as error:
            raise not_ours(self.path, f"{self.runtime.name} cannot read it ({first_line(error)})") from error

    def _allocate(self, size: tuple[int, int]) -> None:
        height, width = size
        if height * width > MOST_PIXELS:
            raise UserError(f"a frame of {width}x{height} is too large to stylize; give a smaller --size.")
        shapes = {name: shape for name, shape in self._signature.shapes_at(size).items() if name != "style"}
        # A fresh interpreter: after one failed allocation tflite-runtime stays without its fast kernels.
        self._allocated, self._interpreter = None, self._open()
        try:
            with hushed():
                for name, shape in shapes.items():
                    self._interpreter.resize_tensor_input(self._inputs[name], shape, strict=True)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError, MemoryError) as error:
            raise UserError(
                f"{self.path} cannot run on frames of {width}x{height} ({first_line(error)}); "
                "try another --size."
            ) from error
        self._allocated = size


def first_line(error: BaseException) -> str:
    """What went wrong, short enough for a message."""
    text = (str(error) or type(error).__name__).splitlines()[0]
    return text if len(text) < 120 else text[:117] + "..."
