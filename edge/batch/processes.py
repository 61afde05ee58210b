"""Workers on this machine: a few processes, one task each at a time; one that is killed is replaced and told of."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from edge.batch.driver import Task
from edge.batch.work import Answer, perform, waiting
from edge.options import counted

POLL = 0.5  # seconds between two looks around
PATIENCE = 600.0  # seconds for one frame to be decoded
HANGS = 75  # status of a process whose decoder took longer
LOST = ConnectionError, EOFError, BrokenPipeError


@dataclass(eq=False)
class Worker:
    """One process and the line to it."""

    process: Any
    line: Connection


class Processes:
    """An engine of `count` processes of this machine; they end with us, however we end."""

    def __init__(self, count: int) -> None:
        """None is started before there is work."""
        self._count = count
        self._context = multiprocessing.get_context("spawn")  # a copy of a process with threads could hang
        self._idle: deque[Worker] = deque()  # the one that has waited the longest is next: not one in trouble
        self._busy: dict[Connection, tuple[Worker, Task]] = {}

    def room(self) -> int:
        """As many as there are processes."""
        return self._count

    def submit(self, task: Task) -> None:
        """Give it to a process that waits, or to a new one."""
        worker = self._idle.popleft() if self._idle else self._start()
        try:
            worker.line.send((task.work, task.course.video, *task.arguments))
        except LOST:  # it was killed while it waited
            worker.process.join()
            self.submit(task)
            return
        self._busy[worker.line] = worker, task

    def answers(self) -> list[tuple[Task, Answer]]:
        """What has come within a moment; of a process that was killed, that it was."""
        came = []
        for line in wait(list(self._busy), POLL):
            assert isinstance(line, Connection)
            worker, task = self._busy.pop(line)
            try:
                answer = line.recv()
                self._idle.append(worker)
            except LOST:
                worker.process.join()
                line.close()
                answer = _lost(worker.process.exitcode)
            came.append((task, answer))
        return came

    def told(self) -> str:
        """How many there are."""
        return counted(self._count, "process") if self._count == 1 else f"{self._count} processes"

    def close(self) -> None:
        """Those that wait end by themselves; those that work are killed."""
        for worker in self._idle:
            worker.line.close()
        for worker, _ in self._busy.values():
            worker.process.kill()
        for worker in [*self._idle, *(worker for worker, _ in self._busy.values())]:
            worker.process.join()

    def _start(self) -> Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=work_for, args=(theirs, PATIENCE), daemon=True)
        process.start()
        theirs.close()
        return Worker(process, ours)


def work_for(line: Connection, patience: float) -> None:
    """What a worker does until nobody is at the other end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the driver answers it
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # runtimes greet there; what matters is in the answers
    threading.Thread(target=_end_with_parent, daemon=True).start()
    threading.Thread(target=_end_when_it_hangs, args=(patience,), daemon=True).start()
    with suppress(*LOST):
        while True:
            line.send(perform(*line.recv()))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _end_when_it_hangs(patience: float) -> None:
    """A thread that is stuck in a decoder cannot be ended; its process can."""
    while waiting() < patience:
        time.sleep(POLL)
    os._exit(HANGS)


def hanging(patience: float) -> Answer:
    """What is answered for a video whose decoder took longer."""
    return Answer(reason=f"its decoder hangs: no frame came for {patience:g} s; export it again")


def _lost(status: int | None) -> Answer:
    """What is answered for a process that ended, by how it ended."""
    if status == HANGS:
        return hanging(PATIENCE)
    how = (
        f"was ended by {signal.Signals(-status).name}"
        if status and status < 0
        else f"ended with status {status}"
    )
    return Answer(reason=f"its process {how}", again=True)
