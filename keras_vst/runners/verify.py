"""Makes sure of a .tflite file before it is opened in this process.

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

from keras_vst.errors import UserError
from keras_vst.runners.signature import not_ours
from keras_vst.runners.tflite import Runner, default_threads, find_runtime

IDENTIFIER = b"TFL3"
LARGEST = 512 * 2**20  # bytes; ours have one or two million
PATIENCE = 30  # seconds for the child, which takes half of one; flipped bits can make endless loops

# The child: 0 is fine, 2 a UserError that this process then finds out for itself without danger.
TRIAL = """
import sys
from pathlib import Path
from keras_vst.runners.verify import try_out
sys.exit(try_out(Path(sys.argv[1]), sys.argv[2]))
"""


def open_runner(
    path: str | Path, *, runtime: str | None = None, threads: int | None = None, sha256: str | None = None
) -> Runner:
    """Open a network file, or raise a UserError that says why it is not one."""
    path = Path(path)
    if threads is not None and threads < 1:
        raise UserError(f"the number of threads must be at least 1, but is {threads}.")
    chosen = find_runtime(runtime)
    content = read_network(path, sha256)
    if sha256 is None:
        _try_in_child(path, chosen.name)
    return Runner(path, content, chosen, threads or default_threads())


def read_network(path: Path, sha256: str | None = None) -> bytes:
    """The bytes of a file that looks like a .tflite and, if given, has this checksum."""
    content = read_file(path)
    if content[4:8] != IDENTIFIER:
        raise not_ours(path, "it is empty" if not content else "it is no .tflite file")
    check_sum(path, content, sha256)
    return content


def read_file(path: Path) -> bytes:
    """The bytes of a file of any kind that may be a network."""
    if not path.is_file():
        raise UserError(
            f"there is no network file {path}; check the name, or export one with `python -m export`."
        )
    if path.stat().st_size > LARGEST:
        raise not_ours(path, f"it has more than {LARGEST >> 20} MiB")
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}; check its permissions.") from error


def check_sum(path: Path, content: bytes, sha256: str | None) -> None:
    """Refuse a file that is not the one its card was written for."""
    if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
        raise not_ours(path, "it is damaged, its checksum is not the one on its card")


def try_out(path: Path, runtime: str) -> int:
    """Open and run a file at a small size; what the child process does.  Returns its exit status."""
    try:
        Runner(path, path.read_bytes(), find_runtime(runtime), threads=1).try_once()
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
