"""Workers on many machines: each task is one of Ray's, and only small values go through its object store.

Ray does not try again by itself: a lost process or machine is an answer like any other, and the driver counts tries.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import ExitStack, redirect_stdout, suppress
from io import StringIO
from queue import Empty, SimpleQueue
from typing import Any

import ray  # pyright: ignore[reportMissingImports]  the extra `cluster` has it
from ray.exceptions import RayError  # pyright: ignore[reportMissingImports]

from edge.batch import processes
from edge.batch.driver import Task
from edge.batch.work import Answer, perform, waiting
from edge.options import counted
from keras_vst.errors import UserError
from keras_vst.networks.base import first_line

PATIENCE = 5  # seconds for the head to answer
POLL = 0.5  # seconds to wait for an answer
EVERY = 2.0  # seconds between two looks at how many cores there are
AHEAD = 2  # tasks for each that runs, so that no worker waits for the driver


class Cluster:
    """An engine of all cores of a running Ray cluster, `threads` of them a task, `most` tasks at once."""

    def __init__(self, address: str, threads: int, most: int | None) -> None:
        """Join it; this machine must be one of its own."""
        try:
            if address != "auto":  # Ray itself would try for minutes
                host, _, port = address.rpartition(":")
                socket.create_connection((host, int(port)), PATIENCE).close()
            ray.init(address=address, log_to_driver=False, logging_level="ERROR", configure_logging=False)
        except (RayError, ValueError, OverflowError, RuntimeError, OSError) as error:
            raise UserError(
                f"there is no Ray cluster at {address} ({first_line(error)}); start one with `ray start --head`, join "
                "it on every machine with `ray start --address HOST:6379`, and name that or `auto`."
            ) from error
        self._threads, self._most = threads, most
        self._cores, self._look_again = 0, 0.0
        settings = {"num_cpus": threads, "max_retries": 0, "scheduling_strategy": "SPREAD"}
        self._perform = ray.remote(perform_in_time).options(**settings)
        self._running: dict[ray.ObjectRef, Task] = {}
        self._hushed = ExitStack()  # Ray tells of lost workers on our standard output, where the row belongs
        self._hushed.enter_context(redirect_stdout(StringIO()))

    def room(self) -> int:
        """What its machines can do, as of a moment ago, and some more to come."""
        if time.monotonic() >= self._look_again:
            with suppress(RayError):  # its head is busy; what was known holds
                self._cores = int(ray.cluster_resources().get("CPU", 0))
            self._look_again = time.monotonic() + EVERY
        ahead = max(1, self._cores // self._threads) * AHEAD
        return ahead if self._most is None else min(self._most, ahead)

    def submit(self, task: Task) -> None:
        """Put it into Ray's queue."""
        wanted = (processes.PATIENCE, task.work, task.course.video, *task.arguments)
        self._running[self._perform.remote(*wanted)] = task

    def answers(self) -> list[tuple[Task, Answer]]:
        """What has come within a moment; of a process or machine that was lost, that it was."""
        came = []
        for ref in ray.wait(list(self._running), timeout=POLL)[0]:
            task = self._running.pop(ref)
            try:
                answer = ray.get(ref)
            except RayError as error:
                reason = f"its worker was lost ({type(error).__name__})"
                answer = Answer(reason=reason, again=True)
            came.append((task, answer))
        return came

    def told(self) -> str:
        """How large it is."""
        alive = sum(node["Alive"] for node in ray.nodes())
        return f"a cluster of {counted(alive, 'machine')}"

    def close(self) -> None:
        """Leave it; what still runs there is ended."""
        for ref in self._running:
            with suppress(RayError, ValueError):
                ray.cancel(ref, force=True)
        ray.shutdown()
        self._hushed.close()


def perform_in_time(patience: float, *wanted: Any) -> Answer:
    """What `perform` answers, or that its decoder hangs; a process in which one hangs ends when it is asked again."""
    if waiting() >= patience:  # then what is asked for now is lost, and tried again in another
        os._exit(processes.HANGS)
    done: SimpleQueue[Answer] = SimpleQueue()
    threading.Thread(target=lambda: done.put(perform(*wanted)), daemon=True).start()
    while waiting() < patience:
        with suppress(Empty):
            return done.get(timeout=POLL)
    return processes.hanging(patience)
