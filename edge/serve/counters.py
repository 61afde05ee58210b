"""What the server counts, as Prometheus reads it: requests by what came of them, times, how full it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from edge.serve.limits import Refusal

BUCKETS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)  # seconds


class Counters:
    """Of one server; a registry of its own, as a process may hold several."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        """Start at zero."""
        self._registry = CollectorRegistry()
        registry: dict[str, Any] = {"registry": self._registry}
        names = ["protocol", "outcome"]
        self._requests = Counter("vst_requests", "Requests by what came of them.", names, **registry)
        self._answers = Histogram(
            "vst_answer_seconds",
            "From the head of a request to its answer.",
            ["protocol"],
            buckets=BUCKETS,
            **registry,
        )
        self._waits = Histogram(
            "vst_wait_seconds", "Before a worker took a picture.", ["kind"], buckets=BUCKETS, **registry
        )
        self._paints = Histogram(
            "vst_paint_seconds", "Of a worker for a picture.", ["kind"], buckets=BUCKETS, **registry
        )
        self._missed = Counter("vst_missed_frames", "Viewers' frames that newer ones replaced.", **registry)

    def watch(self, name: str, told: str, value: Callable[[], float]) -> None:
        """A figure that is asked for when it is read."""
        Gauge(name, told, registry=self._registry).set_function(value)

    @contextmanager
    def request(self, protocol: str) -> Iterator[None]:
        """Around one request: what came of it and how long it took."""
        begin, outcome = time.monotonic(), "left"
        try:
            yield
            outcome = "done"
            self._answers.labels(protocol).observe(time.monotonic() - begin)
        except Refusal as refusal:
            outcome = refusal.kind
            raise
        finally:
            self._requests.labels(protocol, outcome).inc()

    def painted(self, live: bool, waited: float, took: float) -> None:
        """One picture is painted."""
        kind = "live" if live else "request"
        self._waits.labels(kind).observe(waited)
        self._paints.labels(kind).observe(took)

    def missed(self) -> None:
        """A viewer's frame gave way to a newer one."""
        self._missed.inc()

    def text(self) -> bytes:
        """All of it."""
        return generate_latest(self._registry)
