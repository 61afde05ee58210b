"""A server of tiny networks in a thread of its own, on loopback, and one whose painting can be held up."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np
import pytest

from edge.serve.limits import Limits
from keras_vst import zoo

if TYPE_CHECKING:
    from edge.serve.serving import Serving

PATIENCE = 60  # seconds; the machine may be busy


class Answer(NamedTuple):
    """One answer over HTTP."""

    status: int
    body: bytes
    headers: Any

    @property
    def told(self) -> Any:
        """Its JSON."""
        return json.loads(self.body)


class Running:
    """A server that answers until `stop`."""

    def __init__(self, serving: Callable[[], Serving], *, host: str = "127.0.0.1", token: str = "") -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.serving = self._call(self._made(serving))
        try:
            self.guard = self._call(self.serving.open(host, 0, 0, token))
        except BaseException:
            self._end()
            raise
        self.port, self.grpc_port = self.serving.port, self.serving.grpc_port

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """One request in a connection of its own; `_` in names of headers are dashes."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            line.request(
                method, path, body, {name.replace("_", "-"): value for name, value in headers.items()}
            )
            answer = line.getresponse()
            return Answer(answer.status, answer.read(), answer.headers)
        finally:
            line.close()

    def infer(self, style: str, message: dict[str, Any]) -> Answer:
        """One inference request in JSON."""
        return self.ask("POST", f"/v2/models/{style}/infer", json.dumps(message).encode())

    def stop(self) -> bool:
        """Whether all that was accepted was finished."""
        finished = self._call(self.serving.close())
        self._end()
        return finished

    def figure(self, name: str) -> float:
        """One line of /metrics."""
        lines = self.ask("GET", "/metrics").body.decode().splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(name)), 0.0)

    async def _made(self, serving: Callable[[], Serving]) -> Serving:
        return serving()

    def _call(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()


class Gate:
    """Networks that paint the negative once they are let; counts how many began."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.begun = 0
        self.styles: list[str] = []

    def __call__(self, parts: Any) -> Any:
        gate = self

        class Network:
            path, size, margin, map_channels = Path(parts[0][0]), None, None, {}

            def paint(self, frame: np.ndarray) -> np.ndarray:
                gate.begun += 1
                gate.styles.append(parts[0][0])
                assert gate.open.wait(PATIENCE)
                return 255 - frame

        return Network()


Start = Callable[..., Running]


@pytest.fixture
def start(bundled: Path) -> Iterator[Start]:
    """Starts servers of the styles `dark`, `light` and `plain`."""
    pytest.importorskip("prometheus_client", reason="the server needs the extra `serve`")
    pytest.importorskip("grpc", reason="the server needs the extra `serve`")
    from edge.serve.serving import Serving
    from edge.serve.workers import opener

    running: list[Running] = []

    def begin(
        opened: Any = None, workers: int = 2, host: str = "127.0.0.1", token: str = "", **limits: Any
    ) -> Running:
        styles = {style.name: style for style in zoo.styles()}
        make = lambda: Serving(styles, opened or opener(styles), "test", workers, Limits(**limits))  # noqa: E731
        running.append(Running(make, host=host, token=token))
        return running[-1]

    yield begin
    for each in running:
        if each._thread.is_alive():
            each.stop()


@pytest.fixture
def server(start: Start) -> Running:
    """One with the usual limits."""
    return start()


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Holds painting up; open in the end."""
    held = Gate()
    yield held
    held.open.set()


def drawn(height: int = 48, width: int = 64, seed: int = 0) -> np.ndarray:
    """A smooth picture."""
    coarse = np.random.default_rng(seed).integers(40, 216, (4, 4, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def jpeg(pixels: np.ndarray, quality: int = 95) -> bytes:
    return cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def pixels_of(content: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def frame_tensor(frames: np.ndarray, **more: Any) -> dict[str, Any]:
    """The tensor `frame` for JSON."""
    kind = "UINT8" if frames.dtype == np.uint8 else "FP32"
    return {
        "name": "frame",
        "shape": list(frames.shape),
        "datatype": kind,
        "data": frames.ravel().tolist(),
        **more,
    }
