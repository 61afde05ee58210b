"""Ctrl-C at any moment of the start is one line and status 130."""

import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

REPOSITORY = Path(__file__).parents[2]
INTERRUPTED_IMPORT = """
import os, signal, sys
class Interrupting:
    def find_spec(self, name, *_):
        if name == sys.argv[1]:
            sys.argv[1:] = ["stylize", "in.mp4", "-o", "out.mp4", "--style", "a"]
            os.kill(os.getpid(), signal.SIGINT)
from edge.__main__ import main
sys.meta_path.insert(0, Interrupting())
sys.exit(main())
"""


def interrupt(module: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", INTERRUPTED_IMPORT, module]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)


@pytest.mark.parametrize(
    "module", ["edge.cli", "edge.stylize", "numpy", "numpy.linalg", "cv2", "av.video", "tqdm"]
)
def test_ctrl_c_while_something_is_imported(module):
    done = interrupt(module)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "vst: stopped; nothing unfinished was left behind.\n"


def test_who_had_us_ignore_ctrl_c_is_heeded():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        done = interrupt("numpy")
    finally:
        signal.signal(signal.SIGINT, before)
    assert done.returncode == 2


def test_libraries_write_no_lines_of_their_own(tmp_path, negative):
    """A PNG whose checksum is wrong, of which libpng complains, is one line or none, but ours."""
    done, content = cv2.imencode(".png", np.full((30, 40, 3), 90, np.uint8))
    assert done
    damaged = bytearray(content.tobytes())
    damaged[damaged.index(b"IDAT") + 20] ^= 0xFF
    (tmp_path / "in.png").write_bytes(damaged)
    arguments = ["stylize", tmp_path / "in.png", "-o", tmp_path / "out.png", "--model", negative]
    command = [sys.executable, "-m", "edge", *arguments]
    quiet = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=False)
    loud = subprocess.run([*command, "--debug"], cwd=REPOSITORY, capture_output=True, check=False)
    assert b"libpng" in loud.stderr or b"WARN" in loud.stderr, (
        "the picture is not damaged enough for this test"
    )
    assert all(line.startswith(b"vst: ") for line in quiet.stderr.splitlines())
