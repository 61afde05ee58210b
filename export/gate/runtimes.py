"""The runtimes that a .tflite file may meet, each in a child process: such a file can end the process that opens it.

Frames (T, H, W, 3) uint8; a played clip is (T, H, W, 3), float32 in [0, 1] or uint8.  The child is this file as a
program, `python -I runtimes.py RUNTIME NETWORK SIGNATURE FRAMES.npy PLAYED.npy`, perhaps in another environment: it
needs NumPy and a runtime, and imports nothing of this package.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

RUNTIMES = (
    "litert",
    "tflite-runtime",
    "onnxruntime",
)  # what --runtime takes; the last has no .tflite files to play
MODULES = {"litert": "ai_edge_litert.interpreter", "tflite-runtime": "tflite_runtime.interpreter"}
COMPILED = "litert-compiled"
TFLITE_PYTHON = "KERAS_VST_TFLITE_PYTHON"
ENVIRONMENT = Path(__file__).parents[2] / ".venv-tflite" / "bin" / "python"
PROGRAM = Path(__file__)
PATIENCE = 600  # seconds for a clip in a child; flipped bits can make endless loops
DEATHS = (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGILL)

Array = npt.NDArray[Any]
Step = Callable[[Array], Array]  # (1, H, W, 3) as the signature takes it -> as it gives it


@dataclass(frozen=True)
class Runtime:
    """A TFLite runtime and the Python that has it."""

    name: str  # as `play` knows it
    python: Path
    label: str


class CannotPlay(Exception):
    """A runtime refused a file, died of it or did not come to an end; the message says which."""


def find_runtimes(wanted: tuple[str, ...]) -> tuple[list[Runtime], dict[str, str]]:
    """Those beside the LiteRT Interpreter that can play a .tflite file here, and why others cannot."""
    found, missing = [], {}
    if "litert" in wanted:
        label = f"LiteRT {importlib.metadata.version('ai-edge-litert')} CompiledModel"
        found.append(Runtime(COMPILED, Path(sys.executable), label))
    if "tflite-runtime" in wanted:
        python = Path(os.environ.get(TFLITE_PYTHON) or ENVIRONMENT)
        version = _version(python) if python.is_file() else ""
        if version:
            found.append(Runtime("tflite-runtime", python, f"tflite-runtime {version}"))
        else:
            missing["tflite-runtime"] = (
                "it is not installed here: it wants Python 3.11 and numpy 1, an environment of its own; name that "
                f"one's Python in {TFLITE_PYTHON}"
            )
    return found, missing


def play_in_child(
    runtime: Runtime, network: Path, signature: str, frames: Array, patience: float = PATIENCE
) -> Array:
    """The played clip; CannotPlay where the child came back without one."""
    with tempfile.TemporaryDirectory() as folder:
        given, played = (Path(folder) / f"{name}.npy" for name in ("frames", "played"))
        np.save(given, frames)
        # -I: neither this folder nor the user's packages may shadow what the runtime imports.
        command = [runtime.python, "-I", PROGRAM, runtime.name, network, signature, given, played]
        try:
            done = subprocess.run(list(map(str, command)), capture_output=True, timeout=patience)
        except subprocess.TimeoutExpired as error:
            raise CannotPlay(f"{runtime.label} did not come to an end within {patience:.0f} s") from error
        if done.returncode:
            raise CannotPlay(f"{runtime.label} {_reason(done)}")
        return np.load(played)


def play(runtime: str, content: bytes, signature: str, frames: Array) -> Array:
    """The clip as "litert", "litert-compiled" or "tflite-runtime" plays it: float32 in [0, 1], or uint8."""
    given = frames if signature.endswith("_u8") else np.divide(frames, np.float32(255), dtype=np.float32)
    opened = _compiled if runtime == COMPILED else _interpreted
    step = opened(runtime, content, signature, given[:1])
    return np.stack([step(given[time : time + 1])[0] for time in range(len(given))])


def _interpreted(runtime: str, content: bytes, signature: str, first: Array) -> Step:
    interpreter = importlib.import_module(MODULES[runtime]).Interpreter(model_content=content)
    runner = interpreter.get_signature_runner(signature)
    return lambda frame: runner(frame=frame)["stylized"]


def _compiled(runtime: str, content: bytes, signature: str, first: Array) -> Step:
    """LiteRT's CompiledModel; can end the process on networks that it cannot resize, so keep it in a child."""
    model = importlib.import_module("ai_edge_litert.compiled_model").CompiledModel.from_buffer(content)
    if tuple(model.get_input_tensor_details(signature)["frame"]["shape"]) != first.shape:
        model.resize_input_tensor_by_name(signature, "frame", first.shape)
    given = model.create_input_buffer_by_name(signature, "frame")
    made = model.create_output_buffer_by_name(signature, "stylized")

    def step(frame: Array) -> Array:
        given.write(np.ascontiguousarray(frame))
        model.run_by_name(signature, {"frame": given}, {"stylized": made})
        return np.array(made.read(first.size, first.dtype.type)).reshape(first.shape)

    return step


def _reason(done: subprocess.CompletedProcess[bytes]) -> str:
    if -done.returncode in DEATHS:
        return f"died of it ({signal.Signals(-done.returncode).name})"
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    errors = [line for line in lines if "Error" in line or "error" in line]
    return f"refused it ({(errors or lines or ['no reason given'])[-1][:200]})"


def _version(python: Path) -> str:
    question = (
        "import tflite_runtime.interpreter as i, importlib.metadata as m; print(m.version('tflite-runtime'))"
    )
    with suppress(OSError, subprocess.SubprocessError):  # no program at all, or one that never ends
        done = subprocess.run([str(python), "-I", "-c", question], capture_output=True, text=True, timeout=60)
        return done.stdout.strip() if done.returncode == 0 else ""
    return ""


if __name__ == "__main__":
    runtime, network, signature, frames, played = sys.argv[1:]
    np.save(played, play(runtime, Path(network).read_bytes(), signature, np.load(frames)))
