"""One .tflite network in whichever TFLite runtime is installed, its tensors addressed by name.

In: `frame` (1, H, W, 3) float32 in [0, 1], `style` (1, S) weights, `state` (1, H / 4, W / 4, C).
Out: `stylized` (1, H, W, 3) in [0, 1] and the `state` to hand in with the next frame.  A network without
a memory has no `state` on either side.  H and W are free unless the file fixes them.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from keras_vst.errors import UserError

Tensor = npt.NDArray[np.float32]

RUNTIMES = {"litert": "ai-edge-litert", "tflite-runtime": "tflite-runtime"}  # name -> what pip calls it
SIGNATURE = "stylize"
RANKS = {"frame": 4, "style": 2, "state": 4, "stylized": 4}
MULTIPLE = 8  # sides of a frame are multiples of it
STATE_STRIDE = 4  # pixels of the frame, along a side, that go into one of the state
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


def not_ours(path: Path, reason: str) -> UserError:
    """The error for a file that is no network of ours."""
    return UserError(f"not a keras_vst network: {path}: {reason}; export it again with `python -m export`.")


class Runner:
    """A network, ready to run; the runtime's buffers are made once and again when the size changes.

    Takes the bytes of a file as they are: damaged ones can end the process.  `edge.verify.open_runner`
    makes sure of them first.
    """

    def __init__(self, path: Path, content: bytes, runtime: Runtime, threads: int) -> None:
        """Read names and sizes from the file; `path` is for messages."""
        self.path, self.runtime, self.threads = path, runtime, threads
        self._content = content
        self._interpreter = self._open()
        self._inputs, self._outputs, shapes = self._signature()
        self.num_styles = shapes["style"][1]
        self.size: tuple[int, int] | None = None  # (height, width) where the file fixes it
        if min(shapes["frame"]) > 0:
            self.size = shapes["frame"][1], shapes["frame"][2]
        self.state_channels = shapes["state"][3] if "state" in shapes else 0
        self._allocated: tuple[int, int] | None = None

    def run(self, frame: Tensor, style: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """One step; no state means the start of a clip.  Returns the stylized frame and the next state."""
        size = frame.shape[1], frame.shape[2]
        if size != self._allocated:
            self._allocate(size)
        self._set("frame", frame)
        self._set("style", style)
        if self.state_channels:
            self._set("state", self.initial_state(size) if state is None else state)
        self._interpreter.invoke()
        stylized = self._interpreter.get_tensor(self._outputs["stylized"])
        return stylized, self._interpreter.get_tensor(self._outputs["state"]) if self.state_channels else None

    def try_once(self) -> None:
        """Run on a black frame, to see whether the network runs at all."""
        frame = np.zeros((1, *(self.size or TRIAL_SIZE), 3), np.float32)
        self.run(frame, np.zeros((1, self.num_styles), np.float32))

    def initial_state(self, size: tuple[int, int]) -> Tensor:
        """The state before the first frame of (height, width): zeros."""
        return np.zeros(self._state_shape(size), np.float32)

    def _set(self, name: str, value: Tensor) -> None:
        self._interpreter.set_tensor(self._inputs[name], value)

    def _open(self) -> Any:
        try:
            with _hushed():
                return self.runtime.interpreter(model_content=self._content, num_threads=self.threads)
        except (ValueError, RuntimeError) as error:
            raise not_ours(self.path, f"{self.runtime.name} cannot read it ({_first_line(error)})") from error

    def _signature(self) -> tuple[dict[str, int], dict[str, int], dict[str, list[int]]]:
        """Tensor numbers of inputs and outputs by name, and the shapes of the inputs with -1 where open."""
        if SIGNATURE not in self._interpreter.get_signature_list():
            raise not_ours(self.path, f"it has no signature `{SIGNATURE}`")
        # A signature's runner knows which tensor bears which name; it is dropped here, because it keeps the
        # interpreter from running, and calling it instead is slower on tflite-runtime (103 against 66 ms).
        runner = self._interpreter.get_signature_runner(SIGNATURE)
        inputs, outputs = runner.get_input_details(), runner.get_output_details()
        with_state = {"frame", "style", "state"}, {"stylized", "state"}
        if (set(inputs), set(outputs)) not in (with_state, ({"frame", "style"}, {"stylized"})):
            raise not_ours(self.path, f"it takes {sorted(inputs)} and gives {sorted(outputs)}")
        for name, details in (*inputs.items(), *outputs.items()):
            if len(details["shape_signature"]) != RANKS[name] or details["dtype"] != np.float32:
                raise not_ours(self.path, f"`{name}` is not float32 with {RANKS[name]} dimensions")
        if {each["name"] for each in self._interpreter.get_input_details()} != {
            each["name"] for each in inputs.values()
        }:
            raise not_ours(self.path, f"`{SIGNATURE}` must be its first signature")
        shapes = {
            name: [int(side) for side in details["shape_signature"]] for name, details in inputs.items()
        }
        self._check_shapes(shapes)
        return _numbers(inputs), _numbers(outputs), shapes

    def _check_shapes(self, shapes: dict[str, list[int]]) -> None:
        batch, height, width, channels = shapes["frame"]
        if batch != 1 or channels != 3 or (height > 0) != (width > 0):
            raise not_ours(self.path, f"`frame` is {tuple(shapes['frame'])}, expected (1, H, W, 3)")
        if height > 0 and (height % MULTIPLE or width % MULTIPLE):
            raise not_ours(
                self.path, f"it is fixed to {width}x{height}, which are no multiples of {MULTIPLE}"
            )
        if min(shapes["style"]) < 1 or shapes.get("state", [1])[-1] < 1:
            raise not_ours(self.path, "the number of styles or of state channels is open")

    def _state_shape(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        return 1, size[0] // STATE_STRIDE, size[1] // STATE_STRIDE, self.state_channels

    def _allocate(self, size: tuple[int, int]) -> None:
        height, width = size
        if height * width > MOST_PIXELS:
            raise UserError(f"a frame of {width}x{height} is too large to stylize; give a smaller --size.")
        shapes = {"frame": (1, height, width, 3), "state": self._state_shape(size)}
        # A fresh interpreter: after one failed allocation tflite-runtime stays without its fast kernels.
        self._allocated, self._interpreter = None, self._open()
        try:
            with _hushed():
                for name in shapes.keys() & self._inputs.keys():
                    self._interpreter.resize_tensor_input(self._inputs[name], shapes[name], strict=True)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError, MemoryError) as error:
            raise UserError(
                f"{self.path} cannot run on frames of {width}x{height} ({_first_line(error)}); "
                "try another --size."
            ) from error
        self._allocated = size


@contextmanager
def _hushed() -> Iterator[None]:
    """Keep the runtime's chatter off stderr, which no setting stops; what matters comes as exceptions."""
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _numbers(details: dict[str, Any]) -> dict[str, int]:
    return {name: int(each["index"]) for name, each in details.items()}


def _first_line(error: BaseException) -> str:
    text = (str(error) or type(error).__name__).splitlines()[0]
    return text if len(text) < 120 else text[:117] + "..."
