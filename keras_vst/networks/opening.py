"""Opens a network file, once it is sure of it.

TFLite runtimes trust a file's offsets: of single flipped bits in a small network, tflite-runtime 2.14 died
(SIGSEGV, SIGBUS) of 3 in 10 and LiteRT 2.3 of 1 in 800.  So a file either has the checksum on its card, or
a child process opens and runs it first.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from keras_vst.errors import UserError
from keras_vst.networks.base import Network, count_threads, not_ours
from keras_vst.networks.tflite import TfliteNetwork, find_runtime

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


def _try_in_child(path: Path, runtime: str) -> None:
    root = str(Path(__file__).parents[2])
    search_path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-c", TRIAL, str(path.absolute()), runtime]
    try:
        status = subprocess.run(
            command, env={**os.environ, "PYTHONPATH": search_path}, capture_output=True, timeout=PATIENCE
        ).returncode
    except subprocess.TimeoutExpired:
        status = None
    if status not in (0, 2):
        raise not_ours(path, f"it is damaged, {runtime} cannot run it")
