"""How the driver leads videos through their work, whatever the answers are; nothing is painted here."""

from __future__ import annotations

import argparse
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

import pytest

from edge.batch.driver import TRIES, Driver, Task
from edge.batch.work import Answer, Piece, Plan, Video, paint, plan
from edge.options import progress_bar
from edge.stylize import Outcome
from keras_vst.errors import UserError

LOST = Answer(reason="its process was ended by SIGKILL", again=True)


class Script:
    """An engine that answers as `reply` says, the last task first, and writes down what was done."""

    def __init__(self, reply: Callable[[Task], Answer], room: int = 2) -> None:
        self.done: list[tuple[str, str]] = []
        self._reply, self._room, self._tasks = reply, room, deque[Task]()

    def room(self) -> int:
        return self._room

    def submit(self, task: Task) -> None:
        self._tasks.append(task)
        assert len(self._tasks) <= self._room

    def answers(self) -> list[tuple[Task, Answer]]:
        task = self._tasks.pop()
        piece = task.arguments[1].key if task.work is paint else ""
        self.done.append((task.work.__name__, f"{task.course.video.options.input}{piece}"))
        return [(task, self._reply(task))]

    def told(self) -> str:
        return "a script"

    def close(self) -> None:
        self._tasks.clear()


def good(task: Task) -> Answer:
    """Two pieces a video, ten frames each."""
    if task.work is plan:
        return Answer(Plan("key", (Piece("1"), Piece("2")), (64, 48), frames=20))
    return Answer((Outcome(10), False) if task.work is paint else task.arguments[1])


def drive(reply: Callable[[Task], Answer], names: str = "abc") -> tuple[Driver, Script, Any]:
    videos = [Video(argparse.Namespace(input=name, output=name), "looks") for name in names]
    script = Script(reply)
    with progress_bar(True, None) as progress:
        driver = Driver(videos, script, progress)
        driver.run()
    return driver, script, progress


def test_every_piece_is_painted_once_and_every_video_joined_once_behind_its_pieces():
    driver, script, progress = drive(good)
    assert Counter(script.done).most_common(1)[0][1] == 1
    for name in "abc":
        order = [work for work, which in script.done if which.startswith(name)]
        assert order == ["plan", "paint", "paint", "join"]
    assert [course.outcome.frames for course in driver.courses] == [20, 20, 20]
    assert progress.total == 60


def test_work_that_was_lost_is_done_again_and_given_up_after_some_tries():
    tries: Counter[str] = Counter()

    def reply(task: Task) -> Answer:
        if task.work is paint and task.course.video.options.input in "ab":
            tries[task.course.video.options.input] += 1
            if task.course.video.options.input == "a" or tries["b"] == 1:
                return LOST
        return good(task)

    driver, _, _ = drive(reply)
    assert [course.reason for course in driver.courses] == [LOST.reason, None, None]
    assert (
        TRIES <= tries["a"] < 2 * TRIES
    )  # the first of its pieces that has used up its tries ends all of it
    assert driver.courses[1].outcome.frames == 20


def test_a_poisoned_video_fails_alone_and_its_other_pieces_are_not_painted():
    def reply(task: Task) -> Answer:
        if task.course.video.options.input == "b" and task.work is plan:
            return Answer(reason="b cannot be read as a clip")
        if task.course.video.options.input == "c" and task.work is paint:
            return Answer(reason="c is damaged")
        return good(task)

    driver, script, _ = drive(reply, "bcda")
    assert [course.reason for course in driver.courses] == [
        "b cannot be read as a clip",
        "c is damaged",
        None,
        None,
    ]
    assert not {("paint", "b1"), ("join", "b"), ("join", "c")} & set(script.done)


def test_a_disk_that_stays_full_ends_the_run_in_one_line():
    def reply(task: Task) -> Answer:
        full = Answer(reason="cannot write x: the disk is full.", again=True, full=True)
        return full if task.work is paint else good(task)

    with pytest.raises(UserError, match=r"^cannot write x: the disk is full\. What is finished stays; run"):
        drive(reply)


def test_a_video_that_cannot_be_cut_is_painted_as_a_whole():
    def reply(task: Task) -> Answer:
        cut = task.work is paint and not task.arguments[1].whole
        return Answer(None) if cut and task.arguments[1].key == "2" else good(task)

    driver, script, _ = drive(reply, "a")
    assert [work for work, _ in script.done].count("join") == 1
    assert driver.courses[0].outcome.frames == 10  # of the whole alone
    assert driver.courses[0].plan is not None
    assert [piece.whole for piece in driver.courses[0].plan.pieces] == [True]


def test_what_an_earlier_run_has_finished_is_left_as_it_is():
    def reply(task: Task) -> Answer:
        return Answer(Plan("key", (), (64, 48), frames=20, done=Outcome(20)))

    driver, script, _ = drive(reply)
    assert {work for work, _ in script.done} == {"plan"}
    assert [(course.there, course.outcome.frames) for course in driver.courses] == [(True, 20)] * 3
