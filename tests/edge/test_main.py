"""Ctrl-C at any moment of the start is one line and status 130."""

import signal
import subprocess
import sys
from pathlib import Path

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
