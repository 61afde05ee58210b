"""Leads many videos through their work: plan, paint every piece, join; whatever fails fails one video alone.

Only small values pass through here, never frames.  Who does the work is an `Engine`: processes, or a cluster.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from edge.batch.work import Answer, Piece, Plan, Video, join, paint, plan
from edge.stylize import Outcome
from keras_vst.errors import UserError

TRIES = 4  # of a piece of work whose process or machine was lost or in trouble


@dataclass(eq=False)
class Course:
    """One video on its way."""

    video: Video
    plan: Plan | None = None
    missing: set[Piece] = field(default_factory=set)  # not painted yet
    outcome: Outcome = field(default_factory=Outcome)
    found: int = 0  # pieces that an earlier run had painted
    there: bool = False  # all of it was finished already
    reason: str | None = None  # why it failed


@dataclass(frozen=True, eq=False)
class Task:
    """A piece of work for one worker."""

    course: Course
    work: Callable[..., Any]
    arguments: tuple[Any, ...] = ()
    plan: Plan | None = None  # that it is part of
    tries: int = 1


class Engine(Protocol):
    """Whoever does tasks, several at once."""

    def room(self) -> int:
        """How many tasks it wants to have at this moment."""
        ...

    def submit(self, task: Task) -> None:
        """Begin one."""
        ...

    def answers(self) -> list[tuple[Task, Answer]]:
        """Those that have come; waits a moment for the first.  A lost worker answers too, that another try may help."""
        ...

    def told(self) -> str:
        """What it is, in words."""
        ...

    def close(self) -> None:
        """End all work, finished or not."""
        ...


class Driver:
    """Takes videos through an engine, once."""

    def __init__(self, videos: Sequence[Video], engine: Engine, progress: Any) -> None:
        """`progress` is a bar that counts frames."""
        self.courses = [Course(video) for video in videos]
        self.tried_again = 0
        self._engine, self._progress = engine, progress
        self._unplanned = deque(self.courses)
        self._ready: deque[Task] = deque()
        self._running = self._planned_frames = 0

    def run(self) -> None:
        """Go on until each video is finished or has failed; a full disk ends all of it."""
        while self._unplanned or self._ready or self._running:
            while self._running < self._engine.room() and (task := self._next()) is not None:
                self._engine.submit(task)
                self._running += 1
            for task, answer in self._engine.answers():
                self._running -= 1
                self._take(task, answer)

    def _next(self) -> Task | None:
        """What is ready; else another video is planned, so that there is always enough to do and never much waits."""
        while self._ready:
            task = self._ready.popleft()
            if self._counts(task):
                return task
        return Task(self._unplanned.popleft(), plan) if self._unplanned else None

    def _counts(self, task: Task) -> bool:
        """Whether a task still matters: not when its video has failed, or was planned otherwise meanwhile."""
        return task.course.reason is None and task.course.plan is task.plan

    def _take(self, task: Task, answer: Answer) -> None:
        if not self._counts(task):
            return
        if answer.reason is None:
            after = {plan: self._planned, paint: self._painted, join: self._joined}[task.work]
            after(task, answer.result)
        elif answer.again and task.tries < TRIES:
            self.tried_again += 1
            self._ready.append(replace(task, tries=task.tries + 1))
        elif answer.full:
            raise UserError(f"{answer.reason} What is finished stays; run the same again to go on.")
        else:
            task.course.reason = answer.reason

    def _planned(self, task: Task, plan: Plan) -> None:
        self._expect(plan.frames)
        self._begin(task.course, plan)
        if plan.done is not None:
            task.course.outcome, task.course.there = plan.done, True
            self._progress.update(plan.frames)

    def _begin(self, course: Course, plan: Plan) -> None:
        course.plan, course.missing, course.outcome, course.found = plan, set(plan.pieces), Outcome(), 0
        self._ready.extend(Task(course, paint, (plan.size, piece), plan) for piece in plan.pieces)

    def _painted(self, task: Task, result: tuple[Outcome, bool] | None) -> None:
        course, plan, (_, piece) = task.course, task.plan, task.arguments
        assert plan is not None
        if result is None:
            self._begin(course, plan.uncut())
            return
        outcome, found = result
        course.missing.discard(piece)
        course.outcome.add(outcome)
        course.found += found
        self._progress.update(outcome.frames)
        if not course.missing:  # first of all: then its pieces can go
            self._ready.appendleft(Task(course, join, (plan, course.outcome), plan))

    def _joined(self, task: Task, outcome: Outcome) -> None:
        task.course.outcome = outcome

    def _expect(self, frames: int) -> None:
        """Let the bar show how much there is: of the videos that are not planned yet, as much as of the others."""
        self._planned_frames += frames
        planned = len(self.courses) - len(self._unplanned)
        self._progress.total = round(self._planned_frames * len(self.courses) / max(1, planned))
        self._progress.refresh()
