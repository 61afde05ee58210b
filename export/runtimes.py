"""The runtimes that a file may meet, each in a child process: a .tflite file can end the process that opens it.

Frames (T, H, W, 3) uint8; a played clip is (T, H, W, 3), float32 in [0, 1] or uint8.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from export.stepper import COMPILED, PROGRAM

NAMES = ("litert", "tflite-runtime", "onnxruntime")  # what --runtime takes
TFLITE_PYTHON = "KERAS_VST_TFLITE_PYTHON"
_ENVIRONMENT = Path(__file__).parents[1] / ".venv-tflite" / "bin" / "python"
PATIENCE = 600  # seconds for a clip in a child; flipped bits can make endless loops
TRIAL_PATIENCE = 60
_UNSAFE = (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGILL)


@dataclass(frozen=True)
class Runtime:
    """A TFLite runtime and the Python that has it."""

    name: str  # as stepper.py knows it
    python: Path
    label: str


class CannotPlay(Exception):
    """A runtime refused a file, died of it or did not come to an end; the message says which."""


def tflite_runtimes(wanted: tuple[str, ...]) -> tuple[list[Runtime], dict[str, str]]:
    """Those beside the LiteRT Interpreter that can play a .tflite file here, and why others cannot."""
    found, missing = [], {}
    here = Path(sys.executable)
    if "litert" in wanted:
        label = f"LiteRT {importlib.metadata.version('ai-edge-litert')} CompiledModel"
        found.append(Runtime(COMPILED, here, label))
    if "tflite-runtime" in wanted:
        python = _tflite_python()
        version = _version(python) if python else ""
        if python and version:
            found.append(Runtime("tflite-runtime", python, f"tflite-runtime {version}"))
        else:
            missing["tflite-runtime"] = (
                "it is not installed here: it wants Python 3.11 and numpy 1, an environment of its own; name that "
                f"one's Python in {TFLITE_PYTHON}"
            )
    return found, missing


def has_onnxruntime() -> bool:
    """Whether ONNX files can be played here."""
    return importlib.util.find_spec("onnxruntime") is not None


def play_in_child(
    runtime: Runtime,
    network: Path,
    signature: str,
    frames: npt.NDArray[np.uint8],
    patience: float = PATIENCE,
) -> npt.NDArray[Any]:
    """The stylized clip; CannotPlay where the child came back without one."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{name}.npy" for name in ("frames", "stylized")]
        np.save(paths[0], frames)
        # -I: neither this folder nor the user's packages may shadow what the runtime imports.
        command = [runtime.python, "-I", PROGRAM, runtime.name, network, signature, *paths]
        try:
            done = subprocess.run(list(map(str, command)), capture_output=True, timeout=patience)
        except subprocess.TimeoutExpired as error:
            raise CannotPlay(f"{runtime.label} did not come to an end within {patience:.0f} s") from error
        if done.returncode:
            raise CannotPlay(f"{runtime.label} {_reason(done)}")
        return np.load(paths[1])


def try_out(network: Path, signatures: tuple[str, ...], size: tuple[int, int]) -> None:
    """Open and run a file where it can do no harm, before it is opened here; CannotPlay names what went wrong."""
    runtime = Runtime("litert", Path(sys.executable), "LiteRT")
    for signature in signatures:
        play_in_child(runtime, network, signature, np.zeros((1, *size, 3), np.uint8), TRIAL_PATIENCE)


def _reason(done: subprocess.CompletedProcess[bytes]) -> str:
    if -done.returncode in _UNSAFE:
        return f"died of it ({signal.Signals(-done.returncode).name})"
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    errors = [line for line in lines if "Error" in line or "error" in line]
    return f"refused it ({(errors or lines or ['no reason given'])[-1][:200]})"


def _tflite_python() -> Path | None:
    named = os.environ.get(TFLITE_PYTHON)
    for candidate in (Path(named) if named else None, _ENVIRONMENT):
        if candidate is not None and candidate.is_file():
            return candidate
    return None


def _version(python: Path) -> str:
    question = (
        "import tflite_runtime.interpreter as i, importlib.metadata as m; print(m.version('tflite-runtime'))"
    )
    done = subprocess.run([str(python), "-I", "-c", question], capture_output=True, text=True, timeout=60)
    return done.stdout.strip() if done.returncode == 0 else ""
