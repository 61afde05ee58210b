"""Opens a network file, once it is sure of it, in whichever TFLite runtime is installed; tensors go by their names.

TFLite runtimes trust a file's offsets: of single flipped bits in a small network, tflite-runtime 2.14 died
(SIGSEGV, SIGBUS) of 3 in 10 and LiteRT 2.3 of 1 in 800.  So a file either has the checksum on its card, or
a child process opens and runs it first.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from keras_vst.errors import UserError, hushed
from keras_vst.frames import Pixels, to_float, to_uint8
from keras_vst.networks import base
from keras_vst.networks.base import Network, Runtime, Size, Tensor, count_threads, not_ours

SIGNATURE = "stylize"
RUNTIMES = {"litert": "ai-edge-litert", "tflite-runtime": "tflite-runtime"}  # name -> what pip calls it
IDENTIFIER = b"TFL3"
LARGEST = 512 * 2**20  # bytes; ours have one or two million
TRIAL_SIZE = (64, 64)
PATIENCE = 30  # seconds for the child, which takes half of one; flipped bits can make endless loops

# The child: 0 is fine, 2 a UserError that this process then finds out for itself without danger.
TRIAL = """
import sys
from pathlib import Path
from keras_vst.networks.opening import try_out
sys.exit(try_out(Path(sys.argv[1]), sys.argv[2]))
"""


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


def open_network(
    path: str | os.PathLike[str],
    *,
    runtime: str | None = None,
    threads: int | None = None,
    sha256: str | None = None,
) -> Network:
    """Open a .tflite or an .onnx file, or raise a UserError that says why it is not a network of ours."""
    path, count = Path(path), count_threads(threads)
    if path.suffix.lower() == ".onnx":
        if runtime is not None:
            raise UserError(f"{path} is run by ONNX Runtime; leave --runtime {runtime} out.")
        from keras_vst.networks.onnx import OnnxNetwork  # of .onnx files only

        return OnnxNetwork(path, read_file(path, sha256), count)
    chosen = find_runtime(runtime)
    content = read_network(path, sha256)
    if sha256 is None:
        _try_in_child(path, chosen.name)
    network = TfliteNetwork(path, content, chosen, count)
    # The runtime's greeting comes now, while it can be kept off stderr.
    network.prepare(network.size or TRIAL_SIZE)
    return network


def read_network(path: Path, sha256: str | None = None) -> bytes:
    """The bytes of a file that looks like a .tflite and, if given, has this checksum."""
    content = read_file(path, sha256)
    if content[4:8] != IDENTIFIER:
        raise not_ours(path, "it is empty" if not content else "it is no .tflite file")
    return content


def read_file(path: Path, sha256: str | None = None) -> bytes:
    """The bytes of a file of any kind that may be a network and, if given, has this checksum."""
    if not path.is_file():
        raise UserError(
            f"there is no network file {path}; check the name, or export one with `python -m export`."
        )
    if path.stat().st_size > LARGEST:
        raise not_ours(path, f"it has more than {LARGEST >> 20} MiB")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}; check its permissions.") from error
    if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
        raise not_ours(path, "it is damaged, its checksum is not the one on its card")
    return content


def try_out(path: Path, runtime: str) -> int:
    """Open a file and paint a small black frame; what the child process does.  Returns its exit status."""
    try:
        network = TfliteNetwork(path, path.read_bytes(), find_runtime(runtime), threads=1)
        network.paint(np.zeros((*(network.size or TRIAL_SIZE), 3), np.uint8))
    except UserError:
        return 2
    return 0


def child_environment() -> dict[str, str]:
    """That of another Python which is to find these packages, wherever they lie."""
    paths = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def _try_in_child(path: Path, runtime: str) -> None:
    command = [sys.executable, "-c", TRIAL, str(path.absolute()), runtime]
    try:
        done = subprocess.run(command, env=child_environment(), capture_output=True, timeout=PATIENCE)
        status = done.returncode
    except subprocess.TimeoutExpired:
        status = None
    if status not in (0, 2):
        raise not_ours(path, f"it is damaged, {runtime} cannot run it")
